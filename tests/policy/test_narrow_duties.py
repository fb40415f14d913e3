"""Duties, refinements and consequences may be added to an offer, never taken away."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.policy.offers import PURPOSE, SPATIAL, UNTIL

from trustspace.model.odrl import ACTION_REFINEMENT, PARTIES, Offer
from trustspace.policy.change import Kind, changes
from trustspace.policy.narrow import difference, same_rules

INFORM = {"action": "inform"}
PAY: dict[str, Any] = {
    "action": "compensate",
    ACTION_REFINEMENT: [
        {
            "leftOperand": "payAmount",
            "operator": "gteq",
            "rightOperand": {"@value": "500", "@type": "xsd:decimal"},
            "odrl:unit": "CNY",
        }
    ],
    "odrl:consequence": [INFORM],
}


def offer(**members: Any) -> Offer:
    permission = {"action": "use", **members}
    return Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [permission]})


def rules(**members: Any) -> Offer:
    base = {"permission": [{"action": "use"}]}
    return Offer.read({"@id": "urn:o", "@type": "Offer", **base, **members})


def paying(amount: str) -> dict[str, Any]:
    duty = deepcopy(PAY)
    duty[ACTION_REFINEMENT][0]["rightOperand"]["@value"] = amount
    return duty


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (offer(duty=[PAY]), offer(duty=[PAY])),
        (offer(duty=[PAY]), offer(duty=[INFORM, paying("600")])),
        (offer(), offer(duty=[PAY])),
        (offer(), offer(**{ACTION_REFINEMENT: [SPATIAL]})),
        (
            offer(**{ACTION_REFINEMENT: [PURPOSE]}),
            offer(**{ACTION_REFINEMENT: [SPATIAL, PURPOSE | {"rightOperand": ["a"]}]}),
        ),
        (offer(), offer(**{PARTIES: {"odrl:source": "urn:g", "odrl:refinement": [SPATIAL]}})),
        (
            rules(prohibition=[{"action": "sell"}]),
            rules(prohibition=[{"action": "sell", "odrl:remedy": [INFORM]}]),
        ),
        (
            rules(obligation=[{"action": "delete"}]),
            rules(obligation=[{"action": "delete", "odrl:consequence": [PAY]}]),
        ),
    ],
)
def test_more_is_narrower(stored, asked):
    assert difference(stored, asked) == ()


@pytest.mark.parametrize(
    ("stored", "asked", "words"),
    [
        (
            offer(duty=[PAY]),
            offer(),
            "'the duty to pay (the amount paid must be at least 500 CNY), else the duty to inform",
        ),
        (offer(duty=[PAY]), offer(duty=[paying("499")]), "the duty to pay"),
        (
            offer(duty=[PAY]),
            offer(duty=[{k: v for k, v in PAY.items() if k != "odrl:consequence"}]),
            "the duty to pay",
        ),
        (offer(**{ACTION_REFINEMENT: [SPATIAL]}), offer(), "the place of use"),
        (
            offer(**{PARTIES: {"odrl:source": "urn:g"}}),
            offer(**{PARTIES: {"odrl:source": "urn:h"}}),
            "the permission to use is missing",
        ),
        (
            rules(prohibition=[{"action": "sell", "odrl:remedy": [INFORM]}]),
            rules(prohibition=[{"action": "sell"}]),
            "the prohibition to sell is missing",
        ),
        (
            rules(prohibition=[{"action": "sell"}]),
            rules(prohibition=[{"action": "sell", ACTION_REFINEMENT: [SPATIAL]}]),
            "the prohibition to sell is missing",
        ),
        (
            rules(obligation=[{"action": "delete", "odrl:consequence": [PAY]}]),
            rules(obligation=[{"action": "delete"}]),
            "the obligation to delete is missing",
        ),
    ],
)
def test_less_is_wider(stored, asked, words):
    (found,) = difference(stored, asked)
    assert words in found.en
    assert found.zh != found.en
    assert not same_rules(stored, asked)


def test_of_two_permissions_the_one_about_the_same_is_compared():
    mine = {"action": "use", PARTIES: {"odrl:source": "urn:g"}}
    other = {"action": "use", PARTIES: {"odrl:source": "urn:h"}, "constraint": [UNTIL]}
    one, two = rules(permission=[mine, other]), rules(permission=[other, mine])
    assert difference(one, two) == ()
    assert same_rules(one, two)


# --- what changed, in words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "kind", "words"),
    [
        (offer(), offer(duty=[INFORM]), Kind.ADDED, "added: the duty to inform"),
        (offer(duty=[INFORM]), offer(), Kind.REMOVED, "removed: the duty to inform"),
        (offer(duty=[PAY]), offer(duty=[paying("600")]), Kind.NARROWER, "narrower: 'the duty"),
        (offer(duty=[PAY]), offer(duty=[paying("400")]), Kind.WIDER, "wider: 'the duty"),
        (
            offer(duty=[INFORM]),
            offer(duty=[INFORM | {"constraint": [UNTIL]}]),
            Kind.WIDER,
            "wider: 'the duty",
        ),
        (
            offer(duty=[INFORM | {"constraint": [SPATIAL]}]),
            offer(duty=[INFORM | {"constraint": [PURPOSE]}]),
            Kind.CHANGED,
            "changed: 'the duty",
        ),
        (offer(), offer(**{ACTION_REFINEMENT: [SPATIAL]}), Kind.ADDED, "added: the place of use"),
        (
            offer(),
            offer(**{PARTIES: {"odrl:source": "urn:g"}}),
            Kind.CHANGED,
            "its collection of assets or parties is another",
        ),
        (
            rules(),
            rules(prohibition=[{"action": "sell", "odrl:remedy": [INFORM]}]),
            Kind.ADDED,
            "added: the prohibition to sell, with the duty to inform",
        ),
        (
            rules(),
            rules(obligation=[{"action": "delete", "odrl:consequence": [INFORM]}]),
            Kind.ADDED,
            "added: the obligation to delete",
        ),
        (
            offer(**{ACTION_REFINEMENT: [PURPOSE]}),
            offer(**{ACTION_REFINEMENT: [PURPOSE | {"rightOperand": ["a"]}]}),
            Kind.NARROWER,
            "narrower:",
        ),
    ],
)
def test_what_changed_is_told(before, after, kind, words):
    (found,) = changes(before, after)
    assert found.kind is kind
    assert found.en.startswith(words)
    assert found.zh
    assert changes(after, after) == ()


# --- properties ----------------------------------------------------------------------------------

_amounts = st.sampled_from(["400", "500", "600"]).map(paying)
_duties = st.one_of(
    _amounts,
    st.just(INFORM),
    st.just(INFORM | {"constraint": [UNTIL]}),
    st.just(INFORM | {"constraint": [SPATIAL]}),
)
_permissions = st.fixed_dictionaries(
    {},
    optional={
        "duty": st.lists(_duties, min_size=1, max_size=2),
        ACTION_REFINEMENT: st.lists(st.sampled_from([SPATIAL, PURPOSE]), min_size=1, max_size=2),
        "constraint": st.lists(st.sampled_from([SPATIAL, UNTIL]), min_size=1, max_size=2),
        PARTIES: st.sampled_from(["urn:g", "urn:h"]).map(lambda name: {"odrl:source": name}),
    },
)


@given(_permissions, _permissions, _permissions)
def test_narrower_than_narrower_is_narrower(one, two, three):
    a, b, c = (offer(**each) for each in (one, two, three))
    assert difference(a, a) == ()
    if not difference(a, b) and not difference(b, c):
        assert difference(a, c) == ()
    if same_rules(a, b):
        assert difference(a, b) == difference(b, a) == ()


@given(_permissions, st.data())
def test_taking_something_away_is_never_narrower(members, data):
    stored = offer(**members)
    left = dict(members)
    if not members:
        return
    left.pop(data.draw(st.sampled_from(sorted(members))))
    assert difference(stored, offer(**left)) != ()
    assert difference(offer(**left), stored) == ()


def test_a_duty_that_stays_is_no_change():
    (found,) = changes(
        offer(duty=[INFORM, PAY]), offer(duty=[PAY, INFORM, {"action": "attribute"}])
    )
    assert (found.kind, found.en) == (Kind.ADDED, "added: the duty to attribute")
    (found,) = changes(offer(duty=[INFORM, PAY]), offer(duty=[INFORM, paying("600")]))
    assert found.kind is Kind.NARROWER
