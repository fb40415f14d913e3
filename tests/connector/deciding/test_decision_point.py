"""Where policy is asked: what cannot be read is denied, what was changed at rest not believed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.responses import Response
from tests.connector.conftest import CSV, Start
from tests.connector.party import Json, Party
from tests.connector.processes import keep_agreement, urn
from tests.connector.pulling import started
from tests.connector.scripted_peer import ScriptedPeer

from trustspace.connector.cataloguing import catalog_entries
from trustspace.connector.deciding import visibility
from trustspace.connector.delivering import deliveries
from trustspace.dsp.messages import ContractRequestMessage
from trustspace.model.odrl import Offer
from trustspace.model.participant import Role
from trustspace.store import AgreementState, DatasetRow

pytestmark = pytest.mark.anyio

UNREADABLE: Json = {"permission": [{"action": "https://later.example/levitate"}]}


async def test_an_offer_that_cannot_be_read_is_shown_to_nobody(garden: Party, bank: Party) -> None:
    """It was published by a version that knew more."""
    offer_id = urn()
    row = {
        "participant": garden.name,
        "id": "later",
        "title": "Later",
        "offer_id": offer_id,
        "source": {"kind": "http", "url": "http://localhost:1/x"},
        "media_type": "text/csv",
        "forms": ("file",),
        "published_at": datetime.now(UTC),
    }
    await garden.store.write(
        lambda tx: tx.datasets.put(
            garden.name,
            DatasetRow(policy_digest=tx.policies.put(garden.name, UNREADABLE), **row),  # type: ignore[arg-type]
        )
    )
    listed = await bank.post("catalog", address=garden.address)
    assert "later" not in [dataset["id"] for dataset in listed["datasets"]]
    assert (await bank.say(garden, "catalog/datasets/later")).status_code == 404
    message = ContractRequestMessage(
        id=urn(),
        consumer_pid=urn(),
        offer=Offer.read(UNREADABLE | {"@id": offer_id, "@type": "Offer", "target": "later"}),
        callback_address=bank.hosted.dsp_url,
    )
    answer = await bank.say(garden, "negotiations/request", message)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_an_agreement_that_cannot_be_read_gives_nothing(
    garden: Party, peer: ScriptedPeer
) -> None:
    permission = UNREADABLE["permission"]
    row = await keep_agreement(garden, peer, Role.PROVIDER, permission=permission)
    assert (await garden.get(f"agreements/{row.id}"))["limits"] == {}
    peer.answers["transfers/{pid}/termination"] = lambda _: Response()
    message = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "TransferRequestMessage",
        "consumerPid": peer.pid,
        "agreementId": row.id,
        "format": "HttpData-PULL",
        "callbackAddress": peer.base,
    }
    answer = await peer.say(garden, "transfers/request", message)
    assert answer.status_code == 201
    await garden.settled()
    (said,) = peer.bodies("transfers/{pid}/termination")
    assert said["code"] == "policy.unsupported"
    assert said["reason"][0]["src"] == "/permission/0/action"


async def test_terms_that_were_changed_at_rest_give_nothing(
    garden: Party, bank: Party, roses: Path
) -> None:
    """The digest of what was signed is worked out again at each access."""
    pull = await started(garden, bank, roses, {"count": 1})
    database = garden.connector.home.path / "trustspace.db"
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT body FROM agreements WHERE id = ?"
        (text,) = connection.execute(query, (pull.agreement,)).fetchone()
        body = json.loads(text)
        body["permission"][0]["constraint"][0]["rightOperand"]["@value"] = "1000000"
        connection.execute(
            "UPDATE agreements SET body = ? WHERE id = ?", (json.dumps(body), pull.agreement)
        )
        connection.commit()
    answer = await pull.get()
    assert answer.status_code == 403
    assert answer.json()["reasons"]
    assert await pull.kinds() == ["access.denied"]


async def test_an_agreement_that_ended_otherwise_is_not_revoked(garden: Party, bank: Party) -> None:
    row = await keep_agreement(garden, bank, Role.PROVIDER)
    now = datetime.now(UTC)
    await garden.store.write(
        lambda tx: tx.agreements.end(
            garden.name, row.id, AgreementState.EXPIRED, reason="over", now=now
        )
    )
    before = garden.stored()
    answer = await garden.ask("POST", f"agreements/{row.id}/revoke", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert garden.stored() == before
    explained = await garden.get(f"explain/{row.id}")
    assert (explained["kind"], explained["outcome"]) == ("agreement", "EXPIRED")
    assert explained["sentences"] == ["refused: over"]


async def test_attested_facts_are_kept_and_shown(garden: Party, bank: Party) -> None:
    did = quote(bank.id, safe="")
    assert await garden.get(f"counterparties/{did}") == {"id": bank.id, "facts": {}}
    facts = {"spatial": "CN-SH"}
    answer = await garden.ask("PUT", f"counterparties/{did}", {"facts": facts})
    assert answer.json() == {"id": bank.id, "facts": facts}
    assert await garden.get(f"counterparties/{did}") == {"id": bank.id, "facts": facts}
    assert (await garden.events())[-1].kind == "counterparty.attested"
    answer = await garden.ask("PUT", f"counterparties/{did}", {"facts": {}})
    assert answer.json()["facts"] == {}


async def test_memory_holds_so_many_decisions_and_sessions(
    start: Start, bank: Party, roses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten is decided again, and counted as it was."""
    monkeypatch.setattr(visibility, "MEMO_ROWS", 1)
    monkeypatch.setattr(deliveries, "GRANTS", 1)
    monkeypatch.setattr(catalog_entries, "ENTRIES", 1)
    garden = await start("garden")
    for name, policy in (("a", {"count": 2}), ("b", {"count": 3})):
        await garden.publish(roses, name, policy)
    for _ in range(2):
        shown = await bank.post("catalog", address=garden.address)
        assert [dataset["id"] for dataset in shown["datasets"]] == ["a", "b"]
    pull = await started(garden, bank, roses, {"count": 2}, dataset="c")
    for session in ("s" * 16, "t" * 16, "s" * 16, "t" * 16):
        assert (await pull.get(session=session)).text == CSV
    assert list((await pull.used()).values()) == [2]
    assert (await pull.get(session="u" * 16)).status_code == 403
