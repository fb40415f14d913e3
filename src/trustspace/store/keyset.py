"""Paging a list newest first by where the last page ended, not by counting rows.

A cursor is the last row's instant and id, so a page costs the same however deep it is, and rows
added meanwhile shift nothing.

Example::

    statement = before(select(t), t.c.created_at, t.c.pid, cursor).limit(limit + 1)
    page = cut(values, limit, lambda value: (value.created_at, value.id))
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_

from trustspace.errors import NotFoundError
from trustspace.store.columns import from_microseconds, to_microseconds
from trustspace.store.rows import Page

T = TypeVar("T")


def before(
    statement: Select[Any], at: ColumnElement[Any], key: ColumnElement[Any], cursor: str | None
) -> Select[Any]:
    """Order a statement newest first and start it where a cursor says.

    Raises:
        NotFoundError: The cursor is not one of ours.
    """
    ordered = statement.order_by(at.desc(), key.desc())
    if cursor is None:
        return ordered
    instant, separator, last = cursor.partition(".")
    if not (separator and instant.isascii() and instant.isdigit() and len(instant) < 18):
        raise NotFoundError(
            f"no page begins at {cursor[:80]!r}", hint="give back the cursor of the page before"
        )
    bound = tuple_(literal(from_microseconds(int(instant)), at.type), literal(last))
    return ordered.where(tuple_(at, key) < bound)


def cut(items: Sequence[T], limit: int, place: Callable[[T], tuple[datetime, str]]) -> Page[T]:
    """Return the page of items read with one more than the limit, with the cursor after it."""
    if len(items) <= limit:
        return Page(tuple(items), None)
    at, key = place(items[limit - 1])
    return Page(tuple(items[:limit]), f"{to_microseconds(at)}.{key}")
