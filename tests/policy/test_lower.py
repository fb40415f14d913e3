"""Lowering: what peers write becomes flat typed rules."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.offers import COUNT, PURPOSE, SPATIAL, TS, UNTIL, agreement, lowered, offer, shape

from trustspace.errors import PolicyError, RemoteProtocolError, UnsupportedTermError
from trustspace.model.odrl import Offer
from trustspace.model.value import digest
from trustspace.policy.lower import lower, policy_digest
from trustspace.policy.narrow import same_rules
from trustspace.policy.predicate import Comparison, FilterLiteral, MaskSpec
from trustspace.policy.rule import Limit


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


def test_a_frequency_is_a_leaf_with_a_unit_and_a_limit_per_window():
    day, hour = (shape("frequency", "lteq", text) for text in ("100/P1D", "5/PT60M"))
    rule = lowered(day, hour, shape("frequency", "lteq", "50/PT24H"), COUNT).permissions[0]
    assert rule.counter == "rule:p1"
    assert rule.limits == (
        Limit(counter="rule:p1:P1D", max=50, unit="P1D"),
        Limit(counter="rule:p1:PT1H", max=5, unit="PT1H"),
        Limit(counter="rule:p1", max=10, unit="count"),
    )
    assert [(leaf.right, leaf.unit) for leaf in rule.leaves[:2]] == [(100, "P1D"), (5, "PT1H")]
    assert lowered(day).permissions[0].counter == "rule:p1"


METERED = {
    "leftOperand": "meteredTime",
    "operator": "lteq",
    "rightOperand": {"@value": "PT2H", "@type": "xsd:duration"},
}


def test_amounts_are_leaves_in_one_unit_and_limits_that_say_what_is_counted():
    amounts = (
        shape("dataRecord", "lteq", {"@value": "100", "@type": "xsd:integer"}),
        shape("dataRecord", "lt", "100/PT24H"),
        shape("dataSize", "lteq", "10MB"),
        shape("dataSize", "lteq", {"@value": 10_000, "@type": "xsd:integer"}),
        METERED,
    )
    rule = lowered(*amounts).permissions[0]
    assert rule.counter == "rule:p1"
    assert rule.limits == (
        Limit(counter="rule:p1:row", max=100, unit="row"),
        Limit(counter="rule:p1:row/P1D", max=99, unit="row/P1D"),
        Limit(counter="rule:p1:byte", max=10_000, unit="byte"),
        Limit(counter="rule:p1:second", max=7_200, unit="second"),
    )
    assert [(leaf.right, leaf.unit) for leaf in rule.leaves] == [
        (100, None),
        (100, "P1D"),
        (10_000_000, None),
        (10_000, None),
        (7_200, None),
    ]


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
