"""Four policies from the wire to the sentence: terms, lowering, request, engine, explanation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.model.odrl import Agreement, Offer
from trustspace.policy.decision import Decision, Fact
from trustspace.policy.explain import explain, remote_reasons, summary
from trustspace.policy.facts import (
    TABLES,
    Capabilities,
    agreed_purposes,
    agreement_facts,
    count_fact,
    dataset,
    evaluate,
    participant,
    place_fact,
    purpose_fact,
)
from trustspace.policy.lease import Lease
from trustspace.policy.lower import lower
from trustspace.policy.narrow import difference, narrow_purpose
from trustspace.policy.terms import read_terms, terms
from trustspace.policy.wasm import WasmEngine

ENDS = 1798732800
"""2027-01-01 00:00 in Shanghai."""

SIGNED = datetime(2026, 1, 1, tzinfo=UTC)


def agree(rules: dict[str, Any]) -> Agreement:
    return Agreement.read(
        {
            "@id": "urn:a",
            "@type": "Agreement",
            "target": "urn:ds:1",
            "assigner": "did:web:p",
            "assignee": "did:web:c",
            "timestamp": "2026-01-01T00:00:00Z",
            **rules,
        }
    )


def ask(
    engine: WasmEngine,
    agreement: Agreement,
    *,
    action: str = "odrl:use",
    now: datetime = SIGNED,
    facts: dict[str, Fact] | None = None,
    capabilities: Capabilities = TABLES,
) -> Decision:
    return evaluate(
        engine,
        "access",
        lower(agreement, kind="agreement"),
        capabilities=capabilities,
        action=action,
        subject=participant("did:web:c"),
        resource=dataset("urn:ds:1"),
        now=now,
        agreement=agreement_facts(agreement, state="FINALIZED", signed=SIGNED),
        facts={"odrl:purpose": purpose_fact(agreed_purposes(agreement))} | (facts or {}),
    )


def ids(decision: Decision) -> list[str]:
    return [reason.id for reason in decision.reasons]


def test_time_limited(engine):
    agreement = agree(terms(until="2027-01-01T00:00:00+08:00"))
    last = datetime.fromtimestamp(ENDS - 1, UTC)
    allowed = ask(engine, agreement, now=last)
    assert (allowed.allow, allowed.ttl) == (True, 1)
    lease = Lease.of(allowed, issued_at=last, epoch=1)
    assert lease.valid(last, 1)
    assert not lease.valid(last + timedelta(seconds=1), 1)
    denied = ask(engine, agreement, now=datetime.fromtimestamp(ENDS, UTC))
    assert ids(denied) == ["odrl.constraint.unsatisfied"]
    assert (denied.reasons[0].at, denied.reasons[0].expected) == ("c1", ENDS)
    assert explain(denied.reasons, remote=True) == (
        (
            "the time must be before 2026-12-31T16:00:00Z"
            " - it was valid until 2026-12-31T16:00:00Z: negotiate a new agreement"
            " [rule p1, /permission/0/constraint/0]"
        ),
    )
    with pytest.raises(PolicyError) as caught:
        terms(until="2027-01-01T00:00:00")
    assert caught.value.code == "policy.datetime.no_zone"


def test_time_counted_from_the_signature(engine):
    constraint = {
        "leftOperand": "https://w3id.org/edc/v0.0.1/ns/inForceDate",
        "operator": "lteq",
        "rightOperand": "contractAgreement+30d",
    }
    agreement = agree({"permission": [{"action": "use", "constraint": [constraint]}]})
    end = SIGNED + timedelta(days=30)
    assert ask(engine, agreement, now=end).allow
    assert ids(ask(engine, agreement, now=end + timedelta(seconds=1))) == [
        "odrl.constraint.unsatisfied"
    ]


def test_count_limited(engine):
    agreement = agree(terms(count=10))
    tenth = ask(engine, agreement, facts={"odrl:count": count_fact({"rule:p1": 9})})
    assert tenth.allow
    assert [(limit.counter, limit.max) for limit in tenth.limits] == [("rule:p1", 10)]
    assert summary(tenth) == "allowed - 10 uses"
    eleventh = ask(engine, agreement, facts={"odrl:count": count_fact({"rule:p1": 10})})
    assert ids(eleventh) == ["odrl.constraint.unsatisfied"]
    assert eleventh.reasons[0].actual == 11
    assert ids(ask(engine, agreement, facts={"odrl:count": count_fact(None)})) == [
        "fact.unavailable"
    ]


CORPUS = {
    "@context": "https://w3id.org/dspace/2025/1/context.jsonld",
    "@type": "odrl:Set",
    "odrl:permission": {
        "odrl:action": {"@id": "https://w3id.org/trustspace/ns#train"},
        "odrl:constraint": [
            {
                "leftOperand": "purpose",
                "operator": "isAnyOf",
                "rightOperand": "https://w3id.org/trustspace/ns#llm-pretraining",
            },
            {"leftOperand": "ts:outputForm", "operator": "isAnyOf", "rightOperand": ["model"]},
            {
                "leftOperand": "ts:mask",
                "operator": "isAllOf",
                "rightOperand": ["phone:redact_pii", "id_card:redact_pii"],
            },
        ],
    },
    "odrl:prohibition": [{"action": "odrl:distribute"}, {"action": "odrl:sell"}],
    "odrl:obligation": [
        {
            "action": "delete",
            "constraint": {
                "leftOperand": "delayPeriod",
                "operator": "eq",
                "rightOperand": {"@value": "P30D", "@type": "xsd:duration"},
            },
        },
        {"action": "ts:meter"},
    ],
}


def test_llm_corpus(engine):
    offer = Offer.read({"@id": "urn:o", **read_terms(CORPUS)})
    asked = narrow_purpose(offer, "ts:llm-pretraining")
    assert difference(offer, asked) == ()
    agreement = agree({k: v for k, v in asked.to_wire().items() if not k.startswith("@")})
    facts = {"ts:outputForm": Fact.ok("model")}

    allowed = ask(engine, agreement, action="ts:train", facts=facts)
    assert allowed.allow
    assert [(mask.column, mask.method) for mask in allowed.masks] == [
        ("id_card", "redact_pii"),
        ("phone", "redact_pii"),
    ]
    assert [(duty.action, duty.due) for duty in allowed.obligations] == [
        ("odrl:delete", int(SIGNED.timestamp()) + 2_592_000),
        ("ts:meter", None),
    ]

    denied = ask(engine, agreement, action="odrl:distribute", facts=facts)
    assert ids(denied) == ["odrl.prohibited", "odrl.no_permission"]
    assert explain(denied.reasons)[0] == (
        "it is prohibited to distribute [rule x1, /prohibition/0]"
    )

    other = facts | {"odrl:purpose": purpose_fact(["marketing"])}
    denied = ask(engine, agreement, action="ts:train", facts=other)
    assert ids(denied) == ["odrl.constraint.unsatisfied"]
    assert explain(remote_reasons(denied)) == (
        (
            "the purpose must be ts:llm-pretraining - ask for purpose ts:llm-pretraining"
            " [/permission/0/constraint/0]"
        ),
    )

    simple = Capabilities(masks=TABLES.masks - {"redact_pii"})
    unable = ask(engine, agreement, action="ts:train", facts=facts, capabilities=simple)
    assert set(ids(unable)) == {"pep.unenforceable"}
    assert explain(unable.reasons)[0] == "the masks id_card:redact_pii cannot be carried out here"


def test_purpose_at_negotiation(engine):
    offer = Offer.read({"@id": "urn:o", **terms(purpose=["credit-scoring"], count=3)})

    def negotiate(purpose: str) -> Decision:
        asked = narrow_purpose(offer, purpose)
        assert difference(offer, asked) == ()
        return evaluate(
            engine,
            "negotiation",
            lower(offer, kind="offer", target="urn:ds:1"),
            action="odrl:use",
            subject=participant("did:web:c"),
            resource=dataset("urn:ds:1"),
            now=SIGNED,
            facts={"odrl:purpose": purpose_fact(agreed_purposes(asked))},
        )

    assert negotiate("credit-scoring").allow
    assert explain(remote_reasons(negotiate("marketing"))) == (
        (
            "the purpose must be one of credit-scoring - ask for purpose credit-scoring"
            " [/permission/0/constraint/0]"
        ),
    )


def test_region(engine):
    rules = terms(spatial="CN")
    rules["prohibition"] = [
        {
            "action": "transfer",
            "constraint": [
                {
                    "leftOperand": "https://w3id.org/trustspace/ns#destination",
                    "operator": "isNoneOf",
                    "rightOperand": ["CN"],
                }
            ],
        }
    ]
    agreement = agree(rules)

    def use(region: str | None) -> Decision:
        return ask(engine, agreement, facts={"odrl:spatial": place_fact(region)})

    assert use("CN-SH").allow
    assert use("310115").allow
    assert ids(use("DE")) == ["odrl.constraint.unsatisfied"]
    assert explain(use("DE").reasons)[0].startswith(
        "the place of use must be within CN; it was DE - use it within CN"
    )
    assert ids(use(None)) == ["fact.unavailable"]

    moved = ask(engine, agreement, action="odrl:transfer")
    assert ids(moved)[:2] == ["odrl.prohibited", "fact.unavailable"]
    inside = ask(
        engine, agreement, action="odrl:transfer", facts={"ts:destination": place_fact("CN")}
    )
    assert ids(inside) == ["odrl.no_permission"]


_terms = st.fixed_dictionaries(
    {},
    optional={
        "purpose": st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        "until": st.sampled_from(["2026-01-01T00:00:01Z", "2026-01-02", "2027-01-01"]),
        "count": st.integers(1, 4),
        "spatial": st.lists(st.sampled_from(["CN", "SG", "CN-SH"]), min_size=1, max_size=2),
        "drop": st.lists(st.sampled_from("xy"), max_size=2),
        "mask": st.dictionaries(st.sampled_from("xy"), st.sampled_from(["hash", "null"])),
    },
)


@given(
    _terms,
    _terms,
    st.sampled_from("abcd"),
    st.integers(0, 4),
    st.sampled_from(["CN", "CN-SH", "SG", "DE"]),
    st.sampled_from([0, 1, 86_400, 400 * 86_400]),
)
def test_what_a_narrower_policy_allows_the_stored_one_allows_too(
    engine, stored, more, purpose, used, region, later
):
    one, other = agree(terms(**stored)), agree(terms(**(stored | more)))
    assume(not difference(one, other))
    facts = {
        "odrl:purpose": purpose_fact([purpose]),
        "odrl:count": count_fact({"rule:p1": used}),
        "odrl:spatial": place_fact(region),
    }
    now = SIGNED + timedelta(seconds=later)
    narrow = ask(engine, other, now=now, facts=facts)
    wide = ask(engine, one, now=now, facts=facts)
    assert wide.allow or not narrow.allow
    if narrow.allow:
        assert {mask.column for mask in wide.masks} <= {mask.column for mask in narrow.masks}
