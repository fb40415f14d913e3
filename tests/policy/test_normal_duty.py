"""A duty may become stricter, never weaker."""

from typing import Any

import pytest
from tests.policy.offers import PURPOSE, SPATIAL, UNTIL

from trustspace.model.odrl import ACTION_REFINEMENT, Offer, Rule
from trustspace.policy.normal_duty import NormalDuty
from trustspace.policy.normal_rule import normal_rules

DELAY = {"leftOperand": "delayPeriod", "operator": "lteq", "rightOperand": "P7D"}
SOONER = DELAY | {"rightOperand": "P1D"}
EARLIER = UNTIL | {"rightOperand": "2026-06-01T00:00:00Z"}


def paid(amount: str, operator: str = "gteq", unit: str = "CNY") -> dict[str, Any]:
    return {
        "leftOperand": "payAmount",
        "operator": operator,
        "rightOperand": amount,
        "odrl:unit": unit,
    }


def pre(*constraints: dict[str, Any], **more: Any) -> NormalDuty:
    duty = {"action": "compensate", "constraint": list(constraints), **more}
    rule = Rule.read({"action": "use", "duty": [duty]})
    return normal_rules((rule,), "permission")[0].duties[0]


def owed(*constraints: dict[str, Any], **more: Any) -> NormalDuty:
    rule = Rule.read({"action": "delete", "constraint": list(constraints), **more})
    return normal_rules((rule,), "obligation")[0].duties[0]


PAY_500 = {"action": "compensate", "constraint": [paid("500")]}
INFORM = {"action": "inform"}


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (pre(paid("500")), pre(paid("500"))),
        (pre(paid("600")), pre(paid("500"))),
        (pre(paid("500"), **{ACTION_REFINEMENT: [paid("600")]}), pre(paid("500"))),
        (pre(), pre(PURPOSE)),
        (pre(PURPOSE), pre(PURPOSE, SPATIAL)),
        (pre(), pre(DELAY)),
        (pre(SOONER), pre(DELAY)),
        (pre(EARLIER, DELAY), pre(UNTIL)),
        (pre(informedParty="did:web:p"), pre()),
        (pre(**{"odrl:consequence": [PAY_500, INFORM]}), pre(**{"odrl:consequence": [INFORM]})),
        (owed(DELAY), owed()),
        (owed(SOONER), owed(DELAY)),
        (owed(UNTIL, DELAY), owed(DELAY)),
    ],
)
def test_stricter(asked, stored):
    assert asked.is_as_strict_as(stored)
    assert asked.is_as_strict_as(asked)


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (pre(paid("400")), pre(paid("500"))),
        (pre(paid("500", unit="USD")), pre(paid("500"))),
        (pre(), pre(paid("500"))),
        (pre(action="inform"), pre()),
        (pre(PURPOSE), pre()),
        (pre(SPATIAL), pre(PURPOSE)),
        (pre(DELAY), pre()),
        (pre(DELAY), pre(SOONER)),
        (pre(DELAY), pre(UNTIL)),
        (pre(), pre(informedParty="did:web:p")),
        (pre(), pre(**{"odrl:consequence": [INFORM]})),
        (pre(**{"odrl:consequence": [INFORM]}), pre(**{"odrl:consequence": [PAY_500]})),
        (owed(), owed(DELAY)),
        (owed(DELAY), owed(SOONER)),
        (owed(), pre(action="delete")),
    ],
)
def test_weaker(asked, stored):
    assert not asked.is_as_strict_as(stored)


def test_equal_duties_have_equal_keys():
    one = pre(paid("500"), PURPOSE, **{"odrl:consequence": [INFORM]})
    other = pre(PURPOSE, **{ACTION_REFINEMENT: [paid("500.00")], "odrl:consequence": [INFORM]})
    assert one.key == other.key
    assert one.key != pre(paid("500"), PURPOSE).key
    assert [part.src for part in one.parts] == [
        "/permission/0/duty/0/constraint/1",
        "/permission/0/duty/0/constraint/0",
    ]


def test_an_offer_keeps_its_duties_on_the_wire():
    rule = {"action": "use", "duty": [{"action": "inform", "odrl:informedParty": "did:web:p"}]}
    offer = Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [rule]})
    assert offer.to_wire()["permission"] == [rule]
