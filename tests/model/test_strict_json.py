"""Strict JSON: what is refused, what stays equal to the standard parser."""

import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import RemoteProtocolError
from trustspace.model.strict_json import MAX_INTEGER, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_reads_what_the_standard_parser_reads(value: object, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert loads(data) == json.loads(data) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0123dD8e+-.NaI ').map(str.encode))
def test_any_bytes_give_a_value_or_one_error(data: bytes) -> None:
    try:
        value = loads(data)
    except RemoteProtocolError:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"sub":"a","sub":"b"}', "json.duplicate"),
        (b'[{"x":{"a":1,"\\u0061":2}}]', "json.duplicate"),
        (b"NaN", "json.number"),
        (b"[Infinity]", "json.number"),
        (b'{"exp":-Infinity}', "json.number"),
        (b"1e400", "json.number"),
        (b"9007199254740992", "json.number"),
        (b"-9007199254740992", "json.number"),
        (b"1" * 1_000_000, "json.number"),
        (b"0." + b"1" * 1_000_000, "json.number"),
        (b'"\\ud800"', "json.surrogate"),
        (b'{"\\uDFFF":1}', "json.surrogate"),
        (b'["\\udc00\\ud800"]', "json.surrogate"),
        (b'"\xed\xa0\x80"', "json.encoding"),
        (b'"\xff"', "json.encoding"),
        (b'"\xc0\xaf"', "json.encoding"),
        (b"\xef\xbb\xbf{}", "json.encoding"),
        ('{"a":1}'.encode("utf-16"), "json.encoding"),
        (b"", "json.syntax"),
        (b"{", "json.syntax"),
        (b"[1,]", "json.syntax"),
        (b"{} {}", "json.syntax"),
        (b"{'a':1}", "json.syntax"),
        (b"[01]", "json.syntax"),
        (b"[+1]", "json.syntax"),
        (b'"a\x00b"', "json.syntax"),
        (b'"tab\there"', "json.syntax"),
        ("\u00a0{}".encode(), "json.syntax"),
        (b"[" * 100_000, "json.depth"),
        (b'{"a":' * 100_000, "json.depth"),
        (b"[" * 33 + b"]" * 33, "json.depth"),
        (b'"' + b"a" * 262_145 + b'"', "json.string"),
        (b'{"' + b"a" * 262_145 + b'":1}', "json.string"),
        (json.dumps({str(n): n for n in range(10_001)}).encode(), "json.keys"),
        (json.dumps([{"a": n} for n in range(10_001)]).encode(), "json.keys"),
    ],
)
def test_refuses(data: bytes, code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        loads(data)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 32 + b"]" * 32,
        b'["' + b"[{" * 500 + b'"]',
        b'["\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]',
        json.dumps([[]] * 1_000).encode(),
        json.dumps({str(n): n for n in range(10_000)}).encode(),
        b'"' + b"a" * 262_144 + b'"',
        json.dumps(["a" * 200_000, "b" * 200_000, 1, None]).encode(),
        b'"\\ud83d\\ude00"',
        b"9007199254740991",
        b"-0",
        b"1e-5",
    ],
)
def test_accepts_up_to_the_limit(data: bytes) -> None:
    assert loads(data) == json.loads(data)


def test_limits_are_arguments() -> None:
    with pytest.raises(RemoteProtocolError, match="deeper than 1"):
        loads(b"[[]]", max_depth=1)
    with pytest.raises(RemoteProtocolError, match="more than 1 members"):
        loads(b'{"a":1,"b":2}', max_keys=1)
    with pytest.raises(RemoteProtocolError, match="longer than 3"):
        loads(b'"abcd"', max_string=3)


def test_a_deep_document_never_exhausts_the_stack() -> None:
    depth = sys.getrecursionlimit() * 100
    with pytest.raises(RemoteProtocolError) as caught:
        loads(b"[" * depth, max_depth=depth)
    assert caught.value.code == "json.depth"


def test_errors_never_repeat_the_document() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        loads(b'{"secret-4711": 1, "secret-4711": 2}')
    assert "4711" not in str(caught.value)
    with pytest.raises(RemoteProtocolError) as caught:
        loads(b'{"token": "secret-4711" oops}')
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b'[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["' + b'\\"' * 500_000,
        b'"[' * 300_000,
        b"[" + b'"\\' * 400_000,
        b"{" * 32 + b'"\\ud83d\\ude00' * 80_000,
    ],
)
def test_one_mebibyte_of_anything_is_refused_quickly(data: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(RemoteProtocolError):
        loads(data)
    # Linear work takes well under 0.1 s; quadratic work on these takes minutes.
    assert time.perf_counter() - start < 2


def test_more_items_of_arrays_than_can_be_worked_on_are_refused():
    assert loads(b"[" + b"1," * 19_999 + b"1]") == [1] * 20_000
    for body in (b"[" + b"1.5," * 20_000 + b"1]", b'{"a": [[' + b"1," * 20_000 + b"1]]}"):
        with pytest.raises(RemoteProtocolError) as caught:
            loads(body)
        assert caught.value.code == "json.items"
    assert loads(b'["' + b"," * 30_000 + b'"]')[0].count(",") == 30_000
    assert loads(b"[1,2,3]", max_items=3) == [1, 2, 3]
