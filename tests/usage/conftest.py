"""A store of one participant, and clocks that are moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import pytest

from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BANK = "did:web:bank"
AGREEMENT = "urn:uuid:a1"


class Clock:
    """A wall clock and one that only goes forward, both moved by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.seconds = 1000.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, length: timedelta) -> None:
        self.now += length
        self.seconds += length.total_seconds()


class Sealing(Protocol):
    def __call__(
        self, data: bytes, object_id: str = ..., *, agreement: str = ..., chunk_bytes: int = ...
    ) -> Path: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    return FileKeys(tmp_path / "keys" / "bank.sealing")


@pytest.fixture
def store(tmp_path: Path, keys: FileKeys, clock: Clock) -> Iterator[SealedStore]:
    with SealedStore(tmp_path / "sealed", participant=BANK, keys=keys, clock=clock) as opened:
        yield opened


@pytest.fixture
def sealing(store: SealedStore) -> Sealing:
    """Seals data in one go and returns the path of the file."""

    def seal(
        data: bytes,
        object_id: str = "roses",
        *,
        agreement: str = AGREEMENT,
        chunk_bytes: int = 32,
    ) -> Path:
        with store.writer(agreement, object_id, chunk_bytes=chunk_bytes) as sink:
            sink.write(data)
            sink.commit()
        return store.folder.file_of(agreement, object_id)

    return seal
