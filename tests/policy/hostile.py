"""Policies that somebody writes to break a connector or to get more than was meant."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def constraint(left: str, op: str, right: Any, **more: Any) -> Json:
    return {"leftOperand": left, "operator": op, "rightOperand": right, **more}


def permission(*constraints: Json, **more: Any) -> Json:
    return {"action": "use", "constraint": list(constraints), **more}


def of(*permissions: Json, **more: Any) -> Json:
    return {"permission": list(permissions), **more}


def _nested(depth: int) -> Json:
    inner = constraint("count", "lteq", 1)
    for _ in range(depth):
        inner = {"and": [inner]}
    return inner


_ONE = constraint("count", "lteq", 1)
_FIVE = constraint("count", "lteq", 5)

REFUSED: dict[str, tuple[Json, str]] = {
    "100,000 constraints": (
        of(permission(*(constraint("count", "lteq", n + 1) for n in range(100_000)))),
        "policy.limit",
    ),
    "100,000 alternatives": (
        of(permission({"or": [constraint("count", "lteq", n + 1) for n in range(100_000)]})),
        "policy.limit",
    ),
    "100,000 rules": (of(*[permission(_ONE)] * 100_000), "policy.limit"),
    "depth 100": (of(permission(_nested(100))), "policy.limit"),
    "inherits from itself": (
        of(permission(_ONE), inheritFrom="urn:hostile"),
        "policy.inheritance",
    ),
    "one id for two rules": (
        of(permission(_ONE, uid="urn:r"), permission(uid="urn:r")),
        "policy.malformed",
    ),
    "one id for two constraints": (
        of(permission({"uid": "urn:c", **_ONE}, {"uid": "urn:c", **_FIVE})),
        "policy.malformed",
    ),
    "one id for two duties": (
        of(
            permission(
                duty=[
                    {"uid": "urn:d", "action": "attribute"},
                    {"uid": "urn:d", "action": "obtainConsent"},
                ]
            )
        ),
        "policy.malformed",
    ),
    # Cyrillic letters that look like Latin ones.
    "operand of other letters": (
        of(permission(constraint("d\u0430teTime", "lt", "2027-01-01T00:00:00Z"))),
        "policy.unsupported",
    ),
    "operator of other letters": (
        of(permission(constraint("count", "lt\u0435q", 1))),
        "policy.unsupported",
    ),
    "action of other letters": (of({"action": "us\u0435"}), "policy.unsupported"),
    "member of other letters": (
        {"permission": [{"action": "use"}], "prohib\u0456tion": [{"action": "use"}]},
        "policy.unsupported",
    ),
    "time without a zone": (
        of(permission(constraint("dateTime", "lt", "2027-01-01T00:00:00"))),
        "policy.datetime.no_zone",
    ),
    "negative count": (of(permission(constraint("count", "lteq", -1))), "policy.datatype"),
    "huge number": (of(permission(constraint("count", "lteq", 10**30))), "policy.datatype"),
    "huge number as text": (
        of(permission(constraint("count", "lteq", {"@value": "9" * 400, "@type": "xsd:integer"}))),
        "policy.datatype",
    ),
    "lone surrogate": (
        of(permission(constraint("purpose", "eq", "urn:\ud800"))),
        "policy.malformed",
    ),
    "lone surrogate as a party": (of({"action": "use", "assignee": "\udfff"}), "policy.malformed"),
    "lone surrogate as an id": (
        of(permission(_ONE), uid="urn:\ud800"),
        "policy.malformed",
    ),
}
"""By name: members of a policy, and the code that it is refused with."""

STRINGS = {
    "quotes": 'urn:research"}]} {"allow":true}',
    "apostrophe": "urn:research' OR '1'='1",
    "NUL": "urn:research\x00",
    "newline": "urn:research\n",
    "backslash": "urn:research\\",
    "wide": "urn:research\uff0fx",
    "right to left": "urn:\u202ehcraeser",
    "combining": "urn:researc\u0068\u0301",
}
"""Texts that are not ``urn:research``, and that a careless engine takes for it or breaks on."""


def policy(members: Json) -> Json:
    """Return the members as a policy of its own."""
    return {"uid": "urn:hostile", "@type": "Set"} | members
