"""Pushes through the SDK and the command line: files, tables, foreign sinks, refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from trustspace.cli.app import app
from trustspace.errors import ConfigurationError, DeadlineError, PolicyDeniedError
from trustspace.local import Connector
from trustspace.local.connector import LocalClient

pytestmark = pytest.mark.anyio

ROSES = "grade,price\nA,10\nB,20\nA,30\n"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[LocalClient, LocalClient]]:
    (tmp_path / "roses.csv").write_text(ROSES)
    with (
        Connector.local("garden", home=tmp_path / "garden") as garden,
        Connector.local("bank", home=tmp_path / "bank") as bank,
    ):
        yield garden, bank


def test_a_push_ends_in_a_file(both: tuple[LocalClient, LocalClient], tmp_path: Path) -> None:
    garden, bank = both
    garden.publish(tmp_path / "roses.csv", id="roses", terms={"count": 3})
    agreement = bank.negotiate(garden.address, "roses")
    told: list[int] = []
    saved = agreement.receive(tmp_path / "got.bin", progress=lambda done, _: told.append(done))
    assert (tmp_path / "got.bin").read_text() == ROSES
    assert saved.sha256 == hashlib.sha256(ROSES.encode()).hexdigest()
    assert (saved.bytes, saved.rows, told[-1]) == (len(ROSES), None, len(ROSES))
    saved = bank.receive(agreement, tmp_path / "got.parquet")
    assert saved.rows == 3
    assert pl.read_parquet(tmp_path / "got.parquet")["price"].to_list() == [10, 20, 30]
    # Nothing of it is left at the connector.
    assert list((tmp_path / "bank").rglob("*.sealed*")) == []
    assert list((tmp_path / "garden").glob("outgoing/*")) == []

    def run(*words: object) -> Any:
        arguments = [str(word) for word in words]
        return CliRunner().invoke(app, [*arguments, "--home", str(tmp_path / "bank")])

    done = run("receive", agreement.id, "-o", tmp_path / "cli.csv", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] == 3
    denied = run("receive", agreement.id, "-o", tmp_path / "no.csv")
    assert denied.exit_code == 3, denied.output
    assert not (tmp_path / "no.csv").exists()
    with pytest.raises(PolicyDeniedError):
        agreement.receive(tmp_path / "no.bin")
    for words in ([], ["-o", tmp_path / "x", "--sink", "http://x"]):
        assert run("receive", agreement.id, *words).exit_code == 2
    with pytest.raises(ConfigurationError):
        agreement.receive(tmp_path / "x", authorization="Bearer x")


def test_a_push_goes_to_a_foreign_sink(
    both: tuple[LocalClient, LocalClient], tmp_path: Path
) -> None:
    garden, bank = both
    garden.publish(tmp_path / "roses.csv", id="roses", terms={"where": 'grade = "A"'})
    agreement = bank.negotiate(garden.address, "roses")
    elsewhere = "http://localhost:9/sink"
    with pytest.raises(PolicyDeniedError, match="DID document") as refused:
        agreement.receive(sink=elsewhere, authorization="Bearer x")
    assert refused.value.code == "sink.foreign"
    # A sink that is the consumer's own and takes nothing.
    with pytest.raises(DeadlineError, match="not complete yet"):
        agreement.receive(
            sink=f"{bank.address}/x/sink/y",
            authorization="Bearer x",
            media_type="application/vnd.apache.parquet",
            deadline=timedelta(0),
        )
    (waiting,) = [each for each in bank.transfers() if each.sink == f"{bank.address}/x/sink/y"]
    with pytest.raises(PolicyDeniedError, match="the sink answered 401"):
        agreement.receive(sink=f"{bank.address}/x/sink/y", transfer=waiting.id)


async def test_the_async_client_receives_as_well(tmp_path: Path) -> None:
    async with Connector.local("garden") as garden, Connector.local("bank") as bank:
        await garden.publish(pl.DataFrame({"a": [1, 2]}), id="frame", terms={})
        agreement = await bank.negotiate(garden.address, "frame")
        saved = await agreement.receive(tmp_path / "got.csv")
        assert saved.rows == 2
