"""Pushes between two connectors: delivered, counted, told, paused, cut and gone on with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.connector.conftest import CSV
from tests.connector.party import Json, Party
from tests.connector.pulling import started

pytestmark = pytest.mark.anyio

PUSH = "HttpData-PUSH"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


async def agreed(garden: Party, bank: Party, file: Path, policy: Json, dataset: str) -> str:
    await garden.publish(file, dataset, policy)
    return await bank.agree(garden, dataset, purpose=None)


async def push(bank: Party, agreement: str, state: str = "COMPLETED", **more: Any) -> Json:
    begun = await bank.post("transfers", agreement=agreement, format=PUSH, **more)
    return await bank.until(f"transfers/{begun['id']}", state, seconds=15)


async def content(bank: Party, pid: str) -> httpx.Response:
    return await bank.ask("GET", f"transfers/{pid}/content")


async def test_a_file_arrives_and_its_digest_is_told(
    garden: Party, bank: Party, roses: Path
) -> None:
    agreement = await agreed(garden, bank, roses, {"count": 1}, "push-file")
    shown = await push(bank, agreement)
    data = CSV.encode()
    digest = hashlib.sha256(data).hexdigest()
    assert (shown["sha256"], shown["pushed"], shown["error"]) == (digest, len(data), None)
    got = await content(bank, shown["id"])
    assert (got.status_code, got.content) == (200, data)
    assert got.headers["content-type"].startswith("text/csv")
    theirs = next(
        each for each in (await garden.get("transfers"))["items"] if each["agreement"] == agreement
    )
    assert (theirs["state"], theirs["sha256"], theirs["bytes"]) == ("COMPLETED", digest, len(data))
    assert (await garden.get(f"agreements/{agreement}"))["used"]
    kinds = [e.kind for e in await garden.events() if e.body.get("agreement") == agreement]
    assert kinds[-5:] == [
        "transfer.started",
        "access.granted",
        "delivery.sent",
        "delivery.pushed",
        "transfer.completed",
    ]
    # What opened the sink is nowhere any more, and was nowhere in clear.
    assert (await bank.ask("DELETE", f"transfers/{shown['id']}/content")).status_code == 204
    assert (await content(bank, shown["id"])).status_code == 404
    # The one use is taken: pull and push share the counter.
    refused = await push(bank, agreement, "TERMINATED")
    assert refused["code"] in ("odrl.constraint.unsatisfied", "pep.limit_reached")
    assert refused["reasons"]
    pulled = await bank.transfer(agreement)
    edr = await bank.get(f"transfers/{pulled['id']}/edr")
    answer = await bank.voice.get(edr["endpoint"], headers={"Authorization": edr["authorization"]})
    assert answer.status_code == 403


@pytest.mark.parametrize("media_type", [None, ARROW, PARQUET])
async def test_a_table_leaves_filtered_and_masked(
    garden: Party, bank: Party, roses: Path, tmp_path: Path, media_type: str | None
) -> None:
    policy = {"where": 'grade = "A"', "drop": ["phone"]}
    name = f"push-table-{(media_type or 'default')[-7:]}"
    agreement = await agreed(garden, bank, roses, policy, name)
    more = {} if media_type is None else {"form": "table", "media_type": media_type}
    shown = await push(bank, agreement, **more)
    got = await content(bank, shown["id"])
    assert got.headers["content-type"].startswith(media_type or ARROW)
    (tmp_path / "t").write_bytes(got.content)
    read = pl.read_parquet if media_type == PARQUET else pl.read_ipc_stream
    frame = read(tmp_path / "t")
    assert frame.to_dict(as_series=False) == {"grade": ["A", "A"], "price": [10, 30]}
    assert hashlib.sha256(got.content).hexdigest() == shown["sha256"]
    transfers = (await garden.get("transfers"))["items"]
    theirs = next(each for each in transfers if each["agreement"] == agreement)
    assert theirs["rows"] == 2


async def test_nothing_secret_is_at_rest(garden: Party, bank: Party, roses: Path) -> None:
    agreement = await agreed(garden, bank, roses, {}, "push-secret")
    sink = {"url": f"{bank.address}/nowhere", "authorization": "Bearer c4nary-s3cret"}
    shown = await push(bank, agreement, "TERMINATED", sink=sink)
    assert shown["code"] == "push.refused"
    assert shown["reasons"] == ["the sink answered 404"]
    assert shown["sink"] == sink["url"]
    for party in (bank, garden):
        assert "c4nary" not in str(party.stored())


async def test_a_sink_takes_only_what_its_token_is_for(
    garden: Party, bank: Party, mallory: Party, roses: Path
) -> None:
    agreement = await agreed(garden, bank, roses, {}, "push-token")
    shown = await push(bank, agreement)
    for header in ({}, {"Authorization": "Bearer x"}):
        for method in ("PUT", "POST", "HEAD"):
            answer = await mallory.voice.request(method, shown["sink"], headers=header)
            assert answer.status_code == 401
    assert (await mallory.voice.get(shown["sink"])).status_code == 405


async def test_several_transfers_run_beside_each_other(
    garden: Party, bank: Party, roses: Path
) -> None:
    pull = await started(garden, bank, roses, {"count": 4})
    begun = [await bank.post("transfers", agreement=pull.agreement, format=PUSH) for _ in range(2)]
    assert len({each["id"] for each in begun} | {pull.transfer}) == 3
    assert (await pull.get()).status_code == 200
    for each in begun:
        await bank.until(f"transfers/{each['id']}", "COMPLETED", seconds=15)
    assert (await pull.get()).status_code == 200
    await pull.until_used(4)
    assert (await pull.get()).status_code == 403
    assert (await bank.get(f"transfers/{pull.transfer}"))["state"] == "STARTED"


async def test_an_interface_cannot_be_pushed(garden: Party, bank: Party) -> None:
    source = {"kind": "api", "url": "http://127.0.0.1:9/x"}
    assert (
        await garden.ask("PUT", "datasets/push-api", {"source": source, "policy": {}})
    ).status_code == 201
    agreement = await bank.agree(garden, "push-api", purpose=None)
    shown = await push(bank, agreement, "TERMINATED")
    assert (shown["code"], shown["reasons"]) == (
        "form.unavailable",
        ["an interface is called, it cannot be pushed"],
    )
    catalog = await bank.post("catalog", address=garden.address)
    formats = {each["id"]: each["formats"] for each in catalog["datasets"]}
    assert formats["push-api"] == ["HttpData-PULL"]
    assert formats["roses"] == ["HttpData-PULL", PUSH]
