"""The decision log: every decision with what was asked, and its explanation by its id."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.pulling import started
from tests.policy import documents

from trustspace.connector.deciding.decision_log import LONGEST_REQUEST, DecisionLog
from trustspace.policy.decision import DecisionRequest, Fact
from trustspace.policy.engine import denial
from trustspace.policy.request import Credential
from trustspace.policy.wasm import WasmEngine
from trustspace.store import DecisionRow, Transaction

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 25, tzinfo=UTC)


async def kept(party: Party) -> tuple[DecisionRow, ...]:
    await party.connector.plane.context.decisions.settle()
    return await party.store.read(lambda tx: tx.decisions.last(party.name, 1_000))


async def test_every_point_leaves_a_record(garden: Party, bank: Party, roses: Path):
    pull = await started(garden, bank, roses, {})
    assert (await pull.get()).status_code == 200
    rows = {row.point: row for row in await kept(garden)}
    assert {"catalog", "negotiation", "transfer", "access"} <= rows.keys()
    access = rows["access"]
    assert (access.subject, access.agreement) == (bank.id, pull.agreement)
    assert access.request is not None
    asked = DecisionRequest.model_validate_json(access.request)
    assert asked.now == int(access.at.timestamp())
    assert access.digest == f"sha256:{hashlib.sha256(access.request.encode()).hexdigest()}"
    assert access.bundle == garden.connector.plane.context.engine.revision
    events = await garden.store.read(lambda tx: tx.events.after(garden.name, 0, 1_000))
    assert access.id in [event.body.get("decision") for event in events]


async def test_denied_access_is_explained_by_its_id(garden: Party, bank: Party, roses: Path):
    pull = await started(garden, bank, roses, {"count": 1}, dataset="once")
    assert (await pull.get()).status_code == 200
    assert (await pull.get(session="another")).status_code == 403
    listed = (await garden.get("decisions", limit=1))["items"]
    assert (listed[0]["effect"], listed[0]["point"]) == ("deny", "access")
    told = await garden.get(f"explain/{listed[0]['id']}")
    assert (told["kind"], told["outcome"]) == ("decision", "deny")
    assert bank.id in told["sentences"][0]
    assert told["reasons"][0]["actual"] == 2
    assert told["decision"]["request"]["resource"]["id"] == "once"
    chinese = await garden.get(f"explain/{listed[0]['id']}", language="zh")
    assert "请求" in chinese["sentences"][0]
    # What has left the ring is explained by the event log, without what was found.
    name = garden.name
    await garden.store.write(lambda tx: tx.decisions.cut(name, 0))
    older = await garden.get(f"explain/{listed[0]['id']}")
    assert (older["outcome"], older["code"]) == ("deny", listed[0]["code"])
    assert bank.id in older["sentences"][0]
    assert len(older["sentences"]) == 2
    assert "actual" not in older["reasons"][0]


async def test_allowed_access_is_explained_too(garden: Party, bank: Party, roses: Path):
    pull = await started(garden, bank, roses, {})
    assert (await pull.get()).status_code == 200
    row = next(row for row in await kept(garden) if row.point == "access")
    told = await garden.get(f"explain/{row.id}")
    assert told["outcome"] in ("allow", "conditional")
    assert told["sentences"][-1].startswith("allowed by ")


async def test_unknown_decision_is_not_found(garden: Party):
    for name in ("urn:uuid:00000000-0000-0000-0000-000000000000", "%"):
        assert (await garden.ask("GET", f"explain/{name}")).status_code == 404


async def test_ring_is_bounded_and_may_be_off(start: Start, roses: Path):
    small = await start("small", settings="[policy]\nlog_inputs = 2\n")
    await small.publish(roses)
    other = await start("other", settings="[policy]\nlog_inputs = 0\n")
    for _ in range(2):
        await other.agree(small)
    assert len(await kept(small)) == 2
    assert await kept(other) == ()


def log_of(party: Party) -> DecisionLog:
    return DecisionLog(party.store, keep=5, clock=lambda: NOW)


async def test_claims_and_long_requests_are_left_out(garden: Party):
    engine = WasmEngine()
    request = documents.read_request(
        documents.CASES["operators/eq true permission"], engine.revision
    )
    claims = {"name": "Ada Lovelace"}
    credential = Credential(type="t", issuer="i", status="active", claims=claims)
    subject = request.subject.model_copy(update={"credentials": (credential,)})
    personal = request.model_copy(update={"id": "urn:1", "subject": subject})
    pad = {f"ts:pad{n}": Fact.ok("x" * 1_000) for n in range(LONGEST_REQUEST // 1_000)}
    long = request.model_copy(update={"id": "urn:2", "facts": request.facts | pad})
    broken = request.model_copy(update={"id": "urn:3", "action": "\ud800"})

    def hop(tx: Transaction) -> None:
        note = log_of(garden).noting(tx, garden.hosted)
        assert note is not None
        note(personal, engine.decide(personal))
        note(long, engine.decide(long))
        note(broken.model_copy(update={"action": "x"}), denial(broken, "engine.input", "r"))

    await garden.store.write(hop)
    rows = {row.id: row for row in await kept(garden)}
    first, second = rows["urn:1"], rows["urn:2"]
    assert first.request is not None
    assert "Lovelace" not in first.request
    assert DecisionRequest.model_validate_json(first.request).subject.credentials[0].type == "t"
    whole = personal.model_dump_json().encode()
    assert first.digest == f"sha256:{hashlib.sha256(whole).hexdigest()}"
    assert (second.request, second.digest != "") == (None, True)
    assert rows["urn:3"].code == "engine.input"


async def test_store_that_has_closed_costs_the_record_only(start: Start):
    party = await start("closing")
    log = log_of(party)
    engine = WasmEngine()
    request = documents.read_request(
        documents.CASES["operators/eq true permission"], engine.revision
    )
    note = await party.store.read(lambda tx: log.noting(tx, party.hosted))
    assert note is not None
    party.store.close()
    note(request, engine.decide(request))
