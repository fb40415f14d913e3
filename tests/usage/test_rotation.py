"""A new participant's key: everything stays readable, whenever it is interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.usage.conftest import AGREEMENT, BANK
from tests.usage.killing import Killer

from trustspace.errors import ConfigurationError
from trustspace.usage.environment_keys import VARIABLE, EnvironmentKeys
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.key_provider import write_secret
from trustspace.usage.rotation import Rotation
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.usage.conftest import Sealing

AGREEMENTS = tuple(f"urn:uuid:a{number}" for number in range(4))


def readable(store: SealedStore, agreement: str) -> bool:
    with (
        SealedStore(
            store.folder.path,
            participant=BANK,
            keys=FileKeys(store.keys.provider.path),  # type: ignore[attr-defined]
        ) as fresh,
        fresh.reader(agreement, "roses") as file,
    ):
        return file.read() == agreement.encode()


def test_everything_is_wrapped_anew(sealing: Sealing, store: SealedStore, keys: FileKeys) -> None:
    for agreement in AGREEMENTS:
        sealing(agreement.encode(), agreement=agreement)
    old, data_key = keys.current, store.keys.record(AGREEMENT).id
    rotation = Rotation([store], keys)
    rotated = rotation.run()
    assert rotated.is_new
    assert (rotated.wrapped_anew, rotated.retired) == (4, (old,))
    assert keys.key_ids == (rotated.current,)
    assert rotation.users() == {rotated.current: 4}
    assert store.keys.record(AGREEMENT).id == data_key
    assert all(readable(store, agreement) for agreement in AGREEMENTS)


def test_with_nothing_to_wrap(store: SealedStore, keys: FileKeys) -> None:
    rotated = Rotation([store], keys).run()
    assert rotated.wrapped_anew == 0
    assert not store.keys.wrap_anew(AGREEMENT)


def test_goes_on_with_an_earlier_one(sealing: Sealing, store: SealedStore, keys: FileKeys) -> None:
    for agreement in AGREEMENTS:
        sealing(agreement.encode(), agreement=agreement)
    new = keys.rotate()
    assert store.keys.wrap_anew(AGREEMENTS[2])
    assert not store.keys.wrap_anew(AGREEMENTS[2])
    rotated = Rotation([store], keys).run()
    assert not rotated.is_new
    assert (rotated.current, rotated.wrapped_anew) == (new, 3)
    assert all(readable(store, agreement) for agreement in AGREEMENTS)


def test_a_missing_key_stops_it_and_loses_nothing(
    sealing: Sealing, store: SealedStore, keys: FileKeys
) -> None:
    sealing(b"roses")
    saved = keys.path.read_bytes()
    old = keys.current
    keys.rotate()
    keys.retire(old)
    with pytest.raises(ConfigurationError, match="not there"):
        Rotation([store], keys).run()
    keys.path.write_bytes(saved)
    store.close()
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read() == b"roses"


def test_keys_that_are_made_elsewhere(tmp_path: Path) -> None:
    old, new = (write_secret(bytes([number]) * 32) for number in (1, 2))
    with SealedStore(
        tmp_path / "s", participant=BANK, keys=EnvironmentKeys({VARIABLE: old})
    ) as store:
        store.keys.of(AGREEMENT, is_lent=False)
    both = EnvironmentKeys({VARIABLE: f"{new} {old}"})
    with SealedStore(tmp_path / "s", participant=BANK, keys=both) as store:
        rotated = Rotation([store], both).run()
    assert (rotated.is_new, rotated.wrapped_anew, rotated.retired) == (False, 1, ())
    only = EnvironmentKeys({VARIABLE: new})
    with SealedStore(tmp_path / "s", participant=BANK, keys=only) as store:
        store.keys.of(AGREEMENT)


PROGRAM = """
from pathlib import Path
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.rotation import Rotation
from trustspace.usage.sealed_store import SealedStore

def work(folder, file):
    keys = FileKeys(Path(file))
    Rotation([SealedStore(Path(folder), participant="did:web:bank", keys=keys)], keys).run()
    return "end"
"""


def test_killed_at_any_point_nothing_is_lost(
    sealing: Sealing, store: SealedStore, keys: FileKeys
) -> None:
    for agreement in AGREEMENTS[:2]:
        sealing(agreement.encode(), agreement=agreement)
    ended = []
    with Killer(PROGRAM) as killer:
        for point in range(1, 60):
            ended.append(killer.at(point, store.folder.path, keys.path))
            assert all(readable(store, agreement) for agreement in AGREEMENTS[:2])
    assert "end" in ended[20:]
    assert not ended[0]
    Rotation([store], keys).run()
    assert len(keys.key_ids) == 1
    assert all(readable(store, agreement) for agreement in AGREEMENTS[:2])
