"""JSON from strangers: one reading only, within limits, never an exception of the parser's own.

Two parsers that read one document differently are an attack: the first checks ``"sub": "alice"``,
the second acts on a later ``"sub": "mallory"``. So duplicate members, ``NaN``, lone surrogates and
numbers that have no exact counterpart elsewhere are refused (I-JSON, RFC 7493), and depth, members
and lengths are limited before memory is spent on them.

Example::

    loads(b'{"iss": "did:web:garden.example"}')   # {'iss': 'did:web:garden.example'}
    loads(b'{"iss": "a", "iss": "b"}')            # RemoteProtocolError, code 'json.duplicate'
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from trustspace.errors import RemoteProtocolError

MAX_DEPTH = 32
"""Arrays and objects inside one another; the deepest message of DSP 2025-1 has about 15."""
MAX_KEYS = 10_000
"""Members of all objects of a document together."""
MAX_ITEMS = 20_000
"""Items of all arrays of a document together; each costs work long after it is decoded."""
MAX_STRING = 262_144
"""Characters of one string, member names included."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON implementation represents exactly (RFC 7493, section 2.2)."""
MAX_NUMBER_LENGTH = 64
"""Characters of one number; longer ones only serve to make a parser work."""

# A string that never closes matches up to the end; else every quote in it would start a new scan.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(
    data: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_keys: int = MAX_KEYS,
    max_items: int = MAX_ITEMS,
    max_string: int = MAX_STRING,
) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one JSON document.

    Args:
        data: The document in UTF-8, without byte order mark; its size is the caller's to limit.
        max_depth: Most arrays and objects inside one another.
        max_keys: Most members of all objects together.
        max_items: Most items of all arrays together.
        max_string: Most characters of one string.

    Raises:
        RemoteProtocolError: With code ``json.encoding``, ``json.syntax``, ``json.duplicate``,
            ``json.number``, ``json.surrogate``, ``json.depth``, ``json.keys``, ``json.items`` or
            ``json.string``.
            The message never repeats a value of the document.
    """
    text = _decode(data)
    _check_depth(text, max_depth)
    reader = _MemberReader(max_keys)
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.read_members,
            parse_int=_read_integer,
            parse_float=_read_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        _refuse("syntax", f"{error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        _refuse("depth", "nested deeper than can be read here")
    if text.count(",") >= max_items:
        _check_items(value, max_items)
    if len(text) > max_string or _SURROGATE_ESCAPE.search(text):
        _check_strings(value, max_string)
    return value


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        _refuse("encoding", f"not UTF-8 at byte {error.start}")
    if text.startswith("\ufeff"):
        _refuse("encoding", "starts with a byte order mark")
    return text


def _check_depth(text: str, max_depth: int) -> None:
    """Count brackets outside strings, so that a bomb is refused before the parser recurses."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for match in _STRUCTURE.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            if depth > max_depth:
                _refuse("depth", f"nested deeper than {max_depth}")
        elif token in ("]", "}"):
            depth -= 1


class _MemberReader:
    """Builds objects, refusing a name given twice and too many names in all."""

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._keys = 0

    def read_members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._keys += len(pairs)
        if self._keys > self._max_keys:
            _refuse("keys", f"more than {self._max_keys} members")
        members = dict(pairs)
        if len(members) != len(pairs):
            _refuse("duplicate", "a member is given twice")
        return members


def _read_integer(literal: str) -> int:
    # The length comes first: converting a million digits is work, and int() has its own error.
    if len(literal) > MAX_NUMBER_LENGTH or not -MAX_INTEGER <= int(literal) <= MAX_INTEGER:
        _refuse("number", "an integer is beyond 2^53 - 1")
    return int(literal)


def _read_float(literal: str) -> float:
    if len(literal) > MAX_NUMBER_LENGTH or not math.isfinite(float(literal)):
        _refuse("number", "a number is beyond a double or longer than 64 characters")
    return float(literal)


def _refuse_constant(literal: str) -> NoReturn:
    _refuse("number", f"{literal} is not JSON")


def _check_items(value: Any, max_items: int) -> None:  # noqa: ANN401 - any JSON value
    pending = [value]
    items = 0
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending.extend(part.values())
        elif isinstance(part, list):
            items += len(part)
            if items > max_items:
                _refuse("items", f"more than {max_items} items of arrays")
            pending.extend(part)


def _check_strings(value: Any, max_string: int) -> None:  # noqa: ANN401 - any JSON value
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, str):
            if len(item) > max_string:
                _refuse("string", f"a string is longer than {max_string} characters")
            if _SURROGATE.search(item):
                _refuse("surrogate", "a string holds half a surrogate pair")


def _refuse(kind: str, found: str) -> NoReturn:
    raise RemoteProtocolError(f"The JSON is refused: {found}", code=f"json.{kind}") from None
