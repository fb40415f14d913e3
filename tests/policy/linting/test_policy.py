"""The lint of ODRL policies: what each rule finds, where, and what it leaves alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trustspace.policy.linting.finding import Finding, rules
from trustspace.policy.linting.policy import lint_policy
from trustspace.policy.odrl.reader import read_policy

Json = dict[str, Any]

NOW = datetime(2026, 11, 25, tzinfo=UTC)
POLICIES = Path(__file__).parents[3] / "policies"


def when(op: str, right: Any, left: str = "dateTime", **more: Any) -> Json:
    return {"leftOperand": left, "operator": op, "rightOperand": right, **more}


def permission(*constraints: Json, action: Any = "use", **more: Any) -> Json:
    return {"action": action, "constraint": list(constraints), **more}


def policy(*permissions: Json, **more: Any) -> Json:
    return {"uid": "urn:p", "permission": list(permissions), **more}


def found(document: Any, **more: Any) -> list[tuple[str, str]]:
    findings = lint_policy(document, now=NOW, **more)
    assert all(finding.words("en") and finding.words("zh") for finding in findings)
    # What is a promise only depends on what connectors can do, of which the ledger has tests.
    return [
        (finding.rule, finding.pointer)
        for finding in findings
        if finding.rule != "term.contractual"
    ]


COUNT = when("lteq", 10, "count")
CONSTRAINT = "/permission/0/constraint"

CASES: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "nothing": (policy(permission(COUNT)), []),
    "no permission": (
        {"uid": "urn:p", "prohibition": [{"action": "delete"}]},
        [("policy.grants_nothing", "")],
    ),
    "a window that never opens": (
        policy(
            permission(when("gteq", "2027-06-01T00:00:00Z"), when("lt", "2027-01-01T00:00:00Z"))
        ),
        [("window.never_opens", f"{CONSTRAINT}/1")],
    ),
    "a window in two spellings": (
        policy(
            permission(
                {"and": [when("gteq", "2027-06-01T00:00:00Z")]},
                when("lteq", "2027-01-01T00:00:00Z", "edc:inForceDate"),
            )
        ),
        [("window.never_opens", f"{CONSTRAINT}/1")],
    ),
    "a window": (
        policy(
            permission(when("gteq", "2027-01-01T00:00:00Z"), when("lt", "2027-06-01T00:00:00Z"))
        ),
        [],
    ),
    "an expired date": (
        policy(permission(when("lt", "2026-01-01T00:00:00Z"), when("gt", "2020-01-01T00:00:00Z"))),
        [("date.expired", f"{CONSTRAINT}/0")],
    ),
    "an expired date of an alternative": (
        policy(permission({"or": [when("lt", "2026-01-01T00:00:00Z"), COUNT]})),
        [],
    ),
    "contradictory lists": (
        policy(
            permission(
                when("isAnyOf", ["urn:a", "urn:b"], "purpose"),
                when("isNoneOf", ["urn:b", "urn:a", "urn:c"], "purpose"),
            )
        ),
        [("constraint.contradictory", f"{CONSTRAINT}/1")],
    ),
    "a contradiction within an alternative": (
        policy(
            permission(
                when("eq", "urn:a", "purpose"),
                {"or": [when("eq", "urn:b", "purpose"), when("eq", "urn:a", "recipient")]},
            )
        ),
        [("constraint.contradictory", f"{CONSTRAINT}/1/or/0")],
    ),
    "an alternative inside a conjunction": (
        policy(
            permission(
                {"and": [{"xone": [when("eq", "urn:b", "purpose"), COUNT]}]},
                when("eq", "urn:a", "purpose"),
            )
        ),
        [("constraint.contradictory", f"{CONSTRAINT}/0/and/0/xone/0")],
    ),
    "said twice": (
        policy(permission(COUNT, when("lteq", 20, "count"))),
        [("constraint.redundant", f"{CONSTRAINT}/1")],
    ),
    "said twice, the weaker first": (
        policy(permission(when("lteq", 20, "count"), COUNT)),
        [("constraint.redundant", f"{CONSTRAINT}/0")],
    ),
    "an alternative that is narrower": (
        policy(
            permission(when("lteq", 20, "count"), {"or": [COUNT, when("eq", "urn:a", "purpose")]})
        ),
        [],
    ),
    "never true": (
        policy(permission(when("lt", 0, "ts:dataRecord"))),
        [("constraint.never_true", f"{CONSTRAINT}/0")],
    ),
    "a reference, which nobody follows": (
        policy(
            permission(
                {
                    "leftOperand": "purpose",
                    "operator": "eq",
                    "rightOperandReference": "https://e.org/purposes",
                }
            )
        ),
        [("constraint.never_true", f"{CONSTRAINT}/0")],
    ),
    "two permissions of one use": (
        policy(permission(COUNT), permission(when("eq", "urn:a", "purpose"))),
        [("permission.overlap", "/permission/1")],
    ),
    "permissions of one action in another": (
        policy(permission(COUNT), permission(action="read", target="urn:d")),
        [("permission.overlap", "/permission/1")],
    ),
    "permissions apart by their constraint": (
        policy(
            permission(when("lt", "2027-01-01T00:00:00Z")),
            permission(when("gteq", "2027-01-01T00:00:00Z")),
        ),
        [],
    ),
    "permissions apart by their action": (
        policy(permission(action="read"), permission(action="print")),
        [],
    ),
    "permissions apart by asset and party": (
        policy(
            permission(target="urn:a"),
            permission(target="urn:b", assignee="urn:x"),
            permission(target="urn:b", assignee="urn:y"),
        ),
        [],
    ),
    "a permission of a collection that is only described": (
        policy(
            permission(assignee="urn:x"),
            permission(assignee={"refinement": [when("eq", "urn:z", "industry")]}),
        ),
        [("permission.overlap", "/permission/1")],
    ),
    "a prohibition of everything": (
        policy(permission(COUNT), prohibition=[{"action": "use"}]),
        [("prohibition.swallows", "/permission/0")],
    ),
    "a prohibition on what the permission demands": (
        policy(
            permission(
                when("eq", "urn:a", "purpose"), action="read", target="urn:d", assignee="urn:x"
            ),
            prohibition=[
                permission(
                    when("isAnyOf", "urn:a", "purpose"),
                    when("eq", "urn:a", "purpose"),
                    action="use",
                    target="urn:d",
                )
            ],
        ),
        [],
    ),
    "a prohibition under the same condition": (
        policy(
            permission(when("eq", "urn:a", "purpose"), COUNT, target="urn:d", assignee="urn:x"),
            prohibition=[permission(when("eq", "urn:a", "purpose"), target="urn:d")],
        ),
        [("prohibition.swallows", "/permission/0")],
    ),
    "a prohibition of another asset": (
        policy(permission(), prohibition=[{"action": "use", "target": "urn:d"}]),
        [],
    ),
    "a prohibition under alternatives": (
        policy(
            permission(COUNT),
            prohibition=[permission({"or": [COUNT, when("eq", "urn:a", "purpose")]})],
        ),
        [],
    ),
    "a duty without a deadline": (
        policy(
            permission(COUNT),
            obligation=[
                {"action": "delete"},
                {"action": "ts:log"},
                {"action": "delete", "constraint": [when("eq", "P3D", "delayPeriod")]},
            ],
        ),
        [("duty.no_deadline", "/obligation/0")],
    ),
    "a remedy and a consequence without one": (
        policy(
            permission(
                COUNT, duty=[{"action": "attribute", "consequence": [{"action": "inform"}]}]
            ),
            prohibition=[
                permission(when("eq", "urn:z", "purpose"), remedy=[{"action": "anonymize"}])
            ],
        ),
        [
            ("duty.no_deadline", "/prohibition/0/remedy/0"),
        ],
    ),
    "an expired deadline": (
        policy(
            permission(COUNT),
            obligation=[
                {"action": "delete", "constraint": [when("lteq", "2026-01-01T00:00:00Z")]},
                {"action": "delete", "constraint": [when("lteq", "2027-01-01T00:00:00Z")]},
            ],
        ),
        [("date.expired", "/obligation/0")],
    ),
    "an amount without a unit": (
        policy(
            permission(
                duty=[
                    {
                        "action": [
                            {
                                "rdf:value": "compensate",
                                "refinement": [when("eq", "5.00", "payAmount")],
                            }
                        ]
                    },
                    {
                        "action": [
                            {
                                "rdf:value": "compensate",
                                "refinement": [when("eq", "5.00", "payAmount", unit="urn:EUR")],
                            }
                        ]
                    },
                ]
            )
        ),
        [
            ("unit.missing", "/permission/0/duty/0/action/0/refinement/0"),
        ],
    ),
    "a policy that is not understood": (
        policy(permission(when("lt", "2027-01-01T00:00:00"))),
        [("policy.refused", f"{CONSTRAINT}/0/rightOperand")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finds(name: str):
    document, expected = CASES[name]
    assert found(document) == expected


def test_a_promise_is_named_in_both_languages():
    (only,) = lint_policy(
        policy(permission(COUNT), prohibition=[{"action": "distribute"}]), now=NOW
    )
    assert (only.rule, only.pointer) == ("term.contractual", "/prohibition/0")
    assert only.words("en").startswith("distribute would be a promise only")


def test_columns_are_those_of_the_table():
    shaping = permission(
        when("eq", 'grade = "A" and not (color in ("red", "blue"))', "ts:rowFilter"),
        when("isAllOf", ["phone:hash", "mail:null"], "ts:mask"),
        when("isAnyOf", ["grade", "phone"], "ts:columns"),
        COUNT,
    )
    assert found(policy(shaping), columns=["grade", "phone"]) == [
        ("column.unknown", f"{CONSTRAINT}/0/rightOperand"),
        ("column.unknown", f"{CONSTRAINT}/1/rightOperand"),
    ]
    assert found(policy(shaping)) == []
    many = [f"c{number}" for number in range(30)]
    first = lint_policy(policy(shaping), now=NOW, columns=many)[0]
    assert first.fields["known"].endswith("c19, …")


def test_what_is_inherited_may_permit():
    parent = read_policy(policy(permission(COUNT)))
    child = {"uid": "urn:q", "inheritFrom": "urn:p", "prohibition": [{"action": "delete"}]}
    assert found(child, others={"urn:p": parent}) == []
    assert found(child) == [("policy.refused", "/inheritFrom")]


def test_a_policy_too_large_for_the_engine_is_refused():
    names = [f"urn:{number}" for number in range(201)]
    refined = {
        "rdf:value": "attribute",
        "refinement": [when("eq", name, "purpose") for name in names],
    }
    for wide in (
        policy(permission(when("isAnyOf", names, "purpose"))),
        policy(permission(duty=[{"action": [refined]}])),
    ):
        (only,) = lint_policy(wide, now=NOW)
        assert (only.rule, only.fields["code"]) == ("policy.refused", "policy.limit")


def test_every_rule_of_odrl_is_found_here():
    shown = {rule for _, expected in CASES.values() for rule, _ in expected} | {
        "column.unknown",
        "term.contractual",
    }
    assert shown == {name for name in rules() if not name.startswith("rego.")}


def test_our_own_policies_have_no_errors():
    files = [*(POLICIES / "examples").glob("*.json"), *(POLICIES / "templates").glob("*.json")]
    assert len(files) > 10
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        findings = lint_policy(document.get("policy", document), now=NOW)
        assert {one.rule for one in findings} <= {"term.contractual"}, file


def test_findings_are_values():
    assert Finding("rego.input") == Finding("rego.input")
    assert len({Finding("rego.input"), Finding("rego.input")}) == 1
