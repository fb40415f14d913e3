from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dataplane.byte_range import ByteRange, matches_any, parse_range
from trustspace.errors import RemoteProtocolError

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("items=0-5", None),
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-999", (0, 1_000)),
        ("bytes=0-5000", (0, 1_000)),
        ("bytes=10-", (10, 1_000)),
        ("bytes=999-", (999, 1_000)),
        ("bytes=-1", (999, 1_000)),
        ("bytes=-5000", (0, 1_000)),
        ("BYTES=1-2", (1, 3)),
        ("bytes=0-" + "9" * 40, (0, 1_000)),
        ("bytes=-" + "9" * 40, (0, 1_000)),
    ],
)
def test_one_range_or_none(header: str | None, expected: tuple[int, int] | None) -> None:
    found = parse_range(header, 1_000)
    assert found == (None if expected is None else ByteRange(*expected))
    if found is not None and expected is not None:
        assert found.size_bytes == expected[1] - expected[0]


@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=1000-",
        "bytes=5000-6000",
        "bytes=5-4",
        "bytes=-0",
        "bytes=0-1,2-3",
        "bytes=0-1,",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes= 0-1",
        "bytes =0-1",
        "bytes=0 -1",
        "bytes=+0-1",
        "bytes=\u0660-\u0661",
        "bytes=1_0-20",
        "bytes=0-1\n",
        "bytes=" + "9" * 100_000 + "-",
    ],
)
def test_everything_else_about_bytes_is_refused(header: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_range(header, 1_000)
    assert caught.value.code == "range.unsatisfiable"


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_an_empty_file_has_no_ranges(header: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_range(header, 0)


def test_a_hundred_thousand_ranges_are_refused_at_once() -> None:
    header = "bytes=" + ",".join(f"{start}-" for start in range(100_000))
    began = time.thread_time()
    with pytest.raises(RemoteProtocolError):
        parse_range(header, 1_000)
    assert time.thread_time() - began < 0.005


@given(st.binary(min_size=1, max_size=50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_range_is_a_slice(data: bytes, first: int, last: int | None) -> None:
    expected = data[first:] if last is None else data[first : last + 1]
    header = f"bytes={first}-" + ("" if last is None else str(last))
    try:
        found = parse_range(header, len(data))
    except RemoteProtocolError:
        assert expected == b""
        return
    assert found is not None
    assert data[found.start : found.stop] == expected


@given(st.binary(min_size=1, max_size=50), st.integers(1, 60))
def test_a_suffix_is_a_slice(data: bytes, size: int) -> None:
    found = parse_range(f"bytes=-{size}", len(data))
    assert found is not None
    assert data[found.start : found.stop] == data[-size:]


@given(st.text(max_size=40), st.integers(0, 100))
def test_no_header_breaks_the_reader(text: str, size: int) -> None:
    for header in (text, "bytes=" + text):
        try:
            found = parse_range(header, size)
        except RemoteProtocolError:
            continue
        assert found is None or 0 <= found.start < found.stop <= size


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [
        (ETAG, True, True),
        ("*", True, True),
        (f'"x", {ETAG}', True, True),
        (f"W/{ETAG}", False, True),
        ('"xyz"', False, False),
        ("abc", False, False),
        ("", False, False),
        (f"*, {ETAG[:-1]}", False, False),
        ('"x",' * 2_000 + ETAG, False, False),
    ],
)
def test_entity_tags_are_compared_as_the_rfc_says(header: str, strong: bool, weak: bool) -> None:
    assert matches_any(header, ETAG, strong=True) is strong
    assert matches_any(header, ETAG, strong=False) is weak
