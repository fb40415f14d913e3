"""When a policy's time is over."""

from __future__ import annotations

from typing import Any

import pytest

from trustspace.model.odrl import Offer
from trustspace.policy.end_of_time import ends_at
from trustspace.policy.lower import lower

PURPOSE = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}
NEW_YEAR = "2027-01-01T00:00:00Z"
SPRING = "2027-04-01T00:00:00Z"
COUNT = {"leftOperand": "count", "operator": "lteq", "rightOperand": {"@value": "3"}}


def at(operator: str, moment: str) -> dict[str, Any]:
    right = {"@value": moment, "@type": "xsd:dateTime"}
    return {"leftOperand": "dateTime", "operator": operator, "rightOperand": right}


def end(*permissions: list[dict[str, Any]]) -> str | None:
    rules = [{"action": "use", "constraint": constraints} for constraints in permissions]
    offer = Offer.read({"@id": "urn:uuid:o", "@type": "Offer", "permission": rules})
    found = ends_at(lower(offer, kind="offer", target="roses"))
    return None if found is None else found.isoformat()


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ([], None),
        ([COUNT], None),
        ([at("gteq", NEW_YEAR)], None),
        ([at("lt", NEW_YEAR)], "2027-01-01T00:00:00+00:00"),
        ([at("lteq", NEW_YEAR)], "2027-01-01T00:00:01+00:00"),
        ([at("lt", SPRING), at("lt", NEW_YEAR), COUNT], "2027-01-01T00:00:00+00:00"),
        ([{"or": [at("lt", SPRING), at("lt", NEW_YEAR)]}], "2027-04-01T00:00:00+00:00"),
        ([{"or": [at("lt", SPRING), PURPOSE]}], None),
        ([{"or": [at("lt", SPRING), PURPOSE]}, at("lt", SPRING)], "2027-04-01T00:00:00+00:00"),
        ([{"and": [at("lt", SPRING), at("gt", NEW_YEAR)]}], "2027-04-01T00:00:00+00:00"),
        ([{"xone": [at("lt", SPRING), at("lt", NEW_YEAR)]}], "2027-04-01T00:00:00+00:00"),
        ([at("lt", "9999-12-31T23:59:59Z")], "9999-12-31T23:59:59+00:00"),
        ([at("lteq", "9999-12-31T23:59:59Z")], None),
    ],
)
def test_bounds_end_a_permission(constraints: list[dict[str, Any]], expected: str | None) -> None:
    assert end(constraints) == expected


def test_a_policy_ends_with_its_last_permission() -> None:
    assert end([at("lt", NEW_YEAR)], [at("lt", SPRING)]) == "2027-04-01T00:00:00+00:00"
    assert end([at("lt", NEW_YEAR)], []) is None


def test_what_only_forbids_has_no_end() -> None:
    rules = [{"action": "use", "constraint": [at("lt", NEW_YEAR)]}]
    offer = Offer.read({"@id": "urn:uuid:o", "@type": "Offer", "prohibition": rules})
    assert ends_at(lower(offer, kind="offer", target="roses")) is None
