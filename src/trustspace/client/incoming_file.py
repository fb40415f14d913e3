"""Receiving the file form: from where, how much, which digest; into memory or onto the disk.

Example::

    target = Memory()
    with pull.request(accept="*/*", offset=target.offset, etag=target.version) as answer:
        announced = Announced.of(answer, target)
        for chunk in answer.chunks():
            target.write(chunk)
    body = target.commit(sha256=announced.sha256)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from trustspace.errors import IntegrityError, RemoteProtocolError, TransportError

if TYPE_CHECKING:
    from trustspace.transport.http_response import SyncIncomingStream

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
"""RFC 9110, section 14.4."""

REPR_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")
"""RFC 9530, section 3; other algorithms are passed over."""


class NoTableError(TransportError):
    """The provider sends the data as it is, whatever form it is asked for.

    Args:
        media_type: What it says that it sends.
    """

    def __init__(self, media_type: str) -> None:
        hint = "take the file: read(), or save() under a suffix that is not a table's"
        super().__init__(f"the provider sends {media_type}, not a table", hint=hint)


class Target(Protocol):
    """Where the bytes of a file go; `trustspace.dataplane.sink.FileSink` is one."""

    @property
    def offset(self) -> int:
        """How many bytes are there already."""
        ...

    @property
    def version(self) -> str | None:
        """Entity tag that they belong to."""
        ...

    def restart(self, *, version: str | None = None) -> None:
        """Drop what is there."""
        ...

    def write(self, data: bytes) -> int:
        """Append bytes."""
        ...


class Memory:
    """A file that is received into memory."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._version: str | None = None

    @property
    def offset(self) -> int:
        """How many bytes are there already."""
        return len(self._body)

    @property
    def version(self) -> str | None:
        """Entity tag that they belong to."""
        return self._version

    def restart(self, *, version: str | None = None) -> None:
        """Drop what is there."""
        self._body.clear()
        self._version = version

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._body += data
        return len(data)

    def commit(self, *, sha256: str | None) -> bytes:
        """Return the bytes.

        Raises:
            IntegrityError: They are not what was announced.
        """
        body = bytes(self._body)
        found = hashlib.sha256(body).hexdigest()
        if sha256 is not None and sha256 != found:
            msg = "the file that arrived is not what was announced"
            raise IntegrityError(msg, expected=sha256, found=found, hint="fetch again")
        return body


@dataclass(frozen=True, slots=True)
class Announced:
    """What an answer says about the file as a whole.

    Attributes:
        size_bytes: Its size, or None when the provider does not know.
        sha256: Its digest in hex, or None when the provider does not tell.
    """

    size_bytes: int | None
    sha256: str | None

    @classmethod
    def of(cls, answer: SyncIncomingStream, target: Target) -> Self:
        """Read an answer's header, and prepare the target for its body.

        Raises:
            RemoteProtocolError: The answer is a part that does not follow what is there.
        """
        sha256 = digest_in(answer.headers.get("repr-digest", ""))
        if answer.status == 200:
            target.restart(version=answer.headers.get("etag"))
            length = answer.headers.get("content-length", "")
            return cls(int(length) if length.isdecimal() else None, sha256)
        part = CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if part is None or int(part[1]) != target.offset:
            msg = f"the data endpoint sent another part than the one from byte {target.offset}"
            raise RemoteProtocolError(msg, code="data.range", hint="fetch again")
        return cls(None if part[3] == "*" else int(part[3]), sha256)


def digest_in(header: str) -> str | None:
    """Return the SHA-256 of a ``Repr-Digest`` header in hex, or None."""
    found = REPR_DIGEST.search(header)
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True).hex()
    except binascii.Error:
        return None
