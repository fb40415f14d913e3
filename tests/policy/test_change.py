"""What changed between two policies is told whole, in two languages, from either side."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.model.odrl import Offer
from trustspace.policy.change import Kind, changes
from trustspace.policy.narrow import difference
from trustspace.policy.terms import terms


def offer(**words: Any) -> Offer:
    return Offer.read({"@id": "urn:o", "@type": "Offer", **terms(**words)})


def raw(**members: Any) -> Offer:
    return Offer.read({"@id": "urn:o", "@type": "Offer", **members})


def number(value: int) -> dict[str, str]:
    return {"@value": str(value), "@type": "xsd:integer"}


def kinds(before: Offer, after: Offer) -> list[tuple[str, str | None]]:
    return [(change.kind.value, change.left) for change in changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "there", "back", "left"),
    [
        ({"count": 10}, {"count": 100}, "wider", "narrower", "odrl:count"),
        ({"purpose": ["a", "b"]}, {"purpose": "a"}, "narrower", "wider", "odrl:purpose"),
        ({"purpose": "a"}, {"purpose": "b"}, "changed", "changed", "odrl:purpose"),
        ({}, {"count": 10}, "added", "removed", "odrl:count"),
        ({"until": "2027-01-01"}, {"until": "2028-01-01"}, "wider", "narrower", "odrl:dateTime"),
        ({"where": "a = 1"}, {"where": "a = 2"}, "changed", "changed", "ts:rowFilter"),
        ({"drop": ["x"]}, {"drop": ["x", "y"]}, "narrower", "wider", "ts:columns"),
        ({"mask": ["x:hash"]}, {"mask": ["x:drop"]}, "narrower", "wider", "ts:mask"),
    ],
)
def test_a_term_that_changed_is_named_with_its_direction(
    before: dict[str, Any], after: dict[str, Any], there: str, back: str, left: str
) -> None:
    assert kinds(offer(**before), offer(**after)) == [(there, left)]
    assert kinds(offer(**after), offer(**before)) == [(back, left)]


def test_the_words_name_both_values() -> None:
    (change,) = changes(offer(count=10), offer(count=100))
    assert change.en == "wider: '{}' instead of '{}'".format(
        "the number of uses must be at most 100", "the number of uses must be at most 10"
    )
    assert "100" in change.zh
    assert change.zh.startswith("放宽")
    assert change.document() == {
        "change": "wider",
        "pointer": "/permission/0/constraint/0",
        "left": "odrl:count",
        "en": change.en,
        "zh": change.zh,
    }


def test_one_of_one_is_that_one() -> None:
    constraint = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "a"}
    exact = raw(permission=[{"action": "use", "constraint": [constraint]}])
    assert changes(offer(purpose="a"), exact) == ()
    assert kinds(offer(purpose=["a", "b"]), exact) == [("narrower", "odrl:purpose")]


def test_rules_come_and_go() -> None:
    plain = raw(permission=[{"action": "use"}])
    more = raw(
        permission=[
            {"action": "use"},
            {
                "action": "distribute",
                "constraint": [
                    {"leftOperand": "count", "operator": "lteq", "rightOperand": number(2)},
                ],
            },
        ],
        obligation=[{"action": "https://w3id.org/trustspace/ns#log"}],
    )
    added = changes(plain, more)
    assert [change.kind for change in added] == [Kind.ADDED, Kind.ADDED]
    assert "the permission to distribute" in added[0].en
    assert "at most 2" in added[0].en
    assert added[0].left is None
    assert [change.kind for change in changes(more, plain)] == [Kind.REMOVED, Kind.REMOVED]
    assert changes(more, more) == ()


def test_a_prohibition_that_is_met_more_rarely_is_wider() -> None:
    def prohibiting(*purposes: str) -> Offer:
        constraint = {
            "leftOperand": "purpose",
            "operator": "isAnyOf",
            "rightOperand": list(purposes),
        }
        return raw(
            permission=[{"action": "use"}],
            prohibition=[{"action": "distribute", "constraint": [constraint]}],
        )

    assert kinds(prohibiting("a", "b"), prohibiting("a")) == [("wider", "odrl:purpose")]
    assert kinds(prohibiting("a"), prohibiting("a", "b")) == [("narrower", "odrl:purpose")]


def test_duties_are_another_not_wider() -> None:
    short, long = (offer(delete_after=f"P{days}D") for days in (10, 30))
    (change,) = changes(short, long)
    assert change.kind is Kind.CHANGED


def test_the_closest_rule_is_compared() -> None:
    def two(*counts: int) -> Offer:
        return raw(
            permission=[
                {
                    "action": "use",
                    "constraint": [
                        {"leftOperand": "count", "operator": "lteq", "rightOperand": number(count)},
                        {"leftOperand": "purpose", "operator": "eq", "rightOperand": purpose},
                    ],
                }
                for count, purpose in zip(counts, ("a", "b"), strict=True)
            ]
        )

    assert kinds(two(1, 2), two(1, 3)) == [("wider", "odrl:count")]
    assert kinds(two(1, 2), two(3, 4)) == [("wider", "odrl:count")] * 2


def test_alternatives_are_compared_as_a_whole() -> None:
    def either(*purposes: str) -> Offer:
        parts = [
            {"leftOperand": "purpose", "operator": "eq", "rightOperand": purpose}
            for purpose in purposes
        ]
        return raw(permission=[{"action": "use", "constraint": [{"or": parts}]}])

    (change,) = changes(either("a", "b"), either("a", "b", "c"))
    assert (change.kind, change.left) == (Kind.WIDER, None)
    assert change.en.startswith("wider: 'or (")
    assert kinds(either("a", "b"), raw(permission=[{"action": "use"}])) == [("removed", None)]


def test_members_and_what_cannot_be_read() -> None:
    one = raw(permission=[{"action": "use"}], target="roses")
    other = raw(permission=[{"action": "use"}], target="tulips", conflict="perm")
    assert [change.pointer for change in changes(one, other)] == ["/target", "/conflict"]
    strange = raw(permission=[{"action": "levitate"}])
    (change,) = changes(one, strange)
    assert change.kind is Kind.CHANGED
    assert "cannot be read" in change.en


WORDS = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(1, 5),
        "purpose": st.lists(st.sampled_from("abc"), min_size=1, unique=True),
        "drop": st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
        "log": st.booleans(),
    },
)


@given(WORDS, WORDS)
def test_nothing_that_matters_goes_without_a_word(one: Any, other: Any) -> None:
    before, after = offer(**one), offer(**other)
    found = changes(before, after)
    if difference(before, after):
        assert found
    assert bool(found) == bool(changes(after, before))
    opposite = {Kind.ADDED: Kind.REMOVED, Kind.WIDER: Kind.NARROWER}
    opposite |= {value: name for name, value in opposite.items()}
    turned = [opposite.get(change.kind, change.kind) for change in changes(after, before)]
    assert sorted(change.kind for change in found) == sorted(turned)
    assert all(change.en and change.zh for change in found)
