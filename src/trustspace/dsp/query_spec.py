"""The ``QuerySpec`` of Eclipse connectors, read into the words of our own filter.

Their consumer sends one with every catalogue request, mostly with nothing but ``offset`` and
``limit``. Names come short, with the prefix ``edc:`` or as whole IRIs, values plain or as
``{"@value": …}`` in an array of one, as JSON-LD has it in its compact and expanded forms.

Example::

    read_query_spec({"@type": "QuerySpec", "offset": 0, "limit": 50, "filterExpression": []})
    # {'criteria': [], 'offset': 0, 'limit': 50}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

EDC_NAMESPACE: Final = "https://w3id.org/edc/v0.0.1/ns/"

_PREFIXES: Final = (EDC_NAMESPACE, "edc:", "asset:prop:")
_MEMBERS: Final = ("offset", "limit", "sortField", "sortOrder", "filterExpression")
_TYPE: Final = "QuerySpec"

_OPERATORS: Final[Mapping[str, str]] = {
    "=": "eq",
    "!=": "neq",
    "in": "in",
    "like": "like",
    "ilike": "like",
    "contains": "contains",
    "<": "lt",
    "<=": "lteq",
    ">": "gt",
    ">=": "gteq",
}

_FIELDS: Final[Mapping[str, str]] = {
    "id": "id",
    "@id": "id",
    "name": "title",
    "title": "title",
    "dct:title": "title",
    "http://purl.org/dc/terms/title": "title",
    "description": "description",
    "dct:description": "description",
    "http://purl.org/dc/terms/description": "description",
    "creator": "creator",
    "dct:creator": "creator",
    "http://purl.org/dc/terms/creator": "creator",
    "contenttype": "mediaType",
    "mediaType": "mediaType",
    "dcat:mediaType": "mediaType",
    "http://www.w3.org/ns/dcat#mediaType": "mediaType",
    "keyword": "keyword",
    "keywords": "keyword",
    "dcat:keyword": "keyword",
    "http://www.w3.org/ns/dcat#keyword": "keyword",
    "format": "format",
    "dct:format": "format",
    "http://purl.org/dc/terms/format": "format",
    "byteSize": "byteSize",
    "dcat:byteSize": "byteSize",
    "http://www.w3.org/ns/dcat#byteSize": "byteSize",
    "createdAt": "modified",
    "modified": "modified",
    "dct:modified": "modified",
    "http://purl.org/dc/terms/modified": "modified",
}


def is_query_spec(item: object) -> TypeGuard[Mapping[str, Any]]:
    """Say whether an entry of a filter is a QuerySpec, named so or to be known by its members."""
    if not isinstance(item, Mapping):
        return False
    kinds = item.get("@type", ())
    if _TYPE in [_short(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])]:
        return True
    return "@type" not in item and any(
        _short(name) in _MEMBERS and name != "limit" for name in item
    )


def read_query_spec(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return criteria, offset, limit and order in the words of our own filter, not yet checked."""
    members = {_short(name): value for name, value in item.items()}
    found: dict[str, Any] = {
        "criteria": [_criterion(each) for each in _all(members.get("filterExpression"))],
    }
    for name in ("offset", "limit"):
        if (value := _plain(members.get(name))) is not None:
            found[name] = value
    if (sort := _plain(members.get("sortField"))) is not None:
        found["sort"] = _field(sort)
        found["descending"] = str(_plain(members.get("sortOrder"))).upper() == "DESC"
    return found


def _criterion(item: object) -> tuple[object, object, object]:
    """Return field, operator and value; what cannot be read goes on to be refused."""
    if not isinstance(item, Mapping):
        return item, None, None
    members = {_short(name): value for name, value in item.items()}
    name = _field(_plain(members.get("operandLeft")))
    operator = _plain(members.get("operator"))
    op = _OPERATORS.get(operator.lower(), operator) if isinstance(operator, str) else operator
    right = members.get("operandRight")
    if op == "in":
        return name, op, [_plain(each) for each in _all(right)]
    value = _plain(right)
    if name == "keyword" and op == "like" and isinstance(value, str):
        inner = value.strip("%")
        if f"%{inner}%" == value and not set(inner) & {"%", "_"}:
            return name, "contains", inner
    return name, op, value


def _field(name: object) -> object:
    """Return our name of a property; one that we do not know stays as it is."""
    if not isinstance(name, str):
        return name
    bare = _short(name.strip("'"))
    return _FIELDS.get(str(bare), bare)


def _short(name: object) -> object:
    if isinstance(name, str):
        for prefix in _PREFIXES:
            if name.startswith(prefix):
                return name.removeprefix(prefix).strip("'")
    return name


def _all(value: object) -> list[Any]:
    """Return the values of a member that may be absent, one, many or a JSON-LD list."""
    if value is None:
        return []
    if isinstance(value, Mapping) and set(value) in ({"@list"}, {"@set"}):
        return _all(next(iter(value.values())))
    return list(value) if isinstance(value, list) else [value]


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Unwrap ``[{"@value": x}]`` to x."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        return value.get("@value", value.get("@id", value))
    return value
