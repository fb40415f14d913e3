"""A catalogue query as one SQL statement; every value is a bound parameter.

A page lies after or before a place, which is the value sorted by and the id of a dataset, so that
datasets that come and go while somebody reads on neither repeat nor hide others. Letters are
compared as ``lower`` of the database does it: on SQLite A to Z only.

Example::

    selection("garden", query, ["sha256:…"], Place("d17", "d17")).limit(100)
"""

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    type_coerce,
)

from trustspace.dsp.catalog_query import CatalogQuery, Criterion
from trustspace.store import tables

_d = tables.datasets

_COLUMNS: dict[str, ColumnElement[Any]] = {
    "id": _d.c.id,
    "title": _d.c.title,
    "description": _d.c.description,
    "creator": _d.c.creator,
    "mediaType": _d.c.media_type,
    "byteSize": _d.c.size_bytes,
    "modified": _d.c.published_at,
}
_ORDERS: dict[str, Any] = {"id": _d.c.id, "title": _d.c.title, "modified": _d.c.published_at}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "in": lambda column, values: column.in_(values),
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A dataset's place in an order.

    Attributes:
        value: What the query sorts by.
        id: The dataset's id.
        is_end: Whether the page ends before the place; otherwise it begins after it.
    """

    value: str | datetime
    id: str
    is_end: bool = False


def selection(
    participant: str, query: CatalogQuery, policies: Collection[str], place: Place | None
) -> Select[Any]:
    """Return the statement for the datasets on offer that a query is about.

    Args:
        participant: Whose datasets.
        query: Criteria over datasets and order.
        policies: Digests of the policies that count.
        place: Where the page lies; the rows of one that ends at its place come in reverse.
    """
    statement = select(_d).where(
        _d.c.participant == participant,
        _d.c.withdrawn_at.is_(None),
        _d.c.policy_digest.in_(sorted(policies)),
        *(_meets(each) for each in query.of_datasets),
    )
    by = _ORDERS[query.sort]
    backwards = query.descending != (place is not None and place.is_end)
    keys = (by,) if query.sort == "id" else (by, _d.c.id)
    if place is None:
        statement = statement.offset(query.offset) if query.offset else statement
    else:
        statement = statement.where(_beyond(by, place, backwards=backwards))
    return statement.order_by(*(key.desc() if backwards else key.asc() for key in keys))


def _beyond(by: Any, place: Place, *, backwards: bool) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    """Rows after a place, in the direction of the order."""
    at = literal(place.value, by.type)
    if by is _d.c.id:
        return by < at if backwards else by > at
    if backwards:
        return or_(by < at, and_(by == at, _d.c.id < place.id))
    return or_(by > at, and_(by == at, _d.c.id > place.id))


def _meets(each: Criterion) -> ColumnElement[bool]:
    if each.field == "keyword":
        return _keyword_meets(each)
    column = _COLUMNS[each.field]
    if each.op == "contains":
        return _contains(column, str(each.value))
    if each.op == "like":
        # Only % and _ mean something; our own escape character stands for itself.
        pattern = str(each.value).replace("\\", "\\\\")
        return func.lower(column).like(func.lower(pattern), escape="\\")
    found: ColumnElement[bool] = _COMPARISONS[each.op](column, each.value)
    return found


def _keyword_meets(each: Criterion) -> ColumnElement[bool]:
    values = each.value if isinstance(each.value, tuple) else (each.value,)
    # No keyword has a line end, and two of them must not be found as one.
    lines = [str(value) for value in values if "\n" not in str(value)]
    if each.op == "contains":
        return _contains(_KEYWORDS, lines[0]) if lines else false()
    found = or_(false(), *(_has_line(line) for line in lines))
    return not_(found) if each.op == "neq" else found


def _has_line(line: str) -> ColumnElement[bool]:
    # LIKE would take capitals for small letters on SQLite; taking the line out does not.
    return func.replace(_KEYWORDS, f"\n{line}\n", "", type_=Text) != _KEYWORDS


def _contains(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return func.lower(column).like(func.lower(f"%{escaped}%"), escape="\\")


_KEYWORDS: ColumnElement[str] = type_coerce(_d.c.keywords, Text)
"""Keywords as the text they are kept as."""
