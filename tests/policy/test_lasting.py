"""A decision stands until the next moment at which a duty lapses or its condition changes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.policy.offers import offer

from trustspace.policy.decision import DutyFacts
from trustspace.policy.facts import anyone, build_request, dataset
from trustspace.policy.lasting import LONGEST_LEASE, time_to_live
from trustspace.policy.lower import lower

NOW = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
"""Half a minute before the year ends."""


def at(second: int, operator: str = "lteq") -> dict[str, Any]:
    return {
        "leftOperand": "dateTime",
        "operator": operator,
        "rightOperand": f"2026-12-31T23:59:{second}Z",
    }


def lasts(*, outstanding: dict[str, int] | None = None, **members: Any) -> int:
    rules = lower(offer(**members), kind="offer")
    return time_to_live(
        build_request(
            "negotiation",
            rules,
            bundle="x",
            action="odrl:use",
            subject=anyone(),
            resource=dataset("urn:d"),
            duties=DutyFacts(fulfilled={}, outstanding=outstanding or {}),
            now=NOW,
        )
    )


@pytest.mark.parametrize(
    ("duty", "seconds"),
    [
        ({"action": "inform"}, LONGEST_LEASE),
        ({"action": "inform", "constraint": [at(40)]}, 11),
        ({"action": "inform", "constraint": [at(40, "gteq")]}, 10),
        (
            {
                "action": "inform",
                "odrl:consequence": [{"action": "inform", "constraint": [at(50)]}],
            },
            21,
        ),
    ],
)
def test_a_duty_ends_a_decision(duty, seconds):
    assert lasts(permission=[{"action": "use", "duty": [duty]}]) == seconds
    assert lasts(obligation=[duty]) == seconds


def test_what_is_outstanding_ends_a_decision():
    assert lasts(outstanding={"d1": int(NOW.timestamp()) + 4}) == 5
