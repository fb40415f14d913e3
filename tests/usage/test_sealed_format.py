"""The bytes of a sealed file's two ends, and where its chunks lie."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import ConfigurationError, IntegrityError
from trustspace.usage.sealed_format import (
    FOOTER_BYTES,
    LARGEST_CHUNK_BYTES,
    MAGIC,
    OVERHEAD_BYTES,
    Footer,
    Header,
    Layout,
)

HEADER = Header(
    participant="did:web:bank",
    agreement="urn:uuid:a1",
    object="roses",
    key="d1",
    chunk_bytes=100,
    salt=bytes(range(32)),
)


def with_body(body: bytes) -> bytes:
    return MAGIC + len(body).to_bytes(4) + body


def test_header_as_it_is_documented() -> None:
    assert HEADER.encoded == with_body(
        b'{"agreement":"urn:uuid:a1","chunk":100,"key":"d1","object":"roses",'
        b'"participant":"did:web:bank","salt":"' + bytes(range(32)).hex().encode() + b'",'
        b'"version":""}'
    )
    assert Header.decode(HEADER.encoded) == HEADER


@given(st.text(max_size=50), st.text(max_size=50), st.integers(1, LARGEST_CHUNK_BYTES))
def test_header_comes_back(object_id: str, version: str, chunk_bytes: int) -> None:
    try:
        object_id.encode()
        version.encode()
    except UnicodeEncodeError:
        return
    header = Header("did:web:bank", "a", object_id, "d", chunk_bytes, version)
    assert Header.decode(header.encoded) == header


def changed(**members: object) -> bytes:
    document = json.loads(HEADER.encoded[12:]) | members
    return with_body(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        MAGIC,
        b"TSSEAL\x00\x02" + HEADER.encoded[8:],
        MAGIC + (2**31).to_bytes(4),
        HEADER.encoded[:-1],
        HEADER.encoded + b" ",
        with_body(b"[]"),
        with_body(b"{}"),
        with_body(b"\xff"),
        with_body(b"[" * 2000),
        with_body(HEADER.encoded[12:].replace(b":100,", b": 100,")),
        with_body(HEADER.encoded[12:].replace(b'"chunk":100,', b'"chunk":100,"chunk":100,')),
        changed(chunk=0),
        changed(chunk=LARGEST_CHUNK_BYTES + 1),
        changed(chunk="100"),
        changed(object=1),
        changed(salt="00"),
        changed(salt=None),
        changed(more=1),
    ],
)
def test_what_is_no_header_is_refused(encoded: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        Header.decode(encoded)
    assert caught.value.hint


def test_names_that_are_too_long_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="names of a sealed object"):
        _ = Header("did:web:bank", "a", "o" * 20_000, "d").encoded


def test_footer_comes_back() -> None:
    footer = Footer(2**40, 7, bytes(32))
    assert Footer.decode(footer.encoded + bytes(OVERHEAD_BYTES)) == footer
    for wrong in (b"", footer.encoded, bytes(FOOTER_BYTES)):
        with pytest.raises(IntegrityError):
            Footer.decode(wrong)


@pytest.mark.parametrize(
    ("size", "chunks", "last"), [(0, 0, 0), (1, 1, 1), (100, 1, 100), (101, 2, 1), (1000, 10, 100)]
)
def test_layout(size: int, chunks: int, last: int) -> None:
    layout = Layout(HEADER, size)
    assert layout.chunks == chunks
    if chunks:
        assert layout.length(chunks - 1) == last
        end = layout.offset(chunks - 1) + last + OVERHEAD_BYTES
        assert layout.file_bytes == end + FOOTER_BYTES
    else:
        assert layout.file_bytes == len(HEADER.encoded) + FOOTER_BYTES
