"""Lowering: what peers write becomes flat typed rules, and what is not understood is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError, RemoteProtocolError, UnsupportedTermError
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.value import digest
from trustspace.policy.lower import lower, policy_digest
from trustspace.policy.narrow import same_rules
from trustspace.policy.predicate import Comparison, FilterLiteral, MaskSpec
from trustspace.policy.rule import Limit, PolicyIR

TS = "https://w3id.org/trustspace/ns#"
UNTIL = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2026-12-31T16:00:00Z"}
COUNT = {"leftOperand": "count", "operator": "lteq", "rightOperand": "10"}
PURPOSE = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["a", "b"]}
SPATIAL = {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": "CN"}


def offer(*constraints: dict[str, Any], **members: Any) -> Offer:
    permission = {"action": "use", "constraint": list(constraints)}
    return Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [permission], **members})


def lowered(*constraints: dict[str, Any], **members: Any) -> PolicyIR:
    return lower(offer(*constraints, **members), kind="offer")


def shape(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": TS + left, "operator": operator, "rightOperand": right}


def agreement(*constraints: dict[str, Any], **members: Any) -> Agreement:
    permission = {"action": "use", "constraint": list(constraints)}
    return Agreement.read(
        {
            "@id": "urn:a",
            "@type": "Agreement",
            "target": "urn:d",
            "assigner": "did:web:p",
            "assignee": "did:web:c",
            "permission": [permission],
            **members,
        }
    )


def test_a_permission_becomes_leaves_with_pointers():
    ir = lowered(UNTIL, PURPOSE)
    rule = ir.permissions[0]
    assert (ir.uid, ir.kind, ir.conflict) == ("urn:o", "offer", "prohibit")
    assert (rule.id, rule.src, rule.top) == ("p1", "/permission/0", ("c1", "c2"))
    assert rule.leaves[0].model_dump() == {
        "id": "c1",
        "left": "odrl:dateTime",
        "op": "odrl:lt",
        "right": 1798732800,
        "unit": None,
        "src": "/permission/0/constraint/0",
    }
    assert rule.leaves[1].right == ("a", "b")
    assert rule.actions[0] == "odrl:use"
    assert {"odrl:read", "ts:train"} <= set(rule.actions)
    assert (rule.target, rule.assignee, rule.counter, rule.limits) == (None, None, None, ())


def test_the_digest_names_the_policy_as_it_was_written():
    policy = offer(UNTIL)
    assert lower(policy, kind="offer").digest == policy_digest(policy) == digest(policy.to_wire())
    assert lower(policy, kind="offer", known_digest="sha256:x").digest == "sha256:x"


def test_policies_of_one_digest_keep_their_own_datasets():
    one, two = (offer(UNTIL, target=name) for name in ("urn:1", "urn:2"))
    for policy in (one, two):
        ir = lower(policy, kind="offer", known_digest="sha256:shared")
        assert ir.permissions[0].target == policy.target


def test_a_value_without_canonical_form_is_refused():
    with pytest.raises(PolicyError) as caught:
        lower(offer(UNTIL | {"x": 2**60}), kind="offer")
    assert caught.value.code == "policy.datatype"
    with pytest.raises(PolicyError):
        lower(offer(UNTIL | {"x": 2**60}), kind="offer", known_digest="sha256:without")


def test_equal_policies_are_lowered_once():
    assert lowered(UNTIL) is lowered(UNTIL)
    assert lowered(UNTIL) is not lowered(COUNT)
    large = PURPOSE | {"rightOperand": ["x" * 20_000]}
    assert lowered(large) is not lowered(large)
    assert lowered(large) == lowered(large)


def test_target_and_assignee_come_from_the_policy_or_the_caller():
    rule = lower(offer(), kind="offer", target="urn:d", assignee="did:web:c").permissions[0]
    assert (rule.target, rule.assignee) == ("urn:d", "did:web:c")
    rule = lower(agreement(), kind="agreement").permissions[0]
    assert (rule.target, rule.assignee) == ("urn:d", "did:web:c")
    rule = lower(offer(assignee="did:web:x"), kind="offer").permissions[0]
    assert rule.assignee == "did:web:x"
    with pytest.raises(PolicyError) as caught:
        lower(agreement(), kind="agreement", target="urn:other")
    assert (caught.value.code, caught.value.location) == ("policy.target", "/target")
    with pytest.raises(PolicyError) as caught:
        lower(offer(assignee={"@id": "x"}), kind="offer")
    assert (caught.value.code, caught.value.location) == ("policy.datatype", "/assignee")


def test_rule_ids_may_have_a_prefix():
    ir = lower(offer(COUNT, prohibition=[{"action": "sell"}]), kind="set", prefix="a.")
    assert list(ir.rule_ids()) == ["a.p1", "a.x1"]
    assert ir.permissions[0].counter == "rule:a.p1"


def test_a_count_is_a_leaf_and_a_limit():
    rule = lowered(COUNT).permissions[0]
    assert rule.counter == "rule:p1"
    assert rule.limits == (Limit(counter="rule:p1", max=10, unit="count"),)
    assert rule.leaves[0].right == 10
    below = COUNT | {"operator": "lt"}
    assert lowered(below, COUNT).permissions[0].limits[0].max == 9


@pytest.mark.parametrize(("operator", "right"), [("lteq", "0"), ("lt", "1"), ("lteq", "-1")])
def test_a_count_allows_something(operator, right):
    with pytest.raises(PolicyError) as caught:
        lowered(COUNT | {"operator": operator, "rightOperand": right})
    assert caught.value.code == "policy.datatype"
    assert caught.value.location == "/permission/0/constraint/0/rightOperand"


def test_filters_columns_and_masks_are_no_leaves():
    rule = lowered(
        shape("rowFilter", "eq", 'grade = "A"'),
        shape("columns", "isNoneOf", ["id", "phone"]),
        shape("columns", "isAnyOf", ["a", "b"]),
        shape("columns", "isAnyOf", ["b", "c"]),
        shape("mask", "isAllOf", ["phone:hash", "name:partial"]),
    ).permissions[0]
    assert (rule.leaves, rule.top) == ((), ())
    literal = FilterLiteral(type="string", value="A")
    assert rule.filters == (Comparison(op="eq", field="grade", value=literal),)
    assert rule.columns == ("b",)
    assert rule.masks == (
        MaskSpec(column="id", method="drop", params={}),
        MaskSpec(column="phone", method="drop", params={}),
        MaskSpec(column="name", method="partial", params={}),
    )


@pytest.mark.parametrize(
    ("constraint", "code"),
    [
        (shape("rowFilter", "eq", "grade ="), "policy.where"),
        (shape("mask", "isAllOf", ["phone:hsh"]), "policy.mask"),
        (shape("columns", "isNoneOf", [" "]), "policy.datatype"),
        (shape("columns", "isNoneOf", ["x" * 5_000]), "policy.datatype"),
        (UNTIL | {"rightOperand": "2027-01-01T00:00:00"}, "policy.datetime.no_zone"),
        (COUNT | {"rightOperand": "many"}, "policy.datatype"),
    ],
)
def test_a_wrong_value_is_refused_at_its_place(constraint, code):
    with pytest.raises(PolicyError) as caught:
        lowered(UNTIL, constraint)
    assert caught.value.code == code
    assert caught.value.location == "/permission/0/constraint/1/rightOperand"


def test_logic_is_levels_and_top_level_and_is_flattened():
    inner = {"and": [PURPOSE, SPATIAL]}
    rule = lowered({"and": [UNTIL, {"or": [PURPOSE, {"xone": [SPATIAL, inner]}]}]}).permissions[0]
    assert [leaf.src for leaf in rule.leaves] == [
        "/permission/0/constraint/0/and/0",
        "/permission/0/constraint/0/and/1/or/0",
        "/permission/0/constraint/0/and/1/or/1/xone/0",
        "/permission/0/constraint/0/and/1/or/1/xone/1/and/0",
        "/permission/0/constraint/0/and/1/or/1/xone/1/and/1",
    ]
    levels = [[(node.id, node.kind, node.args) for node in level] for level in rule.logic]
    assert levels == [
        [("n1", "and", ("c4", "c5"))],
        [("n2", "xone", ("c3", "n1"))],
        [("n3", "or", ("c2", "n2"))],
    ]
    assert rule.top == ("c1", "n3")


def test_two_nodes_of_one_level():
    rule = lowered({"or": [{"and": [UNTIL]}, {"and": [PURPOSE]}]}).permissions[0]
    assert [len(level) for level in rule.logic] == [2, 1]


def test_a_prohibition():
    ir = lowered(
        prohibition=[{"action": "distribute", "constraint": [SPATIAL]}, {"action": "sell"}]
    )
    assert [(rule.id, rule.actions, rule.src) for rule in ir.prohibitions] == [
        ("x1", ("odrl:distribute",), "/prohibition/0"),
        ("x2", ("odrl:sell",), "/prohibition/1"),
    ]


@pytest.mark.parametrize("constraint", [COUNT, shape("mask", "isAllOf", ["a"])])
def test_a_prohibition_does_not_shape_or_count(constraint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(prohibition=[{"action": "sell", "constraint": [constraint]}])
    assert caught.value.location == "/prohibition/0/constraint/0"
    assert "permission" in caught.value.hint


@pytest.mark.parametrize("constraint", [COUNT, shape("mask", "isAllOf", ["a"])])
def test_counts_and_masks_are_no_alternatives(constraint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered({"or": [UNTIL, {"and": [constraint]}]})
    assert caught.value.location == "/permission/0/constraint/0/or/1/and/0"
    assert lowered({"and": [constraint]}).permissions[0].id == "p1"


def test_obligations():
    delay = {
        "leftOperand": "delayPeriod",
        "operator": "eq",
        "rightOperand": {"@value": "P30D", "@type": "xsd:duration"},
    }
    ir = lowered(
        obligation=[
            {"action": "delete", "constraint": [delay]},
            {"action": "delete", "constraint": [delay | {"leftOperand": "elapsedTime"}]},
            {"action": "delete"},
            {"action": TS + "log"},
            {"action": "ts:meter"},
        ]
    )
    assert [(d.id, d.action, d.when, d.delay, d.on_failure) for d in ir.obligations] == [
        ("d1", "odrl:delete", "after", 2_592_000, "terminate"),
        ("d2", "odrl:delete", "after", 2_592_000, "terminate"),
        ("d3", "odrl:delete", "after", None, "terminate"),
        ("d4", "ts:log", "during", None, "suspend"),
        ("d5", "ts:meter", "during", None, "suspend"),
    ]
    assert ir.obligations[1].src == "/obligation/1"


@pytest.mark.parametrize(
    ("duty", "location"),
    [
        ({"action": "compensate"}, "/obligation/0/action"),
        (
            {"action": "delete", "constraint": [UNTIL]},
            "/obligation/0/constraint/0/leftOperand",
        ),
        (
            {
                "action": "ts:log",
                "constraint": [
                    {"leftOperand": "delayPeriod", "operator": "eq", "rightOperand": "P1D"}
                ],
            },
            "/obligation/0/constraint",
        ),
        ({"action": "delete", "constraint": [{"or": [UNTIL]}]}, "/obligation/0/constraint/0"),
        ({"action": "delete", "constraint": [{"and": [UNTIL]}]}, "/obligation/0/constraint/0"),
        ({"action": "delete", "consequence": []}, "/obligation/0/consequence"),
        ({"action": "delete", "duty": [{"action": "ts:log"}]}, "/obligation/0/duty"),
    ],
)
def test_an_obligation_that_cannot_be_carried_out_is_refused(duty, location):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(obligation=[duty])
    assert caught.value.code == "policy.unsupported"
    assert caught.value.location == location


@pytest.mark.parametrize(
    ("members", "location", "hint"),
    [
        ({"permission": [{"action": "use", "target": "urn:x"}]}, "/permission/0/target", "DSP"),
        ({"permission": [{"action": "use", "refinement": []}]}, "/permission/0/refinement", "rule"),
        (
            {"permission": [{"action": "use", "odrl:remedy": []}]},
            "/permission/0/odrl:remedy",
            "obligation",
        ),
        (
            {"permission": [{"action": "use", "https://x.example/a~b": 1}]},
            "/permission/0/https:~1~1x.example~1a~0b",
            "leave it out",
        ),
        (
            {"permission": [{"action": "use", "duty": [{"action": "delete"}]}]},
            "/permission/0/duty",
            "obligations of the policy",
        ),
        ({"permission": [{"action": "us"}]}, "/permission/0/action", "'use'"),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"unit": "x"}]}]},
            "/permission/0/constraint/0/unit",
            "smallest unit",
        ),
        (
            {"permission": [{"action": "use", "constraint": [{"or": [UNTIL], "x": 1}]}]},
            "/permission/0/constraint/0/x",
            "leave it out",
        ),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"leftOperand": "partner"}]}]},
            "/permission/0/constraint/0/leftOperand",
            "supported are",
        ),
        (
            {"permission": [{"action": "use", "constraint": [UNTIL | {"operator": "term-lteq"}]}]},
            "/permission/0/constraint/0/operator",
            "lteq",
        ),
        ({"inheritFrom": "urn:y"}, "/inheritFrom", "inherited rules"),
        (
            {"permission": [{"action": "use", "constraints": [UNTIL]}]},
            "/permission/0/constraints",
            "leave it out",
        ),
        (
            {"permission": [{"action": "use", "constraints": {}}]},
            "/permission/0/constraints",
            "leave it out",
        ),
        ({"profile": "https://example.com/profile"}, "/profile", "leave the profile out"),
        ({"profile": ["https://example.com/profile"]}, "/profile", "leave the profile out"),
        ({"conflict": "perm"}, "/conflict", "leave conflict out"),
    ],
)
def test_what_is_not_understood_is_refused_with_pointer_and_hint(members, location, hint):
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(**members)
    assert caught.value.code == "policy.unsupported"
    assert caught.value.location == location
    assert hint in caught.value.hint


def test_an_empty_list_under_a_name_without_meaning_states_nothing():
    plain = lowered(permission=[{"action": "use"}])
    assert lowered(permission=[{"action": "use", "constraints": []}]).permissions == (
        plain.permissions
    )
    one = offer(permission=[{"action": "use", "constraints": []}])
    other = offer(permission=[{"action": "use"}])
    assert same_rules(one, other)


def test_descriptive_members_and_known_profiles_are_no_obstacle():
    ir = lowered(
        UNTIL | {"@type": "Constraint"},
        profile=[TS],
        conflict="odrl:invalid",
        assigner="did:web:p",
        uid="urn:o",
    )
    assert ir.conflict == "invalid"


def test_a_time_after_signing_needs_a_signing_time():
    in_force = {
        "leftOperand": "https://w3id.org/edc/v0.0.1/ns/inForceDate",
        "operator": "lteq",
        "rightOperand": "contractAgreement+30d",
    }
    leaf = lowered(in_force).permissions[0].leaves[0]
    assert (leaf.left, leaf.right) == ("edc:inForceDate", "contractAgreement+2592000s")
    signed = agreement(in_force, timestamp="2026-01-01T00:00:00Z")
    ends = 1767225600 + 2_592_000
    assert lower(signed, kind="agreement").permissions[0].leaves[0].right == ends
    later = datetime(2026, 1, 2, tzinfo=UTC)
    leaf = lower(signed, kind="agreement", signed=later).permissions[0].leaves[0]
    assert leaf.right == ends + 86_400
    for timestamp in (None, "2026-01-01T00:00:00", "once"):
        with pytest.raises(UnsupportedTermError) as caught:
            lower(agreement(in_force, timestamp=timestamp), kind="agreement")
        assert caught.value.location == "/permission/0/constraint/0/rightOperand"


def nested(depth: int) -> dict[str, Any]:
    return {"or": [nested(depth - 1)]} if depth else UNTIL


def test_limits():
    assert lowered(nested(4)).permissions[0].id == "p1"
    too_large: list[tuple[Offer, str]] = [
        (offer(nested(5)), "/permission/0/constraint/0/or/0/or/0/or/0/or/0"),
        (offer({"or": [UNTIL] * 201}), "/permission/0/constraint/0"),
        (offer(*[UNTIL] * 2_001), ""),
        (offer({"or": [{"or": [UNTIL] * 150}] * 14}), ""),
        (offer(prohibition=[{"action": "sell"}] * 64), ""),
        (offer(PURPOSE | {"rightOperand": ["x" * 256_000]}), ""),
        (offer(PURPOSE | {"rightOperand": "x" * 70_000}), ""),
    ]
    for policy, location in too_large:
        with pytest.raises(PolicyError) as caught:
            lower(policy, kind="offer")
        assert caught.value.code == "policy.limit"
        assert caught.value.location == location
    assert len(lowered(*[UNTIL] * 2_000).permissions[0].leaves) == 2_000


_terms = st.sampled_from(
    ["dateTime", "odrl:count", "purpose", "spatial", TS + "mask", TS + "rowFilter", "x", ""]
)
_operators = st.sampled_from(["eq", "lt", "isAnyOf", "isAllOf", "isPartOf", "term-lteq"])
_rights = st.one_of(
    st.text(max_size=10),
    st.sampled_from(["2027-01-01T00:00:00Z", "10", "phone:hash", "a = 1", "CN"]),
    st.lists(st.text(max_size=5), max_size=3),
    st.fixed_dictionaries({"@value": st.text(max_size=5), "@type": st.just("xsd:string")}),
)
_atoms = st.fixed_dictionaries(
    {"leftOperand": _terms, "operator": _operators, "rightOperand": _rights},
    optional={"@type": st.just("Constraint"), "x": st.integers()},
)
_constraints = st.recursive(
    _atoms,
    lambda inner: st.builds(
        lambda name, parts: {name: parts},
        st.sampled_from(["and", "or", "xone", "andSequence"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


@given(st.lists(_constraints, max_size=3), st.sampled_from(["use", "odrl:read", "ts:train", "x"]))
def test_any_policy_is_lowered_or_refused(constraints, action):
    rule = {"action": action, "constraint": constraints}
    try:
        policy = Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [rule]})
        ir = lower(policy, kind="offer")
    except (PolicyError, RemoteProtocolError):
        return
    assert ir.permissions[0].size() <= 50
