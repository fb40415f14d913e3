"""Narrowing: what is equal or narrower passes, anything wider is named in two languages."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.model.odrl import Agreement, AtomicConstraint, Offer
from trustspace.policy.narrow import WIDER, Difference, difference, narrow_purpose, same_rules
from trustspace.policy.terms import terms

TS = "https://w3id.org/trustspace/ns#"
UNTIL = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00:00Z"}
PURPOSE = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["a", "b"]}
SPATIAL = {"leftOperand": "spatial", "operator": "isPartOf", "rightOperand": "CN"}


def offer(*constraints: dict[str, Any], **members: Any) -> Offer:
    permission = {"action": "use", "constraint": list(constraints)}
    return Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [permission], **members})


def of(left: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def narrower(stored: dict[str, Any], *asked: dict[str, Any]) -> bool:
    return not difference(offer(stored), offer(*asked))


def purposes(policy: Offer) -> list[Any]:
    return [
        [
            (constraint.operator, constraint.right_operand)
            for constraint in rule.constraints
            if isinstance(constraint, AtomicConstraint) and constraint.left_operand == "purpose"
        ]
        for rule in policy.permissions
    ]


def test_a_listed_purpose_is_settled_on():
    stored = offer(UNTIL, PURPOSE)
    asked = narrow_purpose(stored, "b")
    assert purposes(asked) == [[("eq", "b")]]
    assert difference(stored, asked) == ()
    assert not same_rules(stored, asked)
    assert asked.id == stored.id
    assert narrow_purpose(stored, None) is stored


def test_a_purpose_keeps_the_provider_s_spelling():
    listed = of("odrl:purpose", "odrl:isAnyOf", [TS + "train", {"@value": "b"}])
    stored = offer(of("purpose", "isAnyOf", listed["rightOperand"]))
    assert purposes(narrow_purpose(stored, "ts:train")) == [[("eq", TS + "train")]]
    assert purposes(narrow_purpose(stored, "b")) == [[("eq", "b")]]
    identified = offer(of("purpose", "isAnyOf", [{"@id": TS + "train"}, 5]))
    assert purposes(narrow_purpose(identified, "ts:train")) == [[("eq", TS + "train")]]


def test_a_purpose_that_is_not_listed_is_added_to_be_judged():
    stored = offer(PURPOSE)
    asked = narrow_purpose(stored, "marketing")
    assert purposes(asked) == [[("isAnyOf", ["a", "b"]), ("eq", "marketing")]]
    assert difference(stored, asked) == ()
    excluded = offer(of("purpose", "isNoneOf", ["x"]), {"or": [SPATIAL, UNTIL]})
    assert purposes(narrow_purpose(excluded, "a")) == [[("isNoneOf", ["x"]), ("eq", "a")]]
    assert purposes(narrow_purpose(offer(), "a")) == [[("eq", "a")]]


def test_a_purpose_listed_twice_is_stated_once():
    stored = offer(PURPOSE, of("purpose", "isAnyOf", ["b", "c"]))
    asked = narrow_purpose(stored, "b")
    assert purposes(asked) == [[("eq", "b")]]
    assert difference(stored, asked) == ()


def test_an_equal_policy_has_no_difference():
    policy = offer(UNTIL, PURPOSE, SPATIAL, prohibition=[{"action": "sell"}])
    assert difference(policy, policy) == ()
    assert same_rules(policy, policy)


def test_spelling_and_order_make_no_difference():
    one = offer(
        UNTIL,
        of("purpose", "isAnyOf", ["a"]),
        {"or": [SPATIAL, UNTIL]},
        of(TS + "rowFilter", "eq", "a=1"),
        of(TS + "mask", "isAllOf", ["x", "y:drop"]),
    )
    other = offer(
        of(TS + "mask", "isAllOf", ["y:drop", "x:hash"]),
        {"and": [of("ts:rowFilter", "eq", "a = 1"), {"or": [UNTIL, SPATIAL]}]},
        of("http://www.w3.org/ns/odrl/2/purpose", "isAnyOf", "a"),
        of("odrl:dateTime", "lt", {"@value": "2027-01-01T08:00:00+08:00", "@type": "xsd:dateTime"}),
    )
    assert same_rules(one, other)
    assert difference(one, other) == ()
    assert difference(other, one) == ()


def test_an_agreement_has_the_rules_of_its_offer():
    asked = narrow_purpose(offer(UNTIL, PURPOSE), "a")
    agreement = Agreement.read(
        {
            **asked.to_wire(),
            "@id": "urn:a",
            "@type": "Agreement",
            "target": "urn:d",
            "assigner": "did:web:p",
            "assignee": "did:web:c",
        }
    )
    assert same_rules(asked, agreement)
    assert same_rules(agreement, asked)
    assert not same_rules(offer(UNTIL, PURPOSE), agreement)


def test_a_policy_that_is_not_understood_is_compared_as_written():
    foreign = offer(of("partner", "eq", "gold"))
    assert same_rules(foreign, offer(of("partner", "eq", "gold")))
    assert not same_rules(foreign, offer(of("partner", "eq", "silver")))
    found = difference(offer(UNTIL), foreign)
    assert found[0].pointer == "/permission/0/constraint/0/leftOperand"
    assert "'partner'" in found[0].en
    assert "无法识别" in found[0].zh


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (UNTIL, UNTIL),
        (UNTIL, of("dateTime", "lt", "2026-06-01T00:00:00Z")),
        (UNTIL, of("dateTime", "lteq", "2026-12-31T23:59:59Z")),
        (UNTIL, of("dateTime", "eq", "2026-06-01T00:00:00Z")),
        (
            of("dateTime", "gteq", "2026-01-01T00:00:00Z"),
            of("dateTime", "gt", "2025-12-31T23:59:59Z"),
        ),
        (of("count", "lteq", "10"), of("count", "lt", "11")),
        (of("count", "lteq", "10"), of("count", "lteq", "3")),
        (PURPOSE, of("purpose", "isAnyOf", "b")),
        (PURPOSE, of("purpose", "eq", "b")),
        (of("purpose", "isAllOf", ["a", "b"]), of("purpose", "isAllOf", ["a"])),
        (of("purpose", "isAllOf", ["a", "b"]), of("purpose", "eq", "a")),
        (of("purpose", "isNoneOf", ["a"]), of("purpose", "isNoneOf", ["a", "b"])),
        (of("spatial", "isPartOf", ["CN", "SG"]), SPATIAL),
        ({"or": [SPATIAL, PURPOSE]}, SPATIAL),
        ({"or": [SPATIAL, PURPOSE]}, {"or": [of("purpose", "eq", "a"), SPATIAL]}),
        ({"or": [SPATIAL, PURPOSE]}, {"or": [of("purpose", "eq", "a")]}),
        (
            {"or": [SPATIAL, {"and": [PURPOSE, UNTIL]}]},
            {"or": [{"and": [UNTIL, of("purpose", "eq", "a"), SPATIAL]}]},
        ),
        ({"xone": [SPATIAL, UNTIL]}, {"xone": [UNTIL, SPATIAL]}),
        ({"andSequence": [SPATIAL, UNTIL]}, {"andSequence": [SPATIAL, UNTIL]}),
        (of(TS + "columns", "isNoneOf", ["x"]), of(TS + "columns", "isNoneOf", ["y", "x"])),
        (of(TS + "columns", "isNoneOf", ["x"]), of(TS + "columns", "isAnyOf", ["y"])),
        (of(TS + "columns", "isAnyOf", ["x", "y"]), of(TS + "columns", "isAnyOf", ["y"])),
        (of(TS + "mask", "isAllOf", ["x:hash"]), of(TS + "mask", "isAllOf", ["x:null", "y"])),
        (of(TS + "mask", "isAllOf", ["x:hash"]), of(TS + "columns", "isNoneOf", ["x"])),
        (of(TS + "mask", "isAllOf", ["x:hash"]), of(TS + "columns", "isAnyOf", ["y"])),
        (
            of("edc:inForceDate", "lteq", "contractAgreement+30d"),
            of("edc:inForceDate", "lteq", "contractAgreement+720h"),
        ),
    ],
)
def test_equal_or_narrower(stored, asked):
    assert narrower(stored, asked)
    assert narrower(stored, SPATIAL, asked)


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (UNTIL, SPATIAL),
        (UNTIL, of("dateTime", "lt", "2027-01-01T00:00:01Z")),
        (UNTIL, of("dateTime", "lteq", "2027-01-01T00:00:00Z")),
        (UNTIL, of("dateTime", "gt", "2026-01-01T00:00:00Z")),
        (UNTIL, of("dateTime", "neq", "2026-01-01T00:00:00Z")),
        (UNTIL, of("edc:inForceDate", "lt", "2026-01-01T00:00:00Z")),
        (
            of("dateTime", "neq", "2026-01-01T00:00:00Z"),
            of("dateTime", "eq", "2026-01-01T00:00:00Z"),
        ),
        (of("count", "lteq", "10"), of("count", "lteq", "11")),
        (PURPOSE, of("purpose", "isAnyOf", ["a", "c"])),
        (PURPOSE, of("purpose", "eq", "c")),
        (PURPOSE, of("purpose", "isNoneOf", ["c"])),
        (of("purpose", "eq", "a"), of("purpose", "isAnyOf", ["a"])),
        (of("purpose", "neq", "a"), of("purpose", "eq", "b")),
        (of("purpose", "isNoneOf", ["a", "b"]), of("purpose", "isNoneOf", ["a"])),
        (SPATIAL, of("spatial", "isPartOf", "CN-SH")),
        ({"or": [SPATIAL, UNTIL]}, {"or": [SPATIAL, UNTIL, PURPOSE]}),
        ({"or": [SPATIAL, UNTIL]}, {"xone": [SPATIAL, PURPOSE]}),
        ({"xone": [SPATIAL, UNTIL]}, SPATIAL),
        ({"xone": [SPATIAL, UNTIL]}, {"xone": [SPATIAL, UNTIL, UNTIL]}),
        ({"andSequence": [SPATIAL, UNTIL]}, {"andSequence": [UNTIL, SPATIAL]}),
        (SPATIAL, {"or": [SPATIAL, UNTIL]}),
        (
            {"or": [{"and": [PURPOSE, UNTIL]}, {"and": [SPATIAL, UNTIL]}]},
            {"or": [{"and": [PURPOSE]}]},
        ),
        (of(TS + "rowFilter", "eq", "a = 1"), of(TS + "rowFilter", "eq", "a = 2")),
        (of(TS + "columns", "isNoneOf", ["x"]), of(TS + "columns", "isNoneOf", ["y"])),
        (of(TS + "columns", "isNoneOf", ["x"]), of(TS + "columns", "isAnyOf", ["x"])),
        (of(TS + "columns", "isAnyOf", ["x"]), of(TS + "columns", "isAnyOf", ["x", "y"])),
        (of(TS + "columns", "isAnyOf", ["x"]), of(TS + "columns", "isNoneOf", ["y"])),
        (of(TS + "mask", "isAllOf", ["x:hash"]), of(TS + "mask", "isAllOf", ["x:partial"])),
        (of(TS + "mask", "isAllOf", ["x:hash"]), of(TS + "mask", "isAllOf", ["y:hash"])),
        (
            of("edc:inForceDate", "lteq", "contractAgreement+30d"),
            of("edc:inForceDate", "lteq", "contractAgreement+31d"),
        ),
    ],
)
def test_wider(stored, asked):
    assert not narrower(stored, asked)


def test_a_frequency_is_narrower_with_a_smaller_number_in_the_same_window():
    stored = of("ts:frequency", "lteq", "100/P1D")
    assert narrower(stored, of("ts:frequency", "lteq", "10/PT24H"))
    assert narrower(stored, stored, of("ts:frequency", "lteq", "5/PT1H"))
    assert not narrower(stored, of("ts:frequency", "lteq", "101/P1D"))
    assert not narrower(stored, of("ts:frequency", "lteq", "10/PT1H"))
    assert not narrower(stored, of("ts:frequency", "lteq", "100/P1D+08:00"))
    (found,) = difference(offer(stored), offer())
    assert "must be at most 100/P1D" in found.en
    assert same_rules(offer(stored), offer(of(TS + "frequency", "lteq", "100/PT24H")))


@pytest.mark.parametrize(
    ("left", "stored", "narrow", "wide"),
    [
        ("ts:dataRecord", "100", "99", "101"),
        ("ts:dataRecord", "100/P1D", "10/PT24H", "100"),
        ("ts:dataSize", "10MB", "9999kB", "10MiB"),
        ("ts:dataSize", "10MB/P1D", "10000000/P1D", "10MB/PT1H"),
        ("meteredTime", "PT2H", "PT119M", "PT3H"),
        ("elapsedTime", "P30D", "P29D", "P31D"),
    ],
)
def test_an_amount_is_narrower_when_it_is_smaller_in_the_same_window(left, stored, narrow, wide):
    before = of(left, "lteq", stored)
    assert narrower(before, of(left, "lteq", narrow))
    assert narrower(before, of(left, "lt", stored))
    assert not narrower(before, of(left, "lteq", wide))


def test_a_filter_may_be_added():
    stored, more = of(TS + "rowFilter", "eq", "a = 1"), of(TS + "rowFilter", "eq", "b = 1")
    assert narrower(stored, more, of("ts:rowFilter", "eq", "a=1"))


def test_a_difference_names_place_and_demand():
    found = difference(offer(UNTIL, PURPOSE), offer(UNTIL))
    assert found == (
        Difference(
            pointer="/permission/0/constraint/1",
            en="'the purpose must be one of a, b' is missing or weaker",
            zh="“用途必须是以下之一\uff1aa、b”缺失或被放宽",
            left="odrl:purpose",
            op="odrl:isAnyOf",
            expected=("a", "b"),
        ),
    )
    assert found[0].reason() == {
        "id": WIDER,
        "src": "/permission/0/constraint/1",
        "left": "odrl:purpose",
        "op": "odrl:isAnyOf",
        "expected": ["a", "b"],
        "text": found[0].en,
    }
    group = difference(offer({"or": [UNTIL, SPATIAL]}), offer())[0]
    assert group.reason() == {
        "id": WIDER,
        "src": "/permission/0/constraint/0",
        "text": "'or' is missing or weaker",
    }


def test_prohibitions_and_obligations_may_be_added_and_not_removed():
    stored = offer(prohibition=[{"action": "sell"}], obligation=[{"action": "delete"}])
    more = offer(
        prohibition=[{"action": "distribute"}, {"action": "sell"}],
        obligation=[{"action": TS + "log"}, {"action": "delete"}],
    )
    assert difference(stored, more) == ()
    assert [found.en for found in difference(more, stored)] == [
        "the prohibition to distribute is missing",
        "the obligation to log is missing",
    ]
    assert [found.pointer for found in difference(more, stored)] == [
        "/prohibition/0",
        "/obligation/0",
    ]
    weaker = offer(prohibition=[{"action": "sell", "constraint": [SPATIAL]}])
    assert [found.zh for found in difference(stored, weaker)] == [
        "缺少对“出售”的禁止",
        "缺少对“删除”的义务",
    ]


def test_permissions_are_neither_added_nor_removed_nor_changed():
    use, train = {"action": "use"}, {"action": "ts:train"}
    one, two = offer(permission=[use]), offer(permission=[use, train])
    assert [found.en for found in difference(one, two)] == [
        "there is one more permission, to train"
    ]
    assert [found.en for found in difference(two, one)] == ["the permission to train is missing"]
    assert len(difference(one, offer(permission=[train]))) == 2


def test_permissions_of_one_action_are_paired_whatever_their_order():
    weak, strong = (
        {"action": "use", "constraint": [SPATIAL]},
        {"action": "use", "constraint": [SPATIAL, UNTIL]},
    )
    one, two = offer(permission=[weak, strong]), offer(permission=[strong, weak])
    assert difference(one, two) == difference(two, one) == ()
    assert same_rules(one, two)
    assert len(difference(two, offer(permission=[weak, weak]))) == 1


def test_target_and_conflict_are_compared():
    assert difference(offer(target="urn:d"), offer(target="urn:d")) == ()
    assert difference(offer(), offer(target="urn:d")) == ()
    assert [d.pointer for d in difference(offer(target="urn:d"), offer(target="urn:e"))] == [
        "/target"
    ]
    invalid = offer(conflict="invalid")
    assert [d.en for d in difference(offer(), invalid)] == ["its conflict is another"]
    assert not same_rules(offer(), invalid)
    assert same_rules(offer(), offer(conflict="odrl:prohibit"))


_terms = st.fixed_dictionaries(
    {},
    optional={
        "purpose": st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        "until": st.sampled_from(["2027-01-01", "2028-01-01"]),
        "count": st.integers(1, 3),
        "drop": st.lists(st.sampled_from("xyz"), max_size=2),
        "mask": st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["hash", "null"])),
        "spatial": st.lists(st.sampled_from(["CN", "SG"]), min_size=1, max_size=2),
        "prohibit": st.lists(st.sampled_from(["sell", "distribute"]), max_size=2),
    },
)


@given(_terms, _terms, _terms)
def test_narrowing_is_reflexive_and_transitive(one, two, three):
    a, b, c = (
        Offer.read({"@id": "urn:o", "@type": "Offer", **terms(**each)})
        for each in (one, two, three)
    )
    assert difference(a, a) == ()
    if not difference(a, b) and not difference(b, c):
        assert difference(a, c) == ()
    if same_rules(a, b):
        assert difference(a, b) == difference(b, a) == ()


@given(_terms, st.sampled_from("abcd"))
def test_stating_a_purpose_only_narrows(keywords, purpose):
    stored = Offer.read({"@id": "urn:o", "@type": "Offer", **terms(**keywords)})
    assert difference(stored, narrow_purpose(stored, purpose)) == ()
