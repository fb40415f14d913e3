# Decision v1. Only the files here read `input`; everything else gets the request as an argument.
package trustspace.v1

import data.trustspace.odrl
import data.trustspace.points
import data.trustspace.site

# Revision of the sources, written by the build.
default revision := ""

revision := data.trustspace.meta.revision

default decide := {}

decide := decision(input)

decide_many := [decision(q) | some q in input.requests]

default decision(_) := {}

decision(q) := object.union(common(q, considered), answer(q, work, objections)) if {
	work := [policy(q, p) | some p in q.policies]
	considered := [id | some w in work; some id in w.ids]
	sent := [id | some p in q.policies; some id in ids(p)]
	objections := array.concat(outside(q, count(sent) - count(considered)), inside(q, work))
}

common(q, considered) := {
	"v": 1,
	"id": q.id,
	"bundle": revision,
	"policy": [p.uid | some p in q.policies],
	"considered": considered,
}

default ids(_) := []

ids(p) := [id |
	some rules in [p.permissions, p.prohibitions, p.obligations]
	some rule in rules
	id := rule.id
]

# policy(q, p): every rule of one policy, evaluated.
default policy(_, _) := {"ids": []}

policy(q, p) := {
	"conflict": p.conflict,
	"permissions": permissions,
	"prohibitions": prohibitions,
	"obligations": obligations,
	"ids": [id |
		some results in [permissions, prohibitions, obligations]
		some result in results
		id := result.id
	],
} if {
	permissions := [odrl.permission(q, rule) | some rule in p.permissions]
	prohibitions := [odrl.prohibition(q, rule) | some rule in p.prohibitions]
	obligations := [odrl.duty(q, null, d) | some d in p.obligations]
}

# outside(q, lost): what speaks against the question itself. `lost` is the number of rules that
# went in and did not come out; alone it decides, nothing may make up for it.
outside(q, lost) := array.concat(
	array.concat(
		[r | lost != 0; r := odrl.reason("engine.considered", {})],
		[r | q.bundle != revision; r := odrl.reason("engine.revision", {"expected": revision, "actual": q.bundle})],
	),
	array.concat(points.objections(q), site.objections(q)),
)

# inside(q, work): prohibitions that bite and obligations that are overdue, in any policy.
inside(q, work) := array.concat(
	[r | some w in work; some p in w.prohibitions; p.bites; some r in bitten(q, w, p)],
	array.concat(
		[r | some w in work; some p in w.prohibitions; some r in p.late],
		[r | some w in work; some o in w.obligations; some r in o.reasons],
	),
)

default bitten(_, _, _) := [{
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}]

bitten(_, w, p) := p.reasons if not void(w)

bitten(_, w, p) := array.concat([odrl.reason("odrl.conflict.invalid", {"rule": p.id})], p.reasons) if void(w)

# void(w): the policy itself says that a conflict makes it invalid.
void(w) if {
	w.conflict == "invalid"
	some p in w.permissions
	p.grants
}

granting(work) := [p | some w in work; some p in w.permissions; p.grants]

answer(q, work, objections) := odrl.allowance(q, granted, owed, ruling) if {
	count(objections) == 0
	granted := granting(work)
	count(granted) > 0
	owed := [o |
		some w in work
		some rules in [w.prohibitions, w.obligations]
		some d in rules
		some o in d.obligations
	]
	ruling := [r |
		some w in work
		some rules in [w.permissions, w.prohibitions]
		some r in rules
		r.active
	]
}

else := odrl.denial(array.concat(objections, ungranted(q, work)))

# Why no permission grants; nothing when one does.
ungranted(q, work) := [] if {
	q.action
	count(granting(work)) > 0
}

else := [r | some w in work; some p in w.permissions; p.active; some r in p.reasons] if {
	some w in work
	some p in w.permissions
	p.active
}

else := [odrl.reason("odrl.no_permission", {"expected": q.action})]
