"""The record of a data key opens for whom it was made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import IntegrityError, PolicyDeniedError
from trustspace.usage.data_key import DataKey
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.key_record import KeyRecord

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def key() -> DataKey:
    return DataKey.generate(AGREEMENT)


@pytest.fixture
def record(key: DataKey, keys: FileKeys) -> KeyRecord:
    return KeyRecord.wrapping(key, participant=BANK, keys=keys, created=1)


def test_opens_with_the_participants_key(key: DataKey, record: KeyRecord, keys: FileKeys) -> None:
    read = KeyRecord.decode(record.encoded)
    assert read == record
    assert read.wrapped_by == keys.current
    assert not read.is_lent
    assert read.open(keys).secret == key.secret
    assert key.secret not in record.encoded


@pytest.mark.parametrize(
    "change",
    [
        {"participant": "did:web:other"},
        {"agreement": "urn:uuid:a2"},
        {"id": "d2"},
        {"wrapped": "AAAA"},
        {"wrapped": "no base64"},
    ],
)
def test_a_changed_record_does_not_open(
    record: KeyRecord, keys: FileKeys, change: dict[str, str]
) -> None:
    document = json.loads(record.encoded) | change
    with pytest.raises(IntegrityError):
        KeyRecord.decode(json.dumps(document).encode()).open(keys)


def test_a_key_of_another_length_is_refused(keys: FileKeys) -> None:
    short = KeyRecord.wrapping(
        DataKey("d1", AGREEMENT, bytearray(16)), participant=BANK, keys=keys, created=1
    )
    with pytest.raises(IntegrityError):
        short.open(keys)


def test_another_participants_key_does_not_open(record: KeyRecord, tmp_path: Path) -> None:
    other = FileKeys(tmp_path / "other")
    forged = record.model_copy(update={"wrapped_by": other.current})
    with pytest.raises(IntegrityError):
        forged.open(other)


def test_wrapped_anew_it_is_the_same_key(key: DataKey, record: KeyRecord, keys: FileKeys) -> None:
    keys.rotate()
    anew = record.wrapped_anew(keys)
    assert anew.wrapped_by == keys.current != record.wrapped_by
    assert (anew.id, anew.created) == (record.id, record.created)
    assert anew.open(keys).secret == key.secret


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"version":2}', b"\xff"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        KeyRecord.decode(data)


def test_a_key_in_memory_is_overwritten() -> None:
    secret = bytearray(b"s" * 32)
    key = DataKey("d1", AGREEMENT, secret)
    key.check()
    assert "s" * 4 not in repr(key)
    assert not key.is_cleared
    key.clear()
    key.clear()
    assert secret == bytes(32)
    assert key.is_cleared
    with pytest.raises(PolicyDeniedError) as caught:
        _ = key.secret
    assert caught.value.code == "key.cleared"
