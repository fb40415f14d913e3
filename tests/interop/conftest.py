"""Connectors of ours that believe whoever speaks, beside stand-ins for others."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.connector.party import Party, party

from trustspace.connector.home import init_home

Trusting = Callable[..., AbstractAsyncContextManager[Party]]

ROSES = "name;grade\nrosa;A\ncanina;B\n"


@contextlib.asynccontextmanager
async def trusting(path: Path, name: str, *, settings: str = "") -> AsyncIterator[Party]:
    """Run a connector under the id ``trustspace-<name>`` that believes everybody."""
    home = init_home(path, name=name)
    file = home.path / "trustspace.toml"
    own = f'identity = "UnsafeClientId"\nparticipant_id = "trustspace-{name}"\n'
    file.write_text(own + file.read_text() + settings)
    async with party(path, name) as running:
        yield running


@pytest.fixture
async def garden(tmp_path: Path) -> AsyncIterator[Party]:
    """A connector that believes everybody."""
    async with trusting(tmp_path / "garden", "garden") as running:
        yield running


@pytest.fixture
def roses(tmp_path: Path) -> Path:
    """A small file."""
    path = tmp_path / "roses.csv"
    path.write_text(ROSES)
    return path
