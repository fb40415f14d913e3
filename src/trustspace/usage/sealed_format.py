r"""What a sealed file looks like, byte by byte, without touching a file.

::

    magic     8   b"TSSEAL\x00\x01"; the last byte is the version
    length    4   of the header, big-endian
    header    …   canonical JSON: whose it is, and the salt of the file's own key
    chunk 0       nonce 12 | encrypted bytes | tag 16
    …             every chunk but the last holds `chunk` bytes
    footer   80   magic 8 | size 8 | chunks 4 | SHA-256 32 | nonce 12 | tag 16

The key of a file is derived from the agreement's data key, the salt and the digest of everything
up to the end of the header, so that a changed header is another key. A chunk's associated data are
that digest, its index and whether it is the last one; its nonce ends with the index. The footer is
in the clear, so that what lies here can be told without a key, and carries a tag over itself. A
reader checks it, and that the file is exactly as long as it says, before it opens any chunk.

Everything is appended, nothing is filled in later: a file can be sealed while it arrives, its size
and digest unknown, and what a crash leaves is sealed as well.

Example::

    header = Header(participant="did:web:bank", agreement="urn:a1", object="roses", key="d1")
    layout = Layout(header, size_bytes=100_000)
    layout.offset(1), layout.length(1)  # where the second chunk lies, and how long it is
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from trustspace.errors import ConfigurationError, IntegrityError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.model.value import canonical

MAGIC: Final = b"TSSEAL\x00\x01"
FOOTER_MAGIC: Final = b"TSSEND\x00\x01"
CHUNK_BYTES: Final = 64 * 1024
"""Small enough for a random read, large enough that the tag and the call cost little."""
LARGEST_CHUNK_BYTES: Final = 16 * 1024 * 1024
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES
"""What sealing adds to a chunk."""
SALT_BYTES: Final = 32
PREFIX_BYTES: Final = len(MAGIC) + 4
LONGEST_HEADER_BYTES: Final = 16 * 1024
FOOTER_INDEX: Final = 2**32 - 1
"""Index that the footer's nonce ends with; chunks have smaller ones."""

_FOOTER: Final = struct.Struct(">8sQI32s")
FOOTER_PLAIN_BYTES: Final = _FOOTER.size
FOOTER_BYTES: Final = FOOTER_PLAIN_BYTES + OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Identity:
    """What a sealed file is of.

    Attributes:
        participant: Id of the participant that holds it.
        agreement: Agreement id that it was delivered under.
        object: Id of the object within the agreement.
    """

    participant: str
    agreement: str
    object: str


@dataclass(frozen=True)
class Header:
    """The beginning of a sealed file.

    Attributes:
        participant: Id of the participant that holds it.
        agreement: Agreement id that it was delivered under.
        object: Id of the object within the agreement.
        key: Id of the agreement's data key.
        chunk_bytes: Plain bytes of each chunk but the last.
        version: Entity tag that the delivered bytes belong to, or empty.
        salt: Makes the file's key its own.
    """

    participant: str
    agreement: str
    object: str
    key: str
    chunk_bytes: int = CHUNK_BYTES
    version: str = ""
    salt: bytes = field(default_factory=lambda: os.urandom(SALT_BYTES), repr=False)

    @property
    def identity(self) -> Identity:
        """What the file is of."""
        return Identity(self.participant, self.agreement, self.object)

    @cached_property
    def encoded(self) -> bytes:
        """The bytes up to the first chunk.

        Raises:
            ConfigurationError: A name is too long, or a chunk too large.
        """
        if not 1 <= self.chunk_bytes <= LARGEST_CHUNK_BYTES:
            msg = f"a chunk has 1 to {LARGEST_CHUNK_BYTES} bytes, not {self.chunk_bytes}"
            raise ConfigurationError(msg, setting="chunk_bytes")
        document = {
            "participant": self.participant,
            "agreement": self.agreement,
            "object": self.object,
            "key": self.key,
            "chunk": self.chunk_bytes,
            "version": self.version,
            "salt": self.salt.hex(),
        }
        body = canonical(document)
        if len(body) > LONGEST_HEADER_BYTES:
            msg = f"the names of a sealed object take {len(body)} bytes"
            hint = f"use shorter ones: {LONGEST_HEADER_BYTES} bytes in all"
            raise ConfigurationError(msg, setting="object", hint=hint)
        return MAGIC + len(body).to_bytes(4) + body

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the bytes up to the first chunk."""
        return hashlib.sha256(self.encoded).digest()

    @staticmethod
    def length_in(prefix: bytes) -> int:
        """Return the length of the header that follows a file's first `PREFIX_BYTES`.

        Raises:
            IntegrityError: This is no sealed file, or one of a version that is not known.
        """
        magic, length = prefix[: len(MAGIC)], int.from_bytes(prefix[len(MAGIC) : PREFIX_BYTES])
        if magic != MAGIC or len(prefix) < PREFIX_BYTES:
            raise IntegrityError(
                "this is no sealed file", expected=repr(MAGIC), found=repr(magic), hint=FETCH_AGAIN
            )
        if length > LONGEST_HEADER_BYTES:
            raise damaged("header", f"at most {LONGEST_HEADER_BYTES} bytes", f"{length} bytes")
        return length

    @classmethod
    def decode(cls, encoded: bytes) -> Header:
        """Read what `encoded` gave.

        Raises:
            IntegrityError: It is something else.
        """
        length = cls.length_in(encoded[:PREFIX_BYTES])
        body = encoded[PREFIX_BYTES:]
        header = cls._read(body) if len(body) == length else None
        # One header has one spelling: whatever another one means, it was not written here.
        if header is None or header.encoded != encoded:
            raise damaged("header", "a header in canonical form", "something else")
        return header

    @classmethod
    def _read(cls, body: bytes) -> Header | None:
        try:
            found: Any = loads(body, max_depth=1)
            header = cls(
                participant=found["participant"],
                agreement=found["agreement"],
                object=found["object"],
                key=found["key"],
                chunk_bytes=found["chunk"],
                version=found["version"],
                salt=bytes.fromhex(found["salt"]),
            )
            _ = header.encoded
        except (RemoteProtocolError, ConfigurationError, LookupError, TypeError, ValueError):
            return None
        names = (header.participant, header.agreement, header.object, header.key, header.version)
        is_whole = all(isinstance(name, str) for name in names) and len(header.salt) == SALT_BYTES
        return header if is_whole else None


@dataclass(frozen=True, slots=True)
class Footer:
    """The end of a sealed file.

    Attributes:
        size_bytes: Size of the content.
        chunks: How many chunks hold it.
        sha256: Digest of the content.
    """

    size_bytes: int
    chunks: int
    sha256: bytes

    @property
    def encoded(self) -> bytes:
        """The footer without its nonce and tag."""
        return _FOOTER.pack(FOOTER_MAGIC, self.size_bytes, self.chunks, self.sha256)

    @classmethod
    def decode(cls, encoded: bytes) -> Footer:
        """Read a footer; whether it is true, only `FileCipher.check_footer` can say.

        Raises:
            IntegrityError: It is no footer: the file was cut or goes on behind it.
        """
        if len(encoded) != FOOTER_BYTES:
            raise damaged("end", f"a footer of {FOOTER_BYTES} bytes", f"{len(encoded)} bytes")
        magic, size_bytes, chunks, sha256 = _FOOTER.unpack(encoded[:FOOTER_PLAIN_BYTES])
        if magic != FOOTER_MAGIC:
            raise damaged("end", repr(FOOTER_MAGIC), repr(magic))
        return cls(size_bytes, chunks, sha256)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the chunks of a file are.

    Attributes:
        header: The file's header.
        size_bytes: Size of the content.
    """

    header: Header
    size_bytes: int

    @property
    def chunks(self) -> int:
        """How many chunks there are; none for no content."""
        return -(-self.size_bytes // self.header.chunk_bytes)

    @property
    def file_bytes(self) -> int:
        """Size of the sealed file."""
        body = self.size_bytes + self.chunks * OVERHEAD_BYTES
        return len(self.header.encoded) + body + FOOTER_BYTES

    def offset(self, index: int) -> int:
        """Return the position in the file of a chunk."""
        return len(self.header.encoded) + index * (self.header.chunk_bytes + OVERHEAD_BYTES)

    def length(self, index: int) -> int:
        """Return the plain bytes of a chunk."""
        return min(self.header.chunk_bytes, self.size_bytes - index * self.header.chunk_bytes)


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object that is sealed.

    Attributes:
        object: Its id within the agreement.
        agreement: Agreement id.
        key: Id of its data key.
        size_bytes: Size of the content.
        sha256: Digest of the content, lower-case hex; true only once the footer was checked.
        chunks: How many chunks hold it.
        version: Entity tag that it had at its provider, or empty.
    """

    object: str
    agreement: str
    key: str
    size_bytes: int
    sha256: str
    chunks: int
    version: str

    @classmethod
    def of(cls, header: Header, footer: Footer) -> SealedObject:
        """Return what a file's two ends say."""
        return cls(
            object=header.object,
            agreement=header.agreement,
            key=header.key,
            size_bytes=footer.size_bytes,
            sha256=footer.sha256.hex(),
            chunks=footer.chunks,
            version=header.version,
        )


FETCH_AGAIN: Final = "remove it and fetch it again under its agreement"


def damaged(what: str, expected: str, found: str) -> IntegrityError:
    """Return the error about a sealed file that is not as it was written; it holds no content."""
    return IntegrityError(
        f"the {what} of a sealed file is not as it was written",
        expected=expected,
        found=found,
        hint=FETCH_AGAIN,
    )
