"""Sealing and opening the chunks and the footer of one file, with the file's own key.

Example::

    cipher = FileCipher.of(header, data_key)
    stored = cipher.seal_chunk(b"...", index=0, is_last=True, session=os.urandom(8))
    cipher.open_chunk(memoryview(stored), index=0, is_last=True)  # b"..."
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trustspace.usage.sealed_format import (
    FOOTER_INDEX,
    FOOTER_PLAIN_BYTES,
    NONCE_BYTES,
    TAG_BYTES,
    Footer,
    damaged,
)

if TYPE_CHECKING:
    from trustspace.errors import IntegrityError
    from trustspace.usage.sealed_format import Header

_PURPOSE: Final = b"trustspace sealed file 1"


class FileCipher:
    """Seals and opens the chunks and the footer of one file.

    Args:
        aead: The file's key.
        header_digest: Digest of the file's header.
    """

    __slots__ = ("_aead", "_digest")

    def __init__(self, aead: AESGCM, header_digest: bytes) -> None:
        self._aead = aead
        self._digest = header_digest

    @classmethod
    def of(cls, header: Header, secret: bytes | bytearray) -> FileCipher:
        """Return what seals and opens a file.

        Args:
            header: The file's header.
            secret: The agreement's data key.
        """
        derived = HKDF(SHA256(), 32, header.salt, _PURPOSE + header.digest).derive(bytes(secret))
        return cls(AESGCM(derived), header.digest)

    def seal_chunk(
        self, plain: bytes | memoryview, *, index: int, is_last: bool, session: bytes
    ) -> bytes:
        """Return a chunk as it is stored.

        Args:
            plain: Its bytes.
            index: Its place, from 0.
            is_last: Whether the file ends with it.
            session: Eight random bytes, new for every process or thread that writes, so that a
                chunk that is sealed again after a crash has another nonce.
        """
        nonce = session + index.to_bytes(4)
        return nonce + self._aead.encrypt(nonce, plain, self._bound_to(index, is_last=is_last))

    def open_chunk(self, stored: memoryview, *, index: int, is_last: bool) -> bytes:
        """Return the plain bytes of a chunk.

        Raises:
            IntegrityError: It is not this file's chunk of this index, or was changed.
        """
        nonce = self._nonce(stored, index)
        bound = self._bound_to(index, is_last=is_last)
        try:
            return self._aead.decrypt(nonce, stored[NONCE_BYTES:], bound)
        except InvalidTag:
            raise _wrong_tag(index) from None

    def open_chunk_into(
        self, stored: memoryview, room: memoryview, *, index: int, is_last: bool
    ) -> None:
        """Write the plain bytes of a chunk where they fit exactly.

        Raises:
            IntegrityError: As `open_chunk`; the room holds zeros then.
        """
        nonce = self._nonce(stored, index)
        bound = self._bound_to(index, is_last=is_last)
        try:
            self._aead.decrypt_into(nonce, stored[NONCE_BYTES:], bound, room)
        except InvalidTag:
            # Decrypted before the tag is known to be wrong.
            room[:] = bytes(len(room))
            raise _wrong_tag(index) from None

    def seal_footer(self, footer: Footer, *, session: bytes) -> bytes:
        """Return a footer as it is stored."""
        nonce = session + FOOTER_INDEX.to_bytes(4)
        tag = self._aead.encrypt(nonce, b"", self._digest + footer.encoded)
        return footer.encoded + nonce + tag

    def check_footer(self, encoded: bytes) -> Footer:
        """Return a footer that was written with this file's key.

        Raises:
            IntegrityError: It was not: the file was changed, or the key is another one.
        """
        footer = Footer.decode(encoded)
        nonce, tag = encoded[FOOTER_PLAIN_BYTES:][:NONCE_BYTES], encoded[-TAG_BYTES:]
        try:
            self._aead.decrypt(nonce, tag, self._digest + footer.encoded)
        except InvalidTag:
            raise damaged("footer", "a tag of its key", "another tag, or another key") from None
        return footer

    def _bound_to(self, index: int, *, is_last: bool) -> bytes:
        return self._digest + index.to_bytes(8) + (b"\x01" if is_last else b"\x00")

    @staticmethod
    def _nonce(stored: memoryview, index: int) -> bytes:
        nonce = bytes(stored[:NONCE_BYTES])
        found = int.from_bytes(nonce[-4:])
        if found != index:
            raise damaged("order", f"chunk {index}", f"chunk {found}")
        return nonce


def _wrong_tag(index: int) -> IntegrityError:
    return damaged(f"chunk {index}", "a tag of its key", "another tag")
