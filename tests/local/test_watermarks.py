"""Copies of a published table name their recipient, whatever became of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import trustspace as ts
from trustspace.cli.app import app
from trustspace.errors import ConfigurationError, NotFoundError
from trustspace.local import Connector
from trustspace.local.connector import LocalClient

ROWS = 5_000
MARK = {
    "identity": ["id"],
    "steps": {"price": "1"},
    "records": 2,
    "template": {"note": "seen by {token}"},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalClient, LocalClient]]:
    folder = tmp_path_factory.mktemp("homes")
    with (
        Connector.local("garden", home=folder / "garden") as garden,
        Connector.local("bank", home=folder / "bank") as bank,
    ):
        yield garden, bank


@pytest.fixture(scope="module")
def copies(
    pair: tuple[LocalClient, LocalClient], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path]:
    garden, bank = pair
    folder = tmp_path_factory.mktemp("roses")
    file = folder / "roses.parquet"
    pl.DataFrame(
        {"id": range(ROWS), "price": range(1000, 1000 + ROWS), "note": ["a rose"] * ROWS}
    ).write_parquet(file)
    shown = garden.publish(file, id="roses", terms=ts.terms(count=9), watermark=MARK)
    assert shown.forms == ("table",)
    first = bank.negotiate(garden.address, "roses")
    second = bank.negotiate(garden.address, "roses", fresh=True)
    with bank.open(second) as data:
        frame = data.to_polars()
    return first, second, frame, folder


def test_a_copy_is_marked_and_nearly_the_same(
    copies: tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path],
) -> None:
    _, _, frame, _ = copies
    assert frame.height == ROWS + 2
    rows = frame.drop_nulls("id")
    moved = (rows["price"] - rows["id"] - 1000).abs()
    assert moved.max() == 1
    assert 0 < (moved > 0).sum() < ROWS / 4


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".txt"])
def test_the_recipient_of_a_leaked_part_is_found(
    pair: tuple[LocalClient, LocalClient],
    copies: tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path],
    suffix: str,
) -> None:
    garden, bank = pair
    _, second, frame, folder = copies
    leaked = folder / f"leaked{suffix}"
    if suffix == ".txt":
        leaked.write_text("\n".join(frame["note"].to_list()), encoding="utf-8")
    elif suffix == ".csv":
        frame.sample(fraction=0.3, shuffle=True, seed=1).write_csv(leaked)
    else:
        frame.drop_nulls("id").head(2_000).select("id", "price").write_parquet(leaked)
    found = garden.find_watermark("roses", leaked)
    assert found.tried == 2
    (finding,) = found.findings
    assert (finding.agreement, finding.counterparty) == (second.id, bank.id)
    assert finding.chance < 1e-9


def test_nobody_is_named_for_what_was_not_delivered(
    pair: tuple[LocalClient, LocalClient],
    copies: tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path],
) -> None:
    garden, _ = pair
    folder = copies[3]
    assert garden.find_watermark("roses", folder / "roses.parquet").findings == ()
    other = folder / "other.csv"
    pl.DataFrame({"colour": ["red"]}).write_csv(other)
    assert garden.find_watermark("roses", other).findings == ()
    with pytest.raises(ConfigurationError):
        garden.find_watermark("roses", folder / "absent.csv")
    with pytest.raises(NotFoundError):
        garden.find_watermark("tulips", folder / "roses.parquet")


def test_the_command_names_the_recipient(
    pair: tuple[LocalClient, LocalClient],
    copies: tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path],
) -> None:
    garden, bank = pair
    _, second, frame, folder = copies
    leaked = folder / "shown.parquet"
    frame.drop_nulls("id").write_parquet(leaked)
    order = ["watermark", "find", str(leaked), "--dataset", "roses"]
    order += ["--home", str(garden.home.path)]
    shown = CliRunner().invoke(app, order)
    assert shown.exit_code == 0, shown.output
    assert second.id in shown.stdout
    assert bank.id in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*order, "--json"]).stdout)
    assert told["findings"][0]["agreement"] == second.id


@pytest.mark.parametrize(
    "mark",
    [
        {"identity": ["id"], "steps": {"gone": "1"}},
        {"identity": ["id"], "steps": {"note": "1"}},
        {"identity": ["id"], "steps": {"price": "0"}},
        {"steps": {"price": "1"}},
        {"records": 2, "template": {"note": "no place"}},
        {"colour": "blue"},
        {},
    ],
)
def test_a_mark_that_cannot_be_put_on_is_refused_at_publication(
    pair: tuple[LocalClient, LocalClient],
    copies: tuple[ts.Agreement, ts.Agreement, pl.DataFrame, Path],
    mark: dict[str, object],
) -> None:
    garden, _ = pair
    file = copies[3] / "roses.parquet"
    with pytest.raises((ConfigurationError, ts.PolicyError)):
        garden.publish(file, id="worse", terms=ts.terms(count=1), watermark=mark)
    with pytest.raises(NotFoundError):
        garden.dataset("worse")
