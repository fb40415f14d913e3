"""What is kept goes when its agreement ends, and both sides can show that it went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import trustspace as ts
from trustspace.client.client import Client
from trustspace.errors import PolicyDeniedError
from trustspace.identity.signed_document import signer_of
from trustspace.local import Connector
from trustspace.local.connector import LocalClient
from trustspace.usage.deletion_record import DeletionRecord

PATIENCE = timedelta(seconds=30)


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClient]:
    with Connector.local("garden", home=tmp_path_factory.mktemp("a") / "garden") as client:
        yield client


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClient]:
    with Connector.local("bank", home=tmp_path_factory.mktemp("b") / "bank") as client:
        yield client


def kept(garden: LocalClient, bank: LocalClient, folder: Path, **terms: object) -> ts.Agreement:
    file = folder / "roses.parquet"
    pl.DataFrame({"grade": ["A", "B"], "price": [1, 2]}).write_parquet(file)
    dataset = f"roses-{folder.name}"
    garden.publish(file, id=dataset, terms=ts.terms(**terms))  # type: ignore[arg-type]
    agreement = bank.negotiate(garden.address, dataset)
    bank.keep(agreement)
    with bank.use(agreement) as data:
        assert data.to_polars().height == 2
    return agreement


def sealed(bank: LocalClient, agreement: ts.Agreement) -> list[str]:
    folder = bank._kept.store(bank.home.name, bank.id).folder.of(agreement.id)
    return sorted(each.name for each in folder.iterdir())


def wait_for(client: Client, agreement: ts.Agreement, kind: str) -> ts.Event:
    until = datetime.now(UTC) + PATIENCE
    while True:
        for event in client.timeline(agreement):
            if event.kind == kind:
                return event
        assert datetime.now(UTC) < until, [each.kind for each in client.timeline(agreement)]
        time.sleep(0.05)


def test_a_revocation_deletes_what_is_kept(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = kept(garden, bank, tmp_path)
    garden.revoke(agreement.id, reason="licence withdrawn")
    event = wait_for(bank, agreement, "sealed.deleted")
    assert event.body["trigger"] == "revocation"
    assert event.body["objects"] == 2
    assert signer_of(event.body["proof"]) == bank.id
    assert not any(name.endswith((".sealed", "key.json")) for name in sealed(bank, agreement))
    with pytest.raises(PolicyDeniedError, match="deleted"):
        bank.use(agreement)


def test_a_duty_to_delete_is_proven_to_the_provider(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = kept(garden, bank, tmp_path, delete_after="PT2S")
    event = wait_for(garden, agreement, "duty.fulfilled")
    assert event.body["action"] == "odrl:delete"
    mine = wait_for(bank, agreement, "sealed.deleted")
    (duty,) = [one for one in garden.duties(agreement.id) if one.action == "odrl:delete"]
    report = duty.evidence.model_extra["report"]["removed"]  # type: ignore[union-attr, index]
    assert report["proof"] == mine.body["proof"]
    assert all(name.startswith("deletion.") for name in sealed(bank, agreement))
    folder = bank._kept.store(bank.home.name, bank.id).folder.of(agreement.id)
    (file,) = folder.glob("deletion.*.json")
    record = DeletionRecord.decode(file.read_bytes())
    assert record.digest == mine.body["digest"]
    assert record.verified == "reopened"
    assert bank.keep(agreement).rows == 2


def test_what_was_kept_while_the_connector_was_away_goes_at_its_start(
    garden: LocalClient, tmp_path: Path
) -> None:
    home = tmp_path / "shop"
    with Connector.local("shop", home=home) as shop:
        until = datetime.now(UTC) + timedelta(seconds=4)
        agreement = kept(garden, shop, tmp_path, until=until)
    time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds() + 0.2))
    with Connector.local("shop", home=home) as shop:
        event = wait_for(shop, agreement, "sealed.deleted")
        assert event.body["trigger"] == "expiry"
