# What cannot be worked out must not open anything: the defaults of functions used in comprehensions.
package trustspace.stumbling_test

import data.trustspace.odrl
import data.trustspace.operands
import data.trustspace.points
import data.trustspace.v1

lost := {
	"id": "engine.considered", "at": null, "rule": null, "left": null, "op": null,
	"expected": null, "actual": null, "unit": null, "src": null,
}

test_a_rule_that_stumbles_is_unknown if odrl.judge({}, {}).value == "unknown"

test_a_permission_that_stumbles_does_not_grant if not odrl.permission({}, {"id": "p1", "leaves": null}).grants

test_a_permission_that_is_none_does_not_grant if odrl.permission({}, {}).grants == false

test_a_prohibition_that_stumbles_bites if {
	result := odrl.prohibition({}, {})
	result.bites
	result.reasons == [lost]
}

test_a_duty_that_stumbles_objects if odrl.duty({}, "p1", {}).reasons == [lost]

test_a_fulfilment_that_stumbles_is_none if odrl.unmet("p1", {}, {}, 0) == [lost]

test_a_proof_that_stumbles_is_unknown if odrl.proven({}, {}, 0).value == "unknown"

test_a_comparison_that_stumbles_is_unknown if odrl.weigh({}, {}, {}).value == "unknown"

test_a_connective_nobody_knows_is_unknown if odrl.combine("nand", ["true"]) == "unknown"

test_a_node_without_parts_is_unknown if {
	every kind in ["and", "or", "xone", "andSequence"] {
		odrl.combine(kind, []) == "unknown"
	}
}

test_a_value_nobody_knows_is_unknown if {
	odrl.conjunction(["true", "maybe"]) == "unknown"
	odrl.disjunction(["false", "maybe"]) == "unknown"
	odrl.holds("maybe") == false
	odrl.truth("maybe") == "unknown"
}

test_levels_that_stumble_leave_nothing_true if odrl.level(null, 0, null) == {}

# Names without a thing are refused before they come here; if one did, it would be unknown.
test_a_name_without_a_leaf_is_unknown if {
	rule := {
		"id": "p1",
		"actions": ["odrl:use"],
		"target": null,
		"assignee": null,
		"leaves": [],
		"logic": [[{"id": "l1", "kind": "or", "args": ["c9"], "src": ""}]],
		"top": [],
		"refine": [],
	}
	every top in [["c9"], ["l1"]] {
		odrl.judge({}, object.union(rule, {"top": top})).value == "unknown"
	}
}

test_an_operator_nobody_knows_is_unknown if {
	odrl.compare("odrl:like", object.union(operands.blank, {"status": "ok", "value": "A"}), "A") == "unknown"
}

test_objects_are_not_compared if {
	fact := object.union(operands.blank, {"status": "ok", "value": {"a": 1}})
	every op in ["odrl:eq", "odrl:neq", "odrl:isAnyOf", "odrl:isNoneOf", "odrl:isAllOf"] {
		odrl.compare(op, fact, {"a": 1}) == "unknown"
	}
}

test_lists_of_objects_are_not_compared if {
	fact := object.union(operands.blank, {"status": "ok", "value": [{"a": 1}]})
	odrl.compare("odrl:eq", fact, [{"a": 1}]) == "unknown"
}

test_an_operand_without_a_clause_is_an_error if operands.fact("acme:mood", {}, {}).status == "error"

test_a_mask_nobody_knows_is_no_mask if odrl.strongest([{"column": "a", "method": "blur", "params": {}}]) == null

test_a_mask_nobody_knows_spoils_the_others if {
	odrl.strongest([{"column": "a", "method": "blur", "params": {}}, {"column": "a", "method": "hash", "params": {}}]) == null
}

test_a_filter_that_is_none_is_no_filter if odrl.joined([]) == null

test_a_point_nobody_knows_objects if {
	q := {"point": "elsewhere", "policies": [{"kind": "set"}]}
	[r.id | some r in points.objections(q)] == ["policy.kind"]
}

test_an_agreement_that_stumbles_objects if count(points.agreement_objections({})) == 1

test_a_form_that_stumbles_is_unknown if points.form({}) == "unknown"

test_a_policy_that_stumbles_has_no_ids if v1.policy({}, {}).ids == []

# A rule that got lost denies, whatever the others say.
test_lost_rules_deny if {
	some lost in [1, -1]
	q := {"bundle": v1.revision, "point": "catalog", "policies": []}
	[r.id | some r in v1.outside(q, lost)] == ["engine.considered"]
}

test_helpers_that_stumble_open_nothing if {
	odrl.nodes_at(null, 0) == []
	odrl.arguments({}, {}) == []
	odrl.as_set(null) == set()
	odrl.wishes({}) == [{}]
	odrl.about(null, {}) == {}
	odrl.reason(null, null) == lost
	odrl.leaf_reason(null, {}, {}) == lost
	count(odrl.unmet("p1", {}, null, 0)) == 1
	v1.bitten({}, {"conflict": null}, {}) == [lost]
}

# What stumbles about duties asks for more, never for less.
test_duties_that_stumble if {
	count(odrl.duty({}, null, {"when": "before"}).reasons) == 1
	count(odrl.duty(null, null, null).reasons) == 1
	odrl.bond(null, {"logic": null, "top": ["c1"]}).value == "unknown"
	count(odrl.missing({"duties": {}}, null, {})) == 1
	count(odrl.undone({}, null, {})) == 1
	odrl.standing({}, {}) == "unfulfilled"
	odrl.proven({}, {}, 0).value == "unknown"
}

# What stumbles about constraints is unknown, and told as not active.
test_constraints_that_stumble if {
	odrl.assess(null, {"refine": null, "top": null}).value == "unknown"
	odrl.judge(null, null).value == "unknown"
	odrl.trace({}, {}) == []
	odrl.shown({}, "permission", null).active == false
	odrl.stands({}, {}).standing == "unfulfilled"
}
