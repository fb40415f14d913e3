"""Keys for tests do what real ones do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from trustspace.errors import ConfigurationError, ConnectError
from trustspace.testing.keys import MemoryKeys, MemoryLender
from trustspace.usage.key_lease import LeaseTerms
from trustspace.usage.leased_keys import LeasedKeys
from trustspace.usage.rotation import Rotation
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_participants_keys_in_memory(tmp_path: Path) -> None:
    keys = MemoryKeys()
    with SealedStore(tmp_path / "sealed", participant="did:web:bank", keys=keys) as store:
        store.keys.of("urn:uuid:a1", is_lent=False)
        old = keys.current
        wrapped = keys.wrap(bytes(32), context=b"")
        rotated = Rotation([store], keys).run()
    assert (rotated.wrapped_anew, rotated.retired) == (1, (old,))
    assert not keys.retire(keys.current)
    with pytest.raises(ConfigurationError):
        keys.unwrap(wrapped, context=b"")


def test_a_provider_that_lends(tmp_path: Path) -> None:
    lender = MemoryLender(LeaseTerms(timedelta(hours=1)))
    with (
        LeasedKeys(lender) as lent,
        SealedStore(tmp_path / "s", participant="d", keys=MemoryKeys(), lent=lent) as store,
    ):
        store.keys.of("urn:uuid:a1", is_lent=True)
        lender.fault = ConnectError("away")
        assert store.keys.of("urn:uuid:a1").secret == bytes(lender.given[0])
        with pytest.raises(ConnectError):
            store.keys.of("urn:uuid:a2", is_lent=True)
    assert lender.given[0] == bytes(32)
