# The generic ODRL evaluator: one rule at a time, over normalised rules.
#
# A permission grants when it is true and its pre-duties are done; a prohibition bites unless it is
# false. Every function used inside a comprehension has a default, because a comprehension drops
# what is undefined, and a dropped duty or prohibition would open the door.
package trustspace.odrl

import data.trustspace.operands
import data.trustspace.points

# reason(id, members): a reason with every member.
default reason(_, _) := {
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}

reason(id, members) := object.union(
	{
		"id": id, "at": null, "rule": null, "left": null, "op": null,
		"expected": null, "actual": null, "unit": null, "src": null,
	},
	members,
)

# judge(q, rule): does the rule concern the request, what is it worth, and why not more.
default judge(_, _) := {
	"active": true,
	"value": "unknown",
	"reasons": [],
	"depends": [],
	"moments": [],
	"deferred": [],
}

judge(q, rule) := {
	"active": found.active,
	"value": found.value,
	"reasons": reasons,
	"depends": [d | some leaf in rule.leaves; some d in leaves[leaf.id].fact.depends],
	"moments": [t | some leaf in rule.leaves; some t in moments(leaf, leaves[leaf.id].fact)],
	"deferred": [id |
		some leaf in rule.leaves
		leaves[leaf.id].value == "deferred"
		id := concat("/", [rule.id, leaf.id])
	],
} if {
	found := assess(q, rule)
	leaves := found.leaves
	all := found.values
	blamed := blame(rule, all, {id |
		some id in array.concat(rule.refine, rule.top)
		not holds(object.get(all, id, "unknown"))
	})
	reasons := array.concat(
		[r | some leaf in rule.leaves; leaf.id in blamed; r := leaf_reason(rule.id, leaf, leaves[leaf.id])],
		[r |
			some level in rule.logic
			some node in level
			node.id in blamed
			node.kind in {"xone", "andSequence"}
			r := reason("odrl.logic.unsatisfied", {"at": node.id, "rule": rule.id, "op": node.kind, "src": node.src})
		],
	)
}

# assess(q, rule): what the constraints are worth, without the reasons.
default assess(_, _) := {"active": true, "leaves": {}, "values": {}, "value": "unknown", "refined": "unknown"}

assess(q, rule) := {
	"active": covers(q, rule),
	"leaves": leaves,
	"values": all,
	"value": conjunction([object.get(all, id, "unknown") | some id in array.concat(rule.refine, rule.top)]),
	"refined": conjunction([object.get(all, id, "unknown") | some id in rule.refine]),
} if {
	leaves := {leaf.id: weigh(q, rule, leaf) | some leaf in rule.leaves}
	all := values(sequenced(rule.logic, leaves), {id: result.value | some id, result in leaves})
}

default covers(_, _) := false

covers(q, rule) if {
	q.action in rule.actions
	named(rule.target, q.resource.ids)
	named(rule.assignee, array.concat(q.subject.ids, q.subject.groups))
}

default named(_, _) := false

named(null, _) := true

named(name, names) if name in names

# weigh(q, rule, leaf): the value of one comparison, with the fact behind it.
default weigh(_, _, _) := {
	"value": "unknown",
	"reason": "odrl.constraint.unknown",
	"fact": {"value": null, "depends": [], "expires": null},
}

weigh(q, _, leaf) := {"value": "deferred", "reason": "odrl.constraint.unknown", "fact": operands.blank} if {
	points.put_off(q, leaf.left)
}

weigh(q, _, leaf) := measure(leaf, object.union(operands.blank, q.facts[leaf.left]), q.now) if {
	not points.put_off(q, leaf.left)
	points.supplied(q, leaf.left)
}

weigh(q, _, leaf) := {"value": "unknown", "reason": "odrl.operand.unknown", "fact": operands.blank} if {
	not points.supplied(q, leaf.left)
	not leaf.left in operands.known
}

weigh(q, _, leaf) := {"value": value, "reason": "odrl.constraint.unknown", "fact": operands.blank} if {
	not points.put_off(q, leaf.left)
	not points.supplied(q, leaf.left)
	leaf.left in operands.known
	points.postponed(q.point, leaf.left)
	value := points.form(leaf)
}

weigh(q, rule, leaf) := measure(leaf, fact, q.now) if {
	not points.put_off(q, leaf.left)
	not points.supplied(q, leaf.left)
	leaf.left in operands.known
	not points.postponed(q.point, leaf.left)
	fact := object.union(operands.blank, operands.fact(leaf.left, q, {"rule": rule, "leaf": leaf}))
}

# measure(leaf, fact, now): compare, when there is something to compare.
measure(leaf, fact, now) := {"value": "unknown", "reason": "fact.unavailable", "fact": fact} if {
	not usable(fact, now)
}

else := {"value": "unknown", "reason": "odrl.constraint.unknown", "fact": fact} if {
	fact.unit != leaf.unit
}

else := {"value": value, "reason": blame_of[value], "fact": fact} if {
	value := compare(leaf.op, fact, leaf.right)
}

blame_of := {
	"true": "odrl.constraint.unsatisfied",
	"false": "odrl.constraint.unsatisfied",
	"unknown": "odrl.constraint.unknown",
}

default usable(_, _) := false

usable(fact, now) if {
	fact.status == "ok"
	lasting(fact.expires, now)
}

default lasting(_, _) := false

lasting(null, _) := true

lasting(end, now) if end > now

# blame(rule, all, top): what keeps the rule from holding, from the top level down.
blame(rule, all, top) := below(rule, all, 0, below(rule, all, 1, below(rule, all, 2, below(rule, all, 3, top))))

below(rule, all, depth, blamed) := {id | some id in array.concat([b | some b in blamed], more)} if {
	more := [id |
		some node in nodes_at(rule.logic, depth)
		node.id in blamed
		some id in node.args
		not holds(object.get(all, id, "unknown"))
	]
}

default leaf_reason(_, _, _) := {
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}

leaf_reason(rule_id, leaf, result) := reason(result.reason, {
	"at": leaf.id,
	"rule": rule_id,
	"left": leaf.left,
	"op": leaf.op,
	"expected": leaf.right,
	"actual": reportable(result.fact.value),
	"unit": leaf.unit,
	"src": leaf.src,
})

default reportable(_) := null

reportable(value) := value if type_name(value) in {"string", "number", "boolean", "array"}

# moments(leaf, fact): Unix seconds at which the comparison may change by the passing of time.
default moments(_, _) := []

moments(leaf, fact) := array.concat(
	[t | some t in [fact.expires]; is_number(t)],
	[t | leaf.left in operands.clocks; some r in as_list(leaf.right); is_number(r); some t in [r, r + 1]],
)

# permission(q, rule) and prohibition(q, rule): the rule with what it comes to.
default permission(_, _) := {"active": false, "grants": false, "reasons": []}

permission(q, rule) := object.union(verdict, {
	"id": rule.id,
	"rule": rule,
	"grants": grants,
	"reasons": reasons,
	"obligations": [o | some d in duties; some o in d.obligations],
}) if {
	verdict := judge(q, rule)
	duties := [duty(q, rule.id, d) | some d in rule.duties]
	reasons := array.concat(verdict.reasons, [r | some d in duties; some r in d.reasons])
	grants := all_are([verdict.active, holds(verdict.value), count(reasons) == 0, count(duties) == count(rule.duties)], true)
}

default prohibition(_, _) := {
	"active": true,
	"bites": true,
	"reasons": [{
		"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
		"expected": null, "actual": null, "unit": null, "src": null,
	}],
	"late": [],
	"obligations": [],
}

prohibition(q, rule) := object.union(verdict, {
	"id": rule.id,
	"bites": bites,
	"reasons": prohibited(q, rule, verdict),
	"late": [r | some d in remedies; some r in d.reasons],
	"obligations": [o | some d in remedies; some o in d.obligations],
}) if {
	remedies := [duty(q, rule.id, d) | some d in rule.duties; object.get(q.duties.outstanding, d.id, null) != null]
	verdict := judge(q, rule)
	bites := [verdict.active, harmless(verdict.value)] == [true, false]
}

# What a prohibition may be worth without biting. No value of `in` is compared with false here or
# elsewhere: `opa fmt` moves the parentheses.
default harmless(_) := false

harmless("false") := true

harmless("deferred") := true

# Beside the prohibition itself, what could not be found out.
prohibited(q, rule, verdict) := array.concat(
	[reason("odrl.prohibited", {"at": rule.id, "rule": rule.id, "expected": q.action, "src": rule.src})],
	[r | some r in verdict.reasons; r.id in {"odrl.operand.unknown", "odrl.constraint.unknown", "fact.unavailable"}],
)
