"""Addresses of sinks: our own, whose token follows from the pid, and others', sealed at rest.

A push must go on after a crash, so what lets the provider into the consumer's sink is kept. It is
sealed with a key that is derived from the participant's own, which is not in the database: who has
the database alone can write nowhere. The token of our own sink is kept nowhere, because it can be
made again.

Example::

    addresses.keep(tx, hosted, transfer.id, message.data_address, now=now)
    addresses.read(hosted, tx.pushes.get(hosted.name, transfer.id))     # DataAddress
"""

from __future__ import annotations

import base64
import hmac
import os
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trustspace.dataplane.push_target import sink_address
from trustspace.errors import StoreError
from trustspace.model.data_address import DataAddress
from trustspace.store import PushRow

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.store import Transaction

_NONCE: Final = 12


def sink_token(hosted: Hosted, pid: str) -> str:
    """Return the token of our own sink for one transfer; the same each time."""
    return base64.urlsafe_b64encode(_derived(hosted, b"sink:" + pid.encode())).decode().rstrip("=")


def is_sink_token(hosted: Hosted, pid: str, header: str | None) -> bool:
    """Whether an ``Authorization`` header, bare or with ``Bearer``, opens a transfer's sink."""
    scheme, _, rest = (header or "").partition(" ")
    given = rest if scheme.lower() == "bearer" else (header or "")
    return hmac.compare_digest(given.strip().encode(), sink_token(hosted, pid).encode())


def own_address(
    hosted: Hosted, pid: str, *, form: str | None, media_type: str | None
) -> DataAddress:
    """Return the address of our own sink for one transfer."""
    return sink_address(
        hosted.sink_url(pid),
        authorization=f"Bearer {sink_token(hosted, pid)}",
        form=form,
        media_type=media_type,
    )


def keep(tx: Transaction, hosted: Hosted, pid: str, address: DataAddress, *, now: datetime) -> None:
    """Keep where a push goes, in a session of its own."""
    sealed = _seal(hosted, pid, address.model_dump_json(by_alias=True).encode())
    tx.pushes.put(hosted.name, PushRow(hosted.name, pid, now, session=uuid4().hex, address=sealed))


def read(hosted: Hosted, row: PushRow) -> DataAddress:
    """Return where a push goes.

    Raises:
        StoreError: It was sealed with another key, or changed.
    """
    return DataAddress.model_validate_json(_unseal(hosted, row.pid, row.address))


def _seal(hosted: Hosted, pid: str, data: bytes) -> str:
    nonce = os.urandom(_NONCE)
    sealed = nonce + _cipher(hosted).encrypt(nonce, data, pid.encode())
    return base64.b64encode(sealed).decode()


def _unseal(hosted: Hosted, pid: str, text: str) -> bytes:
    data = base64.b64decode(text)
    try:
        return _cipher(hosted).decrypt(data[:_NONCE], data[_NONCE:], pid.encode())
    except (InvalidTag, ValueError) as error:
        raise StoreError("the address of a push cannot be read with this participant's key") from (
            error
        )


def _cipher(hosted: Hosted) -> AESGCM:
    return AESGCM(_derived(hosted, b"seal:addresses"))


def _derived(hosted: Hosted, purpose: bytes) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose)
    return derive.derive(hosted.key.to_pem())
