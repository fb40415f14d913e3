"""A connector in a ``with`` block: real listeners, a thread of its own, nothing left behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

import trustspace as ts
from trustspace.connector.home import init_home
from trustspace.connector.listener import bind
from trustspace.errors import ConfigurationError, PolicyDeniedError
from trustspace.local import Connector
from trustspace.local.connector import LocalClient

FRAME = pl.DataFrame({"grade": ["A", "B", "A"], "price": [10, 20, 30]})


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [one.name for one in set(threading.enumerate()) - before if "trustspace" in one.name]
    assert left == []


@pytest.fixture
def roses(tmp_path: Path) -> Path:
    file = tmp_path / "roses.parquet"
    FRAME.write_parquet(file)
    return file


def _is_served(client: LocalClient) -> bool:
    try:
        answer = httpx.get(f"{client.address}/.well-known/dspace-version", trust_env=False)
    except httpx.ConnectError:
        return False
    return answer.status_code == 200


def test_two_of_them_exchange(roses: Path) -> None:
    terms = ts.terms(purpose="research", count=1, where='grade = "A"')
    with Connector.local("garden") as garden, Connector.local("bank") as bank:
        garden.publish(roses, id="roses", terms=terms)
        agreement = bank.negotiate(garden.address, "roses", purpose="research")
        with agreement.open() as data:
            assert data.to_polars()["price"].to_list() == [10, 30]
        with pytest.raises(PolicyDeniedError), agreement.open() as data:
            data.to_polars()
        assert garden.id.endswith(":garden")
        assert garden.home.name == "garden"
        clients = garden, bank
    assert not any(map(_is_served, clients))


def test_a_temporary_home_is_gone_with_the_block(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "trustspace"), Connector.local("garden") as garden:
        path = garden.home.path
        assert path.exists()
    assert not path.exists()
    assert "garden is temporary" in caplog.text


def test_a_kept_home_is_found_again(tmp_path: Path, roses: Path) -> None:
    home = tmp_path / "garden"
    with Connector.local("garden", home=home) as garden:
        garden.publish(roses, id="roses", terms={"count": 3})
        known = garden.id, garden.address
    with Connector(home) as garden:
        assert (garden.id, garden.address) == known
        assert garden.dataset("roses").id == "roses"
    assert not (home / "running.json").exists()


def test_a_home_or_a_name_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="needs a home or a name"):
        Connector()


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no settings file"), Connector(tmp_path):
        pass


def test_a_name_that_cannot_be_is_refused() -> None:
    connector = Connector.local("Not A Name")
    with pytest.raises(ConfigurationError, match="is not a participant name"), connector:
        pass


def test_another_name_than_the_homes_is_refused(tmp_path: Path) -> None:
    init_home(tmp_path / "garden", name="garden")
    connector = Connector.local("bank", home=tmp_path / "garden")
    with pytest.raises(ConfigurationError, match="exists with name 'garden'"), connector:
        pass


def test_a_taken_port_is_told_and_nothing_stays(tmp_path: Path) -> None:
    home = init_home(tmp_path / "garden", name="garden")
    with bind("127.0.0.1", home.settings.management.port) as taken:
        taken.listen()
        with pytest.raises(ConfigurationError, match="cannot listen"), Connector(home.path):
            pass
    with Connector(home.path) as garden:
        assert _is_served(garden)


def test_one_connector_runs_once() -> None:
    connector = Connector.local("garden")
    with connector, pytest.raises(ConfigurationError, match="runs already"), connector:
        pass


def test_an_error_in_the_block_stops_it_too() -> None:
    def use(garden: LocalClient) -> None:
        assert _is_served(garden)
        addresses.append(garden)
        raise ZeroDivisionError

    addresses: list[LocalClient] = []
    with pytest.raises(ZeroDivisionError), Connector.local("garden") as garden:
        use(garden)
    assert not _is_served(addresses[0])


@pytest.mark.anyio
async def test_the_same_in_async(roses: Path) -> None:
    async with Connector.local("garden") as garden, Connector.local("bank") as bank:
        await garden.publish(roses, id="roses", terms={"count": 1})
        agreement = await bank.negotiate(garden.address, "roses")
        async with agreement.open() as data:
            frame = await data.to_polars()
        assert frame.height == 3
        assert garden.home.id == garden.id
        path = garden.home.path
        frame_info = await garden.publish(FRAME, id="frame", terms={"count": 1})
        assert frame_info.changed
    assert not path.exists()


def test_a_frame_is_published_as_it_is(tmp_path: Path) -> None:
    with Connector.local("garden", home=tmp_path / "garden") as garden:
        first = garden.publish(FRAME, id="roses", terms={"count": 3})
        assert first.changed
        assert [column.name for column in first.columns or ()] == FRAME.columns
        # An unchanged frame is an unchanged publication.
        assert not garden.publish(FRAME, id="roses", terms={"count": 3}).changed
        other = garden.publish(FRAME.head(1), id="roses", terms={"count": 3})
        assert other.changed
        assert other.sha256 != first.sha256
        files = [file.suffix for file in (tmp_path / "garden" / "published").iterdir()]
        assert files == [".parquet"]


class _Frame:
    """A frame of another library, which writes itself as Parquet."""

    def to_parquet(self, path: Path) -> None:
        FRAME.write_parquet(path)


def test_frames_of_other_libraries_write_themselves(tmp_path: Path) -> None:
    with Connector.local("garden", home=tmp_path / "garden") as garden:
        info = garden.publish(_Frame(), id="roses/of the garden", terms={"count": 3})
        assert info.forms == ("file", "table")


@pytest.mark.anyio
async def test_the_doctor_and_the_messages_are_there_for_async_code_too():
    async with Connector.local("garden") as garden, Connector.local("bank") as bank:
        diagnosis = await bank.diagnose(garden.address)
        page = await bank.messages(0)
    assert diagnosis.well, diagnosis
    assert any(said.url.endswith("/catalog/request") for said in page.items)
