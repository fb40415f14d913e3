"""Ranges and validators of a file request (RFC 9110, sections 13 and 14).

A request has one range or is refused: several ranges in one answer are where servers were brought
down (overlaps, quadratic parsing), and no client of data needs them. What is not understood about
bytes is refused too, rather than ignored: a client that asked for the tail of a file must not be
sent all of it by mistake. Other units than bytes are ignored, as the RFC demands.

Example::

    parse_range("bytes=100-", 1_000)  # ByteRange(start=100, stop=1000)
    parse_range("bytes=-1", 1_000)    # ByteRange(start=999, stop=1000)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trustspace.errors import RemoteProtocolError

_LONGEST_HEADER: Final = 200
"""Characters; two positions of a file need fewer."""

_UNIT: Final = re.compile(r"bytes\s*=", re.IGNORECASE | re.ASCII)
_ONE_RANGE: Final = re.compile(r"bytes=([0-9]{0,60})-([0-9]{0,60})", re.IGNORECASE)

_LONGEST_VALIDATORS: Final = 4_096
"""Characters of a list of entity tags; a longer one matches nothing."""


@dataclass(frozen=True)
class ByteRange:
    """Some consecutive bytes of a file, at least one.

    Attributes:
        start: Offset of the first.
        stop: Offset behind the last.
    """

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return self.stop - self.start


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """Read a ``Range`` header for a file of a size.

    Returns:
        The range, or None when there is no header or its unit is not bytes: all is meant.

    Raises:
        RemoteProtocolError: It is malformed, names several ranges, or none of its bytes exist; code
            ``range.unsatisfiable``.
    """
    if header is None or _UNIT.match(header) is None:
        return None
    match = None if len(header) > _LONGEST_HEADER else _ONE_RANGE.fullmatch(header)
    if match is None:
        raise _unsatisfiable("expected one range of bytes", size_bytes)
    first, last = match.groups()
    if first:
        start = int(first)
        stop = min(int(last) + 1, size_bytes) if last else size_bytes
        if last and int(last) < start:
            raise _unsatisfiable("the last byte stands before the first", size_bytes)
    elif last:
        start, stop = max(size_bytes - int(last), 0), size_bytes
    else:
        raise _unsatisfiable("expected one range of bytes", size_bytes)
    if start >= stop:
        raise _unsatisfiable("none of its bytes exist", size_bytes)
    return ByteRange(start, stop)


def matches_any(header: str, etag: str, *, strong: bool) -> bool:
    """Tell whether a list of entity tags names this one (RFC 9110, sections 13.1.1 and 13.1.2).

    Args:
        header: Value of ``If-Match`` or ``If-None-Match``.
        etag: The strong entity tag of the file.
        strong: Whether a weak tag of the same text must not match.
    """
    if len(header) > _LONGEST_VALIDATORS:
        return False
    names = [name.strip(" \t") for name in header.split(",")]
    if not strong:
        names = [name.removeprefix("W/") for name in names]
    return names == ["*"] or etag in names


def _unsatisfiable(because: str, size_bytes: int) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"the range cannot be served: {because}",
        code="range.unsatisfiable",
        hint=f"ask for one range of {size_bytes} bytes",
    )
