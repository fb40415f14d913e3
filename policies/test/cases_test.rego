# Every case of policies/cases against the rules. A case states what differs from `data.base`.
package trustspace.cases_test

import data.trustspace.v1

# One test for all of them: `opa test` traces parameterised tests, which takes twenty times as long.
test_cases if {
	count(names) >= 400
	print("failed:", names - passed)
	names == passed
}

names := {[group, case.name] | some group, cases in data.cases; some case in cases}

passed := {[group, case.name] |
	some group, cases in data.cases
	some case in cases
	v1.decision(request(case)) == decision(case)
}

test_decide if {
	case := data.cases.reasons[0]
	got := v1.decide with input as request(case)
	got == decision(case)
}

test_undefined_input_is_no_decision if v1.decide == {} with input as {"v": 1}

# The batch gives the same decisions, in the same order.
test_decide_many if {
	cases := [case | some _, group in data.cases; some case in group]
	count(cases) > 200
	got := v1.decide_many with input as {"requests": [request(case) | some case in cases]}
	got == [decision(case) | some case in cases]
}

request(case) := object.union(
	object.union(data.base.request, object.get(case, "request", {})),
	{
		"bundle": revised(object.get(case, ["request", "bundle"], "@")),
		"facts": {name: fact(f) | some name, f in object.get(case, ["request", "facts"], {})},
		"policies": [policy(p) | some p in case.policies],
		"duties": {
			"fulfilled": {id: fulfilment(f) | some id, f in object.get(case, ["request", "duties", "fulfilled"], {})},
			"outstanding": object.get(case, ["request", "duties", "outstanding"], {}),
		},
	},
)

decision(case) := object.union(
	object.union(standard(case.expect), case.expect),
	{
		"bundle": v1.revision,
		"reasons": [r |
			some given in object.get(case.expect, "reasons", [])
			r := object.union(data.base.reason, object.union(given, {"expected": expected(given)}))
		],
		"obligations": [object.union(data.base.obligation, o) | some o in object.get(case.expect, "obligations", [])],
	},
)

default expected(_) := null

expected(given) := revised(given.expected)

default revised(_) := null

revised(value) := value if value != "@"

revised("@") := v1.revision

standard(expect) := data.base.decision if expect.allow

standard(expect) := object.union(data.base.decision, data.base.denial) if not expect.allow

policy(given) := object.union(
	object.union(data.base.policy, given),
	{
		"permissions": [rule(r) | some r in object.get(given, "permissions", [])],
		"prohibitions": [rule(r) | some r in object.get(given, "prohibitions", [])],
		"obligations": [duty(d) | some d in object.get(given, "obligations", [])],
	},
)

rule(given) := object.union(
	object.union(data.base.rule, given),
	{
		"leaves": leaves(given),
		"top": object.get(given, "top", [leaf.id | some leaf in leaves(given)]),
		"duties": [duty(d) | some d in object.get(given, "duties", [])],
	},
)

leaves(given) := [object.union(data.base.leaf, leaf) | some leaf in object.get(given, "leaves", [])]

duty(given) := object.union(
	binding(given),
	{"consequences": [binding(each) | some each in object.get(given, "consequences", [])]},
)

binding(given) := object.union(
	object.union(data.base.duty, given),
	{
		"leaves": leaves(given),
		"top": object.get(given, "top", [leaf.id | some leaf in leaves(given)]),
		"refine": [object.union(data.base.leaf, leaf) | some leaf in object.get(given, "refine", [])],
	},
)

fulfilment(given) := object.union(
	object.union({"at": 1785000000, "evidence": "urn:evidence:1"}, given),
	{"facts": {name: fact(f) | some name, f in object.get(given, "facts", {})}},
)

fact(given) := object.union(data.base.fact, given)

# How a request came out is told rule by rule, one entry each, and an allow names active rules only.
test_trace if {
	cases := [case | some _, group in data.cases; some case in group]
	bad := [case.name |
		some case in cases
		q := request(case)
		told := v1.trace with input as q
		not agrees(told, v1.decision(q))
	]
	bad == []
}

agrees(told, decided) if {
	[shown.rule | some shown in told.rules] == decided.considered
	count([id | some id in decided.rules; not active_in(told, id)]) == 0
}

active_in(told, id) if {
	some shown in told.rules
	shown.rule == id
	shown.active
}
