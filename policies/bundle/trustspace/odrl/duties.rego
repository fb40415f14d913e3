# Duties: what must be done before, with or after a use, and what follows when it was not.
#
# A duty whose own constraints are false does not bind. One that has lapsed asks for its
# consequences beside itself. A remedy is owed once its prohibition was breached.
package trustspace.odrl

import data.trustspace.operands
import data.trustspace.points

# duty(q, rule_id, d): reasons against, and what an allow must carry.
default duty(_, _, _) := {
	"reasons": [{
		"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
		"expected": null, "actual": null, "unit": null, "src": null,
	}],
	"obligations": [],
}

duty(q, _, d) := {"id": d.id, "reasons": [], "obligations": []} if {
	unbound(q, d)
}

duty(q, rule_id, d) := {"id": d.id, "reasons": missing(q, rule_id, d), "obligations": []} if {
	not unbound(q, d)
	d.when == "before"
	outstanding(q, d) == false
}

duty(q, rule_id, d) := {"id": d.id, "reasons": [], "obligations": [owed(q, rule_id, d)]} if {
	not unbound(q, d)
	outstanding(q, d)
}

duty(q, rule_id, d) := {"id": d.id, "reasons": overdue(q, rule_id, d), "obligations": [owed(q, rule_id, d)]} if {
	not unbound(q, d)
	d.when != "before"
}

# bond(q, d): the values of a duty's own constraints, and whether it binds.
default bond(_, _) := {"values": {}, "value": "unknown"}

bond(q, d) := {"values": all, "value": conjunction([object.get(all, id, "unknown") | some id in d.top])} if {
	leaves := {leaf.id: weigh(q, {"counter": null}, leaf) | some leaf in d.leaves}
	all := values(sequenced(d.logic, leaves), {id: result.value | some id, result in leaves})
}

default unbound(_, _) := false

unbound(q, d) if {
	count(d.top) > 0
	bond(q, d).value == "false"
}

# outstanding(q, d): a pre-duty may still be open where terms are only discussed.
default outstanding(_, _) := false

outstanding(q, d) if {
	d.when == "before"
	q.point in points.discussing
	count(missing(q, null, d)) > 0
}

# missing(q, rule_id, d): what is not done of a duty and, once it has lapsed, of what follows.
default missing(_, _, _) := [{
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}]

missing(q, rule_id, d) := array.concat(undone(q, rule_id, d), [r |
	some each in following(q, d)
	some r in undone(q, rule_id, each)
])

default undone(_, _, _) := [{
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}]

undone(q, rule_id, d) := unmet(rule_id, d, object.get(q.duties.fulfilled, d.id, null), q.now)

default following(_, _) := []

following(q, d) := d.consequences if lapsed(q, d)

# A duty without a term never lapses; one done late has lapsed.
default lapsed(_, _) := true

lapsed(q, d) := false if term(q, d) == null

lapsed(q, d) := done_at(q, d) > term(q, d) if term(q, d) != null

done_at(q, d) := object.get(q.duties.fulfilled, d.id, {"at": q.now}).at

# term(q, d): the moment until which a duty has to be done, or null.
default term(_, _) := null

term(q, d) := q.duties.outstanding[d.id]

term(q, d) := d.deadline if object.get(q.duties.outstanding, d.id, null) == null

default unmet(_, _, _, _) := [{
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}]

unmet(rule_id, d, null, _) := [reason("odrl.duty.unfulfilled", object.union(about(rule_id, d), wanted)) |
	some wanted in wishes(d)
]

unmet(rule_id, d, record, now) := [r |
	some leaf in d.refine
	result := proven(leaf, record, now)
	result.value != "true"
	r := leaf_reason(rule_id, leaf, result)
] if {
	record != null
	is_array(d.refine)
}

default about(_, _) := {}

about(rule_id, d) := {"at": d.id, "rule": rule_id, "src": d.src}

default wishes(_) := [{}]

wishes(d) := [{"expected": d.action}] if count(d.refine) == 0

wishes(d) := [{"left": leaf.left, "op": leaf.op, "expected": leaf.right, "unit": leaf.unit} |
	some leaf in d.refine
] if {
	count(d.refine) > 0
}

default proven(_, _, _) := {"value": "unknown", "reason": "fact.unavailable", "fact": {"value": null}}

proven(leaf, record, now) := measure(leaf, object.union(operands.blank, object.get(record.facts, leaf.left, {})), now)

default overdue(_, _, _) := []

overdue(q, rule_id, d) := [reason("odrl.obligation.overdue", object.union(about(rule_id, d), {
	"op": d.action,
	"expected": term(q, d),
	"actual": q.now,
}))] if {
	term(q, d) != null
	q.now > term(q, d)
	not settled(q, d)
}

default settled(_, _) := false

settled(q, d) if count(missing(q, null, d)) == 0

settled(q, d) if {
	some remedy in d.remedies
	object.get(q.duties.fulfilled, remedy, null) != null
}

owed(q, rule_id, d) := {
	"id": d.id,
	"rule": rule_id,
	"action": d.action,
	"when": d.when,
	"due": due(q, d),
	"params": d.params,
	"on_failure": d.on_failure,
	"src": d.src,
}

default due(_, _) := null

due(q, d) := term(q, d) if term(q, d) != null

due(q, d) := q.now + d.delay if {
	term(q, d) == null
	is_number(d.delay)
}

# standing(q, d): how a duty stands, for whoever asks to see it.
default standing(_, _) := "unfulfilled"

standing(q, d) := "unbound" if unbound(q, d)

standing(q, d) := "fulfilled" if {
	not unbound(q, d)
	count(missing(q, null, d)) == 0
}

standing(q, d) := "overdue" if {
	not unbound(q, d)
	count(missing(q, null, d)) > 0
	count(overdue(q, null, d)) > 0
}
