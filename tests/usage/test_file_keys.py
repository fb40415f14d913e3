"""The participant's keys in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConfigurationError, IntegrityError
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.key_provider import WrappedKey

if TYPE_CHECKING:
    from pathlib import Path

SECRET = bytes(range(32))


def test_the_first_use_makes_the_file(keys: FileKeys) -> None:
    assert not keys.path.exists()
    current = keys.current
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert FileKeys(keys.path).current == current
    assert keys.key_ids == (current,)


def test_what_is_wrapped_is_unwrapped(keys: FileKeys) -> None:
    wrapped = keys.wrap(SECRET, context=b"mine")
    assert FileKeys(keys.path).unwrap(wrapped, context=b"mine") == SECRET
    assert SECRET not in wrapped.data
    assert "data" not in repr(wrapped)
    assert keys.wrap(SECRET, context=b"mine").data != wrapped.data


def test_what_was_changed_is_not_unwrapped(keys: FileKeys) -> None:
    wrapped = keys.wrap(SECRET, context=b"mine")
    for place in range(len(wrapped.data)):
        data = bytearray(wrapped.data)
        data[place] ^= 1
        with pytest.raises(IntegrityError):
            keys.unwrap(WrappedKey(wrapped.key_id, bytes(data)), context=b"mine")
    for wrong, context in ((wrapped.data, b"another's"), (b"", b"mine"), (b"x" * 14, b"mine")):
        with pytest.raises(IntegrityError):
            keys.unwrap(WrappedKey(wrapped.key_id, wrong), context=context)


def test_rotating_keeps_the_old_key_and_retiring_drops_it(keys: FileKeys) -> None:
    reader = FileKeys(keys.path)
    old = reader.wrap(SECRET, context=b"")
    current = keys.rotate()
    assert keys.key_ids == (current, old.key_id)
    # Another process sees the new key, and still opens what the old one wrapped.
    new = reader.wrap(SECRET, context=b"")
    assert new.key_id == current
    assert reader.unwrap(old, context=b"") == SECRET
    with pytest.raises(ConfigurationError, match="wraps now"):
        keys.retire(current)
    assert keys.retire(old.key_id)
    assert not keys.retire(old.key_id)
    with pytest.raises(ConfigurationError, match="not there"):
        keys.unwrap(old, context=b"")


def test_a_key_that_another_process_made_is_found(keys: FileKeys) -> None:
    keys.unwrap(keys.wrap(SECRET, context=b""), context=b"")
    other = FileKeys(keys.path)
    other.rotate()
    assert keys.unwrap(other.wrap(SECRET, context=b""), context=b"") == SECRET


def test_rotating_and_retiring_where_there_is_nothing(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path / "a" / "keys")
    assert not keys.retire("k1")
    assert keys.rotate() == keys.current
    assert len(keys.key_ids) == 1


def test_a_file_that_others_may_read_is_refused(keys: FileKeys) -> None:
    _ = keys.current
    keys.path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        FileKeys(keys.path).wrap(SECRET, context=b"")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"current": "k0"},
        {"keys": []},
        {"keys": {"k1": "short"}, "current": "k1"},
        {"keys": {"k1": "A" * 43 + "="}, "current": "k1"},
        {"current": ["k"]},
    ],
)
def test_what_is_no_file_of_keys_is_refused(keys: FileKeys, change: dict[str, object]) -> None:
    _ = keys.current
    keys.path.write_text(json.dumps(json.loads(keys.path.read_text()) | change))
    with pytest.raises(ConfigurationError, match="no file of keys"):
        _ = FileKeys(keys.path).current
    keys.path.write_text("{")
    with pytest.raises(ConfigurationError, match="no file of keys"):
        _ = FileKeys(keys.path).current
