"""What is kept of a delivery: sealed, used under the agreement alone, gone with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import trustspace as ts
from trustspace.client.client import Client
from trustspace.client.handles.kept_handle import KeptHandle
from trustspace.errors import (
    ConfigurationError,
    IntegrityError,
    LocalProtocolError,
    NotFoundError,
    PolicyDeniedError,
)
from trustspace.local import Connector
from trustspace.local.connector import LocalClient

ROWS = 40_000
PROMISED = ["distribute", "extract", "ts:download"]
CANARY = "canary-rose-4711"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalClient, LocalClient]]:
    folder = tmp_path_factory.mktemp("homes")
    with (
        Connector.local("garden", home=folder / "garden") as garden,
        Connector.local("bank", home=folder / "bank") as bank,
    ):
        yield garden, bank


@pytest.fixture
def garden(pair: tuple[LocalClient, LocalClient]) -> LocalClient:
    return pair[0]


@pytest.fixture
def bank(pair: tuple[LocalClient, LocalClient]) -> LocalClient:
    return pair[1]


def roses(folder: Path) -> Path:
    file = folder / "roses.parquet"
    pl.DataFrame(
        {
            "grade": ["ABC"[each % 3] for each in range(ROWS)],
            "price": range(ROWS),
            "phone": [f"1380000{each:05}" for each in range(ROWS)],
            "note": [CANARY] * ROWS,
        }
    ).write_parquet(file)
    return file


def agreed(garden: LocalClient, bank: LocalClient, source: Path, **terms: object) -> ts.Agreement:
    dataset = f"roses-{source.parent.name}"
    garden.publish(source, id=dataset, terms=ts.terms(**terms), accept_contractual=PROMISED)  # type: ignore[arg-type]
    return bank.negotiate(garden.address, dataset)


def test_what_is_kept_is_used_without_the_provider(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path), mask=["phone:partial"], where="price < 30000")
    with pytest.raises(NotFoundError, match="keep it first"):
        bank.use(agreement)
    kept = bank.keep(agreement)
    assert (kept.form, kept.rows) == ("table", 30_000)
    before = len([one for one in garden.events() if one.kind == "access.granted"])
    with bank.use(agreement) as data:
        frame = data.to_polars()
        assert frame.columns == ["grade", "price", "phone", "note"]
        assert frame["phone"][0] == "1380***0000" or "***" in frame["phone"][0]
        assert data.to_pandas().shape == (30_000, 4)
        cheap = data.sql("select grade, count(*) as n from data where price < ? group by 1", 3)
        assert sorted(cheap.to_polars().rows()) == [("A", 1), ("B", 1), ("C", 1)]
    assert len([one for one in garden.events() if one.kind == "access.granted"]) == before
    kinds = [one.kind for one in bank.events() if one.kind.startswith("use.")]
    assert kinds[-2:] == ["use.granted", "use.ended"]


def test_nothing_of_it_lies_on_the_disk_in_the_clear(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path))
    bank.keep(agreement)
    with bank.use(agreement) as data:
        data.sql("select note, price from data order by price desc limit 5").to_arrow()
    files = [each for each in bank.home.path.rglob("*") if each.is_file()]
    assert any(each.suffix == ".sealed" for each in files)
    for each in files:
        content = each.read_bytes()
        assert CANARY.encode() not in content, each
        assert b"13800000" not in content, each


def test_uses_are_counted_apart_from_deliveries(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path), count=2)
    bank.keep(agreement)
    for _ in range(2):
        with bank.use(agreement) as data:
            assert data.to_arrow().num_rows == ROWS
            assert data.to_arrow().num_rows == ROWS
    with pytest.raises(PolicyDeniedError) as denied, bank.use(agreement):
        pass
    assert denied.value.code in ("odrl.constraint.unsatisfied", "pep.limit_reached")
    assert [one.kind for one in bank.events()][-1] == "use.denied"


def test_a_use_ends_with_the_agreement_within_one_batch(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path))
    bank.keep(agreement)
    with bank.use(agreement) as data:
        batches = data.iter_batches()
        next(batches)
        garden.revoke(agreement.id, reason="licence withdrawn")
        _until_known(bank, agreement.id)
        time.sleep(0.6)
        with pytest.raises(PolicyDeniedError) as denied:
            next(batches)
    assert denied.value.code == "agreement.revoked"
    with pytest.raises(PolicyDeniedError), bank.use(agreement):
        pass
    ended = [one for one in bank.events() if one.kind == "use.ended"][-1]
    assert ended.body["outcome"] == "cut"


def test_a_use_ends_with_its_time(garden: LocalClient, bank: LocalClient, tmp_path: Path) -> None:
    until = datetime.now(UTC) + timedelta(seconds=4)
    agreement = agreed(garden, bank, roses(tmp_path), until=until)
    bank.keep(agreement)
    with bank.use(agreement) as data:
        with pytest.raises(PolicyDeniedError):
            _use_without_end(data)
        assert datetime.now(UTC) < until + timedelta(seconds=2)


def test_another_purpose_or_action_is_decided_anew(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(
        garden, bank, roses(tmp_path), purpose=["research"], prohibit=["distribute", "extract"]
    )
    bank.keep(agreement)
    with pytest.raises(PolicyDeniedError), bank.use(agreement, purpose="marketing"):
        pass
    with pytest.raises(PolicyDeniedError), bank.use(agreement, action="distribute"):
        pass
    with bank.use(agreement, action="ts:train") as data:
        assert data.sql("select price from data limit 10000").to_arrow().num_rows == 10_000
        with pytest.raises(PolicyDeniedError):
            data.sql("select price from data").to_arrow()
        assert next(data.iter_batches()).num_rows > 0


def test_copies_leave_only_where_that_is_allowed(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    (tmp_path / "free").mkdir()
    (tmp_path / "bound").mkdir()
    free = agreed(garden, bank, roses(tmp_path / "free"))
    bank.keep(free)
    with bank.use(free) as data:
        assert data.save(tmp_path / "copy.csv").rows == ROWS
    bound = agreed(garden, bank, roses(tmp_path / "bound"), prohibit=["ts:download"])
    bank.keep(bound)
    with bank.use(bound) as data, pytest.raises(PolicyDeniedError):
        data.save(tmp_path / "bound.csv")
    assert not (tmp_path / "bound.csv").exists()


def test_a_file_is_read_at_any_place(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    file = tmp_path / "roses.bin"
    file.write_bytes(bytes(range(256)) * 4096)
    agreement = agreed(garden, bank, file)
    assert bank.keep(agreement).form == "file"
    with bank.use(agreement) as data:
        with data.open() as opened:
            opened.seek(512 * 1024 + 5)
            assert opened.read(3) == bytes([5, 6, 7])
        assert data.read() == file.read_bytes()
        with pytest.raises(ConfigurationError, match="a file"):
            data.to_polars()
        data.close()
        with pytest.raises(LocalProtocolError), data.open():
            pass


def test_what_was_changed_on_the_disk_is_refused(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path))
    bank.keep(agreement)
    name = bank._kept.store(bank.home.name, bank.id).folder.of(agreement.id)
    largest = max(name.glob("*.sealed"), key=lambda each: each.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    with bank.use(agreement) as data, pytest.raises(IntegrityError):
        data.to_arrow()


def test_two_threads_share_a_handle(garden: LocalClient, bank: LocalClient, tmp_path: Path) -> None:
    agreement = agreed(garden, bank, roses(tmp_path), count=1)
    bank.keep(agreement)
    rows: list[int] = []
    with bank.use(agreement) as data:
        threads = [
            threading.Thread(target=lambda: rows.append(data.to_arrow().num_rows)) for _ in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert rows == [ROWS] * 4


def test_a_client_without_a_folder_keeps_nothing(
    garden: LocalClient, bank: LocalClient, tmp_path: Path
) -> None:
    agreement = agreed(garden, bank, roses(tmp_path))
    token = bank.home.management_token()
    with (
        Client(bank._management.url, token) as client,
        pytest.raises(ConfigurationError, match="no folder"),
    ):
        client.keep(agreement.id)
    with Client(bank._management.url, token, sealed=tmp_path / "own") as client:
        assert client.keep(agreement.id).rows == ROWS
        with client.use(agreement.id) as data:
            assert data.to_arrow().num_rows == ROWS


def _use_without_end(data: KeptHandle) -> None:
    while True:
        for _ in data.iter_batches():
            pass


def _until_known(bank: LocalClient, agreement: str) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while bank.agreement(agreement).is_in_force:
        assert datetime.now(UTC) < deadline
