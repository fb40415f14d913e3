"""A chunk opens in its own place and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trustspace.errors import IntegrityError
from trustspace.usage.file_cipher import FileCipher
from trustspace.usage.sealed_format import OVERHEAD_BYTES, Footer, Header

SECRET, SESSION = bytes(range(32)), bytes(8)
HEADER = Header("did:web:bank", "urn:uuid:a1", "roses", "d1", salt=bytes(32))
CIPHER = FileCipher.of(HEADER, SECRET)


def sealed(index: int = 3, *, is_last: bool = False) -> memoryview:
    return memoryview(
        CIPHER.seal_chunk(b"plain text", index=index, is_last=is_last, session=SESSION)
    )


def test_a_chunk_opens() -> None:
    assert len(sealed()) == len(b"plain text") + OVERHEAD_BYTES
    assert CIPHER.open_chunk(sealed(), index=3, is_last=False) == b"plain text"
    room = bytearray(10)
    CIPHER.open_chunk_into(sealed(), memoryview(room), index=3, is_last=False)
    assert room == b"plain text"


@pytest.mark.parametrize(("index", "is_last"), [(2, False), (3, True), (4, False)])
def test_a_chunk_opens_in_its_place_only(index: int, is_last: bool) -> None:
    with pytest.raises(IntegrityError):
        CIPHER.open_chunk(sealed(), index=index, is_last=is_last)


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, participant="did:web:other"),
        replace(HEADER, agreement="urn:uuid:a2"),
        replace(HEADER, object="tulips"),
        replace(HEADER, key="d2"),
        replace(HEADER, chunk_bytes=64),
        replace(HEADER, version='"2"'),
        replace(HEADER, salt=bytes(31) + b"\x01"),
    ],
)
def test_every_member_of_the_header_changes_the_key(header: Header) -> None:
    other = FileCipher.of(header, SECRET)
    footer = CIPHER.seal_footer(Footer(10, 1, bytes(32)), session=SESSION)
    with pytest.raises(IntegrityError):
        other.open_chunk(sealed(), index=3, is_last=False)
    with pytest.raises(IntegrityError):
        other.check_footer(footer)


def test_no_plain_byte_stays_of_a_chunk_that_was_changed() -> None:
    for place in range(len(sealed())):
        stored = bytearray(sealed())
        stored[place] ^= 1
        room = bytearray(b"\xaa" * 10)
        with pytest.raises(IntegrityError):
            CIPHER.open_chunk_into(memoryview(stored), memoryview(room), index=3, is_last=False)
        assert room in (bytes(10), b"\xaa" * 10)


def test_a_chunk_that_is_sealed_again_has_another_nonce() -> None:
    again = CIPHER.seal_chunk(b"plain text", index=3, is_last=False, session=b"12345678")
    assert again[:12] != bytes(sealed()[:12])
    assert CIPHER.open_chunk(memoryview(again), index=3, is_last=False) == b"plain text"


def test_a_footer_is_believed_only_with_its_tag() -> None:
    footer = Footer(10, 1, bytes(32))
    stored = CIPHER.seal_footer(footer, session=SESSION)
    assert CIPHER.check_footer(stored) == footer
    for place in range(len(stored)):
        wrong = bytearray(stored)
        wrong[place] ^= 0x80
        with pytest.raises(IntegrityError):
            CIPHER.check_footer(bytes(wrong))
    with pytest.raises(IntegrityError):
        FileCipher.of(HEADER, bytes(32)).check_footer(stored)
