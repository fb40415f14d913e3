"""Asking for a decision: only what matters goes in, and only what can be carried out comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trustspace.errors import PolicyError
from trustspace.model.odrl import Agreement, Offer
from trustspace.policy.decision import Decision, DutyFacts, Fact
from trustspace.policy.facts import (
    FILES,
    TABLES,
    Capabilities,
    Circumstances,
    agreed_purposes,
    agreement_facts,
    anyone,
    build_request,
    count_fact,
    dataset,
    elapsed_fact,
    evaluate,
    needed,
    participant,
    place_fact,
    purpose_fact,
    regions_around,
)
from trustspace.policy.lasting import time_to_live
from trustspace.policy.lower import lower, policy_digest
from trustspace.policy.terms import terms
from trustspace.policy.wasm import WasmEngine

NOW = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)


UNCOUNTED = Capabilities(counts=frozenset({"use"}))


def agreement(**keywords: Any) -> Agreement:
    return Agreement.read(
        {
            "@id": "urn:a",
            "@type": "Agreement",
            "target": "urn:d",
            "assigner": "did:web:p",
            "assignee": "did:web:c",
            "timestamp": "2026-01-01T00:00:00Z",
            **terms(**keywords),
        }
    )


def about(agreed: Agreement, **members: Any) -> Circumstances:
    circumstances: Any = {
        "action": "odrl:use",
        "subject": participant("did:web:c"),
        "resource": dataset("urn:d"),
        "now": NOW,
        "agreement": agreement_facts(agreed, state="FINALIZED", signed=NOW),
        "facts": {
            "odrl:purpose": purpose_fact(agreed_purposes(agreed)),
            "odrl:count": count_fact({"rule:p1": 0}),
            "ts:dataRecord": count_fact({"rule:p1:row": 0}),
            "ts:dataSize": count_fact({"rule:p1:byte/P1D": 0}),
        },
    }
    return circumstances | members  # type: ignore[no-any-return]


def ask(
    engine: WasmEngine,
    agreed: Agreement,
    capabilities: Capabilities = TABLES,
    **members: Any,
) -> Decision:
    rules = lower(agreed, kind="agreement")
    return evaluate(engine, "access", rules, capabilities=capabilities, **about(agreed, **members))


def test_needed_are_the_operands_that_rules_compare():
    rules = lower(
        agreement(purpose="a", count=1, until="2027-01-01", mask="x", delete_after="P1D"),
        kind="agreement",
    )
    assert needed(rules) == {"odrl:purpose", "odrl:count", "odrl:dateTime"}


def test_a_request_holds_only_rules_and_facts_that_can_matter():
    agreed = agreement(purpose="a", prohibit=["sell"])
    rules = lower(agreed, kind="agreement")
    request = build_request("access", rules, bundle="sha256:b", **about(agreed))
    assert (request.id, request.now) == ("access:urn:d", int(NOW.timestamp()))
    assert set(request.facts) == {"odrl:purpose"}
    assert request.rule_ids() == ("p1",)
    assert request.duties == DutyFacts(fulfilled={}, outstanding={})
    selling: Any = about(agreed, action="odrl:sell", id="mine", facts={}, duties=None)
    request = build_request("access", [rules], bundle="sha256:b", **selling)
    assert (request.id, request.rule_ids()) == ("mine", ("x1",))


def test_a_request_that_cannot_be_made_is_an_error():
    agreed = agreement()
    rules = lower(agreed, kind="agreement")
    for policies, members in (
        (rules, {"now": NOW.replace(tzinfo=None)}),
        (rules, {"now": datetime(1960, 1, 1, tzinfo=UTC)}),
        ([rules, rules], {}),
        (rules, {"id": ""}),
    ):
        with pytest.raises(PolicyError) as caught:
            build_request("access", policies, bundle="x", **about(agreed, **members))
        assert caught.value.code == "policy.request"
    other = lower(agreed, kind="agreement", prefix="b.")
    both = build_request("access", [rules, other], bundle="x", **about(agreed))
    assert both.rule_ids() == ("p1", "b.p1")


@pytest.mark.parametrize(
    ("keywords", "members", "ttl"),
    [
        ({}, {}, 60),
        ({"until": "2027-01-01"}, {}, 30),
        ({"until": "2026-12-31T23:59:31Z"}, {}, 1),
        ({"until": "2028-01-01"}, {}, 60),
        ({"purpose": "a"}, {"facts": {"odrl:purpose": Fact.ok("a", expires=1798761580)}}, 10),
    ],
)
def test_time_to_live_ends_with_the_next_moment(engine, keywords, members, ttl):
    agreed = agreement(**keywords)
    decision = ask(engine, agreed, **members)
    assert decision.allow
    assert decision.ttl == ttl
    rules = lower(agreed, kind="agreement")
    request = build_request("access", rules, bundle="x", **about(agreed, **members))
    assert time_to_live(request) == ttl


def test_time_to_live_ends_with_the_agreement(engine):
    agreed = agreement()
    ends = agreement_facts(
        agreed, state="FINALIZED", signed=NOW, expires=NOW + timedelta(seconds=5)
    )
    assert ask(engine, agreed, agreement=ends).ttl == 5


def test_an_agreement_is_known_by_its_digest():
    agreed = agreement()
    facts = agreement_facts(agreed, state="REVOKED", signed=NOW)
    assert facts.digest == policy_digest(agreed)
    assert (facts.state, facts.target, facts.expires) == ("REVOKED", "urn:d", None)


def test_a_denial_is_the_engine_s(engine):
    denied = ask(engine, agreement(count=3), facts={"odrl:count": count_fact({"rule:p1": 3})})
    assert [reason.id for reason in denied.reasons] == ["odrl.constraint.unsatisfied"]
    denied = ask(engine, agreement(count=3), facts={"odrl:count": count_fact(None)})
    assert [reason.id for reason in denied.reasons] == ["fact.unavailable"]


def test_the_time_since_the_first_use_ends_the_decision_with_the_term(engine):
    rules = lower(agreement(elapsed="PT1M"), kind="agreement")

    def since(first):
        fact = elapsed_fact(first, rules, now=NOW)
        decision = ask(engine, agreement(elapsed="PT1M"), facts={"odrl:elapsedTime": fact})
        return fact.value, decision.allow, decision.ttl

    assert since(None) == (0, True, 60)
    assert since(NOW - timedelta(seconds=50)) == (50, True, 10)
    assert since(NOW - timedelta(seconds=60)) == (60, True, 1)
    assert since(NOW - timedelta(seconds=61)) == (61, False, 0)
    # A clock that stepped back does not make it negative.
    assert since(NOW + timedelta(seconds=5))[0] == 0
    without = lower(agreement(count=3), kind="agreement")
    assert elapsed_fact(None, without, now=NOW).expires is None


@pytest.mark.parametrize(
    ("keywords", "capabilities", "expected"),
    [
        (
            {"mask": "x:redact_pii"},
            Capabilities(masks=TABLES.masks - {"redact_pii"}),
            [("ts:mask", "x:redact_pii")],
        ),
        ({"mask": "x:hash"}, FILES, [("ts:mask", "x:hash")]),
        ({"drop": "x"}, FILES, [("ts:mask", "x:drop")]),
        ({"where": "a = 1"}, FILES, [("ts:rowFilter", "a = 1")]),
        ({"columns": ["x", "y"]}, FILES, [("ts:columns", ("x", "y"))]),
        ({"rows": 3}, UNCOUNTED, [("ts:dataRecord", 3)]),
        ({"size": "1kB/P1D"}, UNCOUNTED, [("ts:dataSize", 1000)]),
        (
            {"delete_after": "P1D", "log": True},
            Capabilities(duties=frozenset({"odrl:delete"})),
            [(None, "ts:log")],
        ),
    ],
)
def test_what_cannot_be_carried_out_denies(engine, keywords, capabilities, expected):
    decision = ask(engine, agreement(**keywords), capabilities)
    assert not decision.allow
    assert decision.effect == "deny"
    assert {reason.id for reason in decision.reasons} == {"pep.unenforceable"}
    assert [(reason.left, reason.expected) for reason in decision.reasons] == expected
    assert (decision.rules, decision.masks, decision.filters, decision.columns) == (
        (),
        (),
        (),
        None,
    )
    assert (decision.obligations, decision.limits, decision.ttl) == ((), (), 0)
    assert Decision.model_validate(decision.model_dump()) == decision


def test_what_can_be_carried_out_is_allowed(engine):
    decision = ask(
        engine,
        agreement(mask="x:hash", where="a = 1", columns=["x"], delete_after="P1D", log=True),
    )
    assert decision.allow
    assert [mask.method for mask in decision.masks] == ["hash"]
    assert [duty.action for duty in decision.obligations] == ["odrl:delete", "ts:log"]
    assert ask(engine, agreement(), FILES).allow


def test_subjects_and_resources():
    assert anyone().ids == ()
    subject = participant("did:web:c", aliases=["BPNL1", "did:web:c"], groups=["gold"])
    assert (subject.id, subject.ids, subject.groups) == (
        "did:web:c",
        ("did:web:c", "BPNL1"),
        ("gold",),
    )
    resource = dataset("urn:d", collections=["urn:c"], columns=["x"])
    assert (resource.ids, resource.columns) == (("urn:d", "urn:c"), ("x",))


def with_purposes(*constraints: tuple[str, Any]) -> Offer:
    rule = {
        "action": "use",
        "constraint": [
            {"leftOperand": "purpose", "operator": operator, "rightOperand": right}
            for operator, right in constraints
        ],
    }
    return Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [rule]})


def test_the_purpose_is_the_one_stated_else_all_that_were_agreed():
    assert agreed_purposes(with_purposes(("isAnyOf", ["a", "b"]), ("eq", "b"))) == ("b",)
    assert agreed_purposes(with_purposes(("isAnyOf", ["a", "b"]))) == ("a", "b")
    assert agreed_purposes(with_purposes(("isNoneOf", ["a"]))) == ()
    place = {"leftOperand": "spatial", "operator": "eq", "rightOperand": "CN"}
    rule = {"action": "use", "constraint": [place, {"or": [place]}]}
    assert agreed_purposes(Offer.read({"@id": "urn:o", "permission": [rule]})) == ()


def test_facts():
    assert purpose_fact(["a"]).value == "a"
    assert purpose_fact(["a", "b", "a"]).value == ("a", "b")
    assert purpose_fact([]).status == "missing"
    assert count_fact({"rule:p1": 3}).value == {"rule:p1": 3}
    assert count_fact(None).status == "error"
    assert place_fact("CN-SH").within == ("CN-SH", "CN")
    assert place_fact(None).status == place_fact("").status == "missing"


@pytest.mark.parametrize(
    ("code", "regions"),
    [
        ("CN", ("CN",)),
        ("CN-SH", ("CN-SH", "CN")),
        ("310115", ("310115", "3101", "31", "CN")),
        ("3701", ("3701", "37", "CN")),
        ("37", ("37", "CN")),
        ("123", ("123",)),
        ("٣٧", ("٣٧",)),
    ],
)
def test_regions_hold_one_another(code, regions):
    assert regions_around(code) == regions


def test_what_was_asked_and_decided_is_told(engine):
    told: list[tuple[Any, Decision]] = []
    agreed = agreement(purpose="research")
    rules = lower(agreed, kind="agreement")
    decision = evaluate(
        engine, "access", rules, record=lambda *pair: told.append(pair), **about(agreed)
    )
    ((request, recorded),) = told
    assert recorded == decision
    assert request.point == "access"
