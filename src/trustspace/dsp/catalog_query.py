"""What a catalogue request may ask for: criteria, order, part (DSP 2025-1, "Catalog Request").

The protocol leaves the content of ``filter`` to the two sides. Two languages are read into one
value: our own, small and typed, and the ``QuerySpec`` that Eclipse connectors always send. What is
not in the table of fields is refused with the table, so that nobody takes a page for an answer to
a question that was not understood.

Example::

    query = read_filter([{"field": "keyword", "op": "eq", "value": "roses"}])
    query.criteria[0].op  # 'eq'
    read_filter([{"@type": "QuerySpec", "offset": 50, "limit": 50}]).offset  # 50
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from trustspace.dsp.query_spec import is_query_spec, read_query_spec
from trustspace.errors import RemoteProtocolError
from trustspace.model.value import canonical

MAX_CRITERIA: Final = 20
MAX_TEXT: Final = 1_000
"""Longest value in characters."""
MAX_VALUES: Final = 100
"""Most values of ``in``."""
MAX_WILDCARDS: Final = 4
"""Each ``%`` of a pattern multiplies the steps in which a database compares it."""
MAX_FILTER_BYTES: Final = 4_096
"""A filter travels inside the links to further pages, hence in a URL."""
MAX_LIMIT: Final = 1_000
"""Most datasets on a page, whatever is asked."""
MAX_OFFSET: Final = 10_000_000

POLICY_PREFIX: Final = "policy."

Op = Literal["eq", "neq", "in", "contains", "like", "lt", "lteq", "gt", "gteq"]
Operand = str | int | datetime | tuple[str, ...]
SortField = Literal["id", "title", "modified"]

_ORDER: Final = ("eq", "neq", "lt", "lteq", "gt", "gteq")
OPERATORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "id": ("eq", "neq", "in", "contains", "like"),
        "title": ("eq", "neq", "in", "contains", "like"),
        "description": ("eq", "neq", "in", "contains", "like"),
        "creator": ("eq", "neq", "in", "contains", "like"),
        "mediaType": ("eq", "neq", "in", "contains", "like"),
        "keyword": ("eq", "neq", "in", "contains"),
        "format": ("eq", "neq", "in"),
        "byteSize": _ORDER,
        "modified": _ORDER,
    }
)
"""Fields of our filter and the operators of each."""

POLICY_OPERATORS: Final = ("eq", "neq", "in")
"""Operators of ``policy.<left operand>`` and ``policy.action``."""

SORT_FIELDS: Final = ("id", "title", "modified")


@dataclass(frozen=True)
class Criterion:
    """One comparison; all criteria of a query hold together.

    Attributes:
        field: A key of `OPERATORS`, or ``policy.`` with a left operand or ``action``.
        op: One of its operators. ``contains`` and ``like`` (``%`` any text, ``_`` one character)
            take the letters A to Z for a to z; the others compare exactly.
        value: A string, the strings of ``in``, the number of ``byteSize``, the time of
            ``modified``.
    """

    field: str
    op: Op
    value: Operand


@dataclass(frozen=True)
class CatalogQuery:
    """Which datasets, in which order, from where, how many.

    Attributes:
        limit: Most datasets on a page; None means the server's own measure.
        changed_since: Cursor of an earlier answer: only what has changed since.
    """

    criteria: tuple[Criterion, ...] = ()
    offset: int = 0
    limit: int | None = None
    sort: SortField = "id"
    descending: bool = False
    changed_since: str | None = None

    @property
    def of_policies(self) -> tuple[Criterion, ...]:
        """The criteria that the policies decide, not the datasets under them."""
        return tuple(each for each in self.criteria if each.field.startswith(POLICY_PREFIX))

    @property
    def of_datasets(self) -> tuple[Criterion, ...]:
        """The other criteria."""
        return tuple(each for each in self.criteria if not each.field.startswith(POLICY_PREFIX))


@dataclass(frozen=True)
class Described:
    """What of a dataset can be asked for, where there is no database to ask.

    Attributes:
        policies: Its offers in wire form.
    """

    id: str
    title: str = ""
    description: str = ""
    creator: str = ""
    media_type: str = ""
    keywords: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    byte_size: int | None = None
    modified: datetime | None = None
    policies: tuple[Mapping[str, Any], ...] = field(default=())


def read_filter(items: object) -> CatalogQuery:
    """Read the ``filter`` of a CatalogRequestMessage.

    Args:
        items: The array; absent and empty mean everything.

    Raises:
        RemoteProtocolError: Code ``catalog.filter``; says what is supported.
    """
    given = list(items) if isinstance(items, list | tuple) else [items]
    if not given:
        return CatalogQuery()
    measured = [item for item in given if not _is_cursor(item)]
    if len(canonical(measured)) > MAX_FILTER_BYTES:
        raise _unsupported(f"a filter has at most {MAX_FILTER_BYTES} bytes")
    if len(given) == 1 and is_query_spec(given[0]):
        return _checked(**read_query_spec(given[0]))
    members: dict[str, Any] = {"criteria": []}
    for item in given:
        match item:
            case {"field": name, "op": op, "value": value, **rest} if not rest:
                members["criteria"].append((name, op, value))
            case {"limit": limit, **rest} if not rest:
                members["limit"] = limit
            case {"changedSince": str(cursor), **rest} if not rest:
                members["changed_since"] = cursor
            case _:
                raise _unsupported(f"an entry of the filter is not understood: {_shown(item)}")
    return _checked(**members)


def _checked(
    criteria: list[tuple[object, object, object]],
    *,
    offset: object = 0,
    limit: object = None,
    sort: object = "id",
    descending: bool = False,
    changed_since: str | None = None,
) -> CatalogQuery:
    if len(criteria) > MAX_CRITERIA:
        raise _unsupported(f"a filter has at most {MAX_CRITERIA} criteria")
    if sort not in SORT_FIELDS:
        raise _unsupported(f"datasets are sorted by {', '.join(SORT_FIELDS)}, not {_shown(sort)}")
    return CatalogQuery(
        criteria=tuple(criterion(*each) for each in criteria),
        offset=_whole("offset", offset, 0, MAX_OFFSET),
        limit=None if limit is None else min(_whole("limit", limit, 1, 2**31), MAX_LIMIT),
        sort=sort,
        descending=descending,
        changed_since=changed_since,
    )


def criterion(name: object, op: object, value: object) -> Criterion:
    """Return a criterion whose field, operator and value fit each other.

    Raises:
        RemoteProtocolError: Code ``catalog.filter``; says what is supported.
    """
    operators = OPERATORS.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and name.startswith(POLICY_PREFIX) and name != POLICY_PREFIX:
        operators = POLICY_OPERATORS
    if operators is None:
        raise _unsupported(f"there is no field {_shown(name)}")
    if op not in operators:
        raise _unsupported(f"{name} is compared by {', '.join(operators)}, not {_shown(op)}")
    return Criterion(cast("str", name), cast("Op", op), _operand(cast("str", name), op, value))


def _operand(name: str, op: object, value: object) -> Operand:
    if name == "byteSize":
        return _whole(name, value, 0, 2**53 - 1)
    if op == "in":
        values = value if isinstance(value, list | tuple) else [value]
        if len(values) > MAX_VALUES:
            raise _unsupported(f"in takes at most {MAX_VALUES} values")
        return tuple(_text(name, each) for each in values)
    text = _text(name, value)
    if op == "like" and text.count("%") > MAX_WILDCARDS:
        raise _unsupported(f"like takes at most {MAX_WILDCARDS} times %")
    return _instant(text) if name == "modified" else text


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\x00" in value:
        raise _unsupported(
            f"{name} is compared with a string of at most {MAX_TEXT} characters,"
            f" not {_shown(value)}"
        )
    return value


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _unsupported(f"modified is compared with a time, not {_shown(text)}") from None


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _unsupported(f"{name} is a whole number from {least}, not {_shown(value)}")
    return value


def _is_cursor(item: object) -> bool:
    """Say whether an entry is a cursor, whose length is checked by whoever opens it."""
    return isinstance(item, Mapping) and set(item) == {"changedSince"}


def _unsupported(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"{message}; {SUPPORTED}", code="catalog.filter")


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, default=str)[:80]


SUPPORTED: Final = (
    'a filter is an array of {"field", "op", "value"}, which all hold, beside {"limit": n}'
    ' and {"changedSince": cursor}; or one QuerySpec. Fields: '
    + "; ".join(f"{name} ({', '.join(operators)})" for name, operators in OPERATORS.items())
    + f"; {POLICY_PREFIX}<left operand or action> ({', '.join(POLICY_OPERATORS)})"
)
"""What is told to whoever asks for something else."""


# --- evaluation without a database -----------------------------------------------------------


def matches(query: CatalogQuery, dataset: Described) -> bool:
    """Say whether a dataset meets every criterion of a query."""
    return all(
        any(policy_meets(policy, each) for policy in dataset.policies)
        if each.field.startswith(POLICY_PREFIX)
        else _meets(dataset, each)
        for each in query.criteria
    )


def policy_meets(policy: Mapping[str, Any], each: Criterion) -> bool:
    """Say whether a policy in wire form meets a criterion about policies.

    A permission meets ``policy.purpose eq x`` when one of its constraints, however deep, compares
    the purpose with x; which comparison it is does not matter.
    """
    name = each.field.removeprefix(POLICY_PREFIX)
    found = set(_policy_values(policy.get("permission", ()), name))
    wanted = each.value if isinstance(each.value, tuple) else (each.value,)
    return found.isdisjoint(wanted) if each.op == "neq" else not found.isdisjoint(wanted)


def formats_meet(formats: tuple[str, ...], each: Criterion) -> bool:
    """Say whether transfer formats meet a criterion about them."""
    wanted = each.value if isinstance(each.value, tuple) else (each.value,)
    found = set(formats)
    return found.isdisjoint(wanted) if each.op == "neq" else not found.isdisjoint(wanted)


def _policy_values(node: object, name: str) -> Iterator[str]:
    """Yield what the constraints of rules compare an operand with, and the rules' actions."""
    pending: list[object] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, list | tuple):
            pending.extend(item)
        elif isinstance(item, Mapping):
            left = item.get("leftOperand")
            if isinstance(left, str) and _is_named(left, name):
                yield from _operands(item.get("rightOperand"))
            if name == "action" and isinstance(item.get("action"), str):
                yield item["action"]
            pending.extend(item.get(key) for key in _DEEPER if key in item)


_DEEPER: Final = ("constraint", "and", "or", "xone", "andSequence")


def _is_named(left: str, name: str) -> bool:
    return left == name or left.endswith((f"/{name}", f"#{name}", f":{name}"))


def _operands(value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _operands(each)
    elif isinstance(value, Mapping):
        yield str(value.get("@value", value.get("@id", "")))
    else:
        yield str(value)


def _meets(dataset: Described, each: Criterion) -> bool:
    if each.field == "format":
        return formats_meet(dataset.formats, each)
    if each.field == "keyword":
        return _keyword_meets(dataset.keywords, each)
    found: Any = {
        "id": dataset.id,
        "title": dataset.title,
        "description": dataset.description,
        "creator": dataset.creator,
        "mediaType": dataset.media_type,
        "byteSize": dataset.byte_size,
        "modified": dataset.modified,
    }[each.field]
    return found is not None and _compares(found, each.op, each.value)


def _keyword_meets(keywords: tuple[str, ...], each: Criterion) -> bool:
    if each.op == "contains":
        return any(_compares(word, "contains", each.value) for word in keywords)
    wanted = each.value if isinstance(each.value, tuple) else (each.value,)
    found = set(keywords)
    return found.isdisjoint(wanted) if each.op == "neq" else not found.isdisjoint(wanted)


def _compares(found: Any, op: Op, value: Any) -> bool:  # noqa: ANN401, PLR0911 - two of one type
    match op:
        case "eq":
            return bool(found == value)
        case "neq":
            return bool(found != value)
        case "in":
            return found in value
        case "contains":
            return plain_case(value) in plain_case(found)
        case "like":
            return _is_like(plain_case(found), plain_case(value))
        case "lt":
            return bool(found < value)
        case "lteq":
            return bool(found <= value)
        case "gt":
            return bool(found > value)
    return bool(found >= value)


def plain_case(text: str) -> str:
    """Return a text with the letters A to Z in lower case, all that a database is sure to do."""
    return text.translate(_LOWER)


_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _is_like(text: str, pattern: str) -> bool:
    """Match ``%`` and ``_`` in time linear in text times pattern, whatever the pattern is."""
    place = at = 0
    star, resume = -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "%":
            star, resume = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("_", text[place]):
            at += 1
            place += 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(rest == "%" for rest in pattern[at:])
