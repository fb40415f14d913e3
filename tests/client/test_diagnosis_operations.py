"""The operations of the doctor and the trace, driven by hand."""

from __future__ import annotations

import inspect

from trustspace.client import AsyncClient, Client, Finding

BANK = "participants/bank"


def found(name: str, severity: str = "ok") -> dict[str, str]:
    return {"id": name, "severity": severity, "expected": "e", "found": "f", "advice": ""}


def test_findings_are_told_while_they_come(script, play, operations):
    told: list[Finding] = []
    diagnosis = play(
        operations.diagnose(
            "https://p.example", role="consumer", negotiate=True, language="zh", tell=told.append
        ),
        {"id": "v1", "findings": [found("dns.ok")], "next": 1, "over": False, "well": False},
        {"id": "v1", "findings": [], "next": 1, "over": False, "well": False},
        {"id": "v1", "findings": [found("port.closed", "error")], "next": 2, "over": True},
    )
    assert script.paths == [f"POST {BANK}/doctor", *[f"GET {BANK}/doctor/v1"] * 2]
    first, *looks = script.asked
    assert first.body == {"address": "https://p.example", "role": "consumer", "negotiate": True}
    assert [look.query["after"] for look in looks] == ["1", "1"]
    assert {each.query["language"] for each in script.asked} == {"zh"}
    assert diagnosis.well is False
    assert diagnosis.ids == ("dns.ok", "port.closed")
    assert tuple(told) == diagnosis.findings


def test_a_diagnosis_needs_no_listener(play, operations):
    page = {"id": "v1", "findings": [found("dns.ok")], "next": 1, "over": True, "well": True}
    assert play(operations.diagnose("https://p.example"), page).well


def test_messages_are_asked_for_from_a_position(script, play, operations):
    assert play(operations.messages(), {"items": [], "next": 7, "missed": 0}).next == 7
    said = {
        "seq": 8,
        "at": "2026-11-25T00:00:00Z",
        "direction": "in",
        "participant": "did:web:bank",
        "method": "POST",
        "url": "/bank",
    }
    page = play(operations.messages(7), {"items": [said], "next": 8, "missed": 2})
    assert (page.items[0].direction, page.items[0].status, page.missed) == ("in", None, 2)
    assert [dict(each.query) for each in script.asked] == [{}, {"after": "7", "limit": "1000"}]


def test_both_clients_take_the_same_arguments():
    for name in ("diagnose", "messages"):
        sync, other = (inspect.signature(getattr(each, name)) for each in (Client, AsyncClient))
        assert sync.parameters == other.parameters
