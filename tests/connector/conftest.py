"""A provider, a consumer and a third participant who means no good, each on its own connector."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.connector.asking import HASTY
from tests.connector.party import Party, party
from tests.connector.scripted_peer import ScriptedPeer, scripted_peer

CSV = "grade,price,phone\nA,10,110\nB,20,112\nA,30,119\n"

Start = Callable[..., Coroutine[Any, Any, Party]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the homes and files of one module."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(scope="module")
def roses(folder: Path) -> Path:
    """A small table."""
    file = folder / "roses.csv"
    file.write_text(CSV)
    return file


@pytest.fixture(scope="module")
async def garden(folder: Path, roses: Path) -> AsyncIterator[Party]:
    """A provider that offers ``roses`` for research and teaching."""
    async with party(folder / "garden", "garden") as running:
        await running.publish(roses)
        yield running


@pytest.fixture(scope="module")
async def bank(folder: Path) -> AsyncIterator[Party]:
    """A consumer."""
    async with party(folder / "bank", "bank") as running:
        yield running


@pytest.fixture(scope="module")
async def mallory(folder: Path) -> AsyncIterator[Party]:
    """A participant with a proper identity who is a party to nothing of the other two."""
    async with party(folder / "mallory", "mallory") as running:
        yield running


@pytest.fixture(scope="module")
async def hasty(folder: Path) -> AsyncIterator[Party]:
    """A consumer that gives its counterparties one second."""
    async with party(folder / "hasty", "hasty", settings=HASTY) as running:
        yield running


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    """A counterparty that answers as it is told."""
    async with scripted_peer() as running:
        yield running


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start connectors that live as long as the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(name: str, **more: Any) -> Party:
            return await stack.enter_async_context(party(tmp_path / name, name, **more))

        yield begin
