"""Filters of two languages are read into one value, or refused with what is supported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.dsp.catalog_query import (
    MAX_LIMIT,
    CatalogQuery,
    Criterion,
    Described,
    matches,
    read_filter,
)
from trustspace.dsp.query_spec import EDC_NAMESPACE, is_query_spec
from trustspace.errors import RemoteProtocolError

POLICY = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "or": [
                        {
                            "leftOperand": "purpose",
                            "operator": "isAnyOf",
                            "rightOperand": ["research", {"@id": "urn:teaching"}],
                        },
                        {
                            "leftOperand": "https://w3id.org/trustspace/ns#rowFilter",
                            "operator": "eq",
                            "rightOperand": {"@value": "a = 1", "@type": "xsd:string"},
                        },
                    ]
                }
            ],
        }
    ],
    "prohibition": [{"action": "distribute"}],
}
ROSES = Described(
    id="roses",
    title="Red Roses",
    description="All of 100% of them",
    creator="garden",
    media_type="text/csv",
    keywords=("roses", "Prices"),
    formats=("HttpData-PULL",),
    byte_size=10,
    modified=datetime(2026, 3, 1, tzinfo=UTC),
    policies=(POLICY,),
)


def met(field: str, op: str, value: Any, dataset: Described = ROSES) -> bool:
    return matches(read_filter([{"field": field, "op": op, "value": value}]), dataset)


@pytest.mark.parametrize("empty", [[], ()])
def test_an_empty_filter_asks_for_everything(empty: Any) -> None:
    assert read_filter(empty) == CatalogQuery()


def test_our_own_filter() -> None:
    query = read_filter(
        [
            {"field": "title", "op": "like", "value": "a%"},
            {"field": "policy.purpose", "op": "eq", "value": "research"},
            {"field": "byteSize", "op": "lt", "value": 10},
            {"field": "id", "op": "in", "value": ["a", "b"]},
            {"field": "keyword", "op": "in", "value": "a"},
            {"field": "modified", "op": "gt", "value": "2026-03-01T01:00:00+01:00"},
            {"field": "modified", "op": "lt", "value": "2026-03-02"},
            {"limit": 1_000_000},
        ]
    )
    assert query.limit == MAX_LIMIT
    assert query.of_policies == (Criterion("policy.purpose", "eq", "research"),)
    assert query.of_datasets == (
        Criterion("title", "like", "a%"),
        Criterion("byteSize", "lt", 10),
        Criterion("id", "in", ("a", "b")),
        Criterion("keyword", "in", ("a",)),
        Criterion("modified", "gt", datetime(2026, 3, 1, tzinfo=UTC)),
        Criterion("modified", "lt", datetime(2026, 3, 2, tzinfo=UTC)),
    )
    assert read_filter([{"changedSince": "x" * 9000}]).changed_since == "x" * 9000


@pytest.mark.parametrize(
    "entry",
    [
        "x",
        {"a": 1},
        {"field": "owner", "op": "eq", "value": "x"},
        {"field": 7, "op": "eq", "value": "x"},
        {"field": "policy.", "op": "eq", "value": "x"},
        {"field": "policy.purpose", "op": "like", "value": "x"},
        {"field": "title", "op": "lt", "value": "x"},
        {"field": "title", "op": ["eq"], "value": "x"},
        {"field": "title", "op": "eq", "value": 7},
        {"field": "title", "op": "eq", "value": "x" * 1001},
        {"field": "title", "op": "eq", "value": "\x00"},
        {"field": "title", "op": "in", "value": ["x"] * 101},
        {"field": "title", "op": "like", "value": "%a%a%a%a%"},
        {"field": "title", "op": "eq", "value": "x", "more": 1},
        {"field": "byteSize", "op": "eq", "value": "1e3"},
        {"field": "byteSize", "op": "eq", "value": True},
        {"field": "byteSize", "op": "eq", "value": -1},
        {"field": "modified", "op": "eq", "value": "yesterday"},
        {"field": "modified", "op": "eq", "value": "0001-01-01T00:00:00+14:00"},
        {"limit": 0},
        {"limit": "many"},
        {"changedSince": 7},
        {"@type": "QuerySpec", "sortField": "owner"},
        {"@type": "QuerySpec", "sortField": 7},
        {"@type": "QuerySpec", "offset": -1},
        {"@type": "QuerySpec", "filterExpression": ["x"]},
        {"@type": "QuerySpec", "filterExpression": [{"operandLeft": 7}]},
        {
            "@type": "QuerySpec",
            "filterExpression": [{"operandLeft": "id", "operator": "~", "operandRight": "x"}],
        },
        {
            "@type": "QuerySpec",
            "filterExpression": [{"operandLeft": "id", "operator": 7, "operandRight": "x"}],
        },
    ],
)
def test_what_is_not_supported_is_refused_with_what_is(entry: Any) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read_filter([entry])
    assert caught.value.code == "catalog.filter"
    assert "policy.<left operand" in str(caught.value)


def test_too_much_is_refused() -> None:
    entry = {"field": "id", "op": "eq", "value": "x"}
    with pytest.raises(RemoteProtocolError, match="20 criteria"):
        read_filter([entry] * 21)
    with pytest.raises(RemoteProtocolError, match="4096 bytes"):
        read_filter([entry | {"value": "x" * 900}] * 5)


# --- QuerySpec -------------------------------------------------------------------------------


def test_a_query_spec_in_its_shortest_form() -> None:
    spec = {"@type": "QuerySpec", "offset": 50, "limit": 50, "filterExpression": []}
    assert read_filter([spec]) == CatalogQuery(offset=50, limit=50)
    assert read_filter([{"@type": "QuerySpec"}]) == CatalogQuery()
    assert read_filter({"offset": 0, "limit": 50}) == CatalogQuery(limit=50)


@pytest.mark.parametrize("prefix", ["", "edc:", EDC_NAMESPACE])
def test_a_query_spec_with_every_spelling_of_its_names(prefix: str) -> None:
    spec = {
        "@type": [f"{prefix}QuerySpec"],
        f"{prefix}offset": [{"@value": 7}],
        f"{prefix}limit": {"@value": "50"},
        f"{prefix}sortField": f"{prefix}createdAt",
        f"{prefix}sortOrder": [{"@value": "DESC"}],
        f"{prefix}filterExpression": {
            "@list": [
                {
                    "@type": f"{prefix}Criterion",
                    f"{prefix}operandLeft": [{"@value": f"'{EDC_NAMESPACE}name'"}],
                    f"{prefix}operator": [{"@value": "="}],
                    f"{prefix}operandRight": [{"@value": "Roses"}],
                }
            ]
        },
    }
    assert read_filter([spec]) == CatalogQuery(
        (Criterion("title", "eq", "Roses"),), 7, 50, "modified", descending=True
    )


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("https://w3id.org/edc/v0.0.1/ns/id", "=", "a", Criterion("id", "eq", "a")),
        ("asset:prop:id", "!=", "a", Criterion("id", "neq", "a")),
        ("id", "in", ["a", {"@value": "b"}], Criterion("id", "in", ("a", "b"))),
        ("id", "IN", "a", Criterion("id", "in", ("a",))),
        ("dct:title", "ilike", "a%", Criterion("title", "like", "a%")),
        ("contenttype", "=", "text/csv", Criterion("mediaType", "eq", "text/csv")),
        ("keywords", "like", "%rose%", Criterion("keyword", "contains", "rose")),
        ("keywords", "contains", "rose", Criterion("keyword", "contains", "rose")),
        ("byteSize", ">=", 7, Criterion("byteSize", "gteq", 7)),
        ("policy.purpose", "=", {"@id": "x"}, Criterion("policy.purpose", "eq", "x")),
    ],
)
def test_criteria_of_a_query_spec(left: str, operator: str, right: Any, expected: Any) -> None:
    expression = {"operandLeft": left, "operator": operator, "operandRight": right}
    assert read_filter([{"@type": "QuerySpec", "filterExpression": expression}]).criteria == (
        expected,
    )


@pytest.mark.parametrize("pattern", ["rose", "%ro%se%", "%ro_se%", "rose%"])
def test_a_pattern_over_keywords_is_refused(pattern: str) -> None:
    expression = {"operandLeft": "keyword", "operator": "like", "operandRight": pattern}
    with pytest.raises(RemoteProtocolError):
        read_filter([{"@type": "QuerySpec", "filterExpression": [expression]}])


def test_what_is_a_query_spec() -> None:
    assert not is_query_spec("QuerySpec")
    assert not is_query_spec({"limit": 7})
    assert not is_query_spec({"@type": "Other", "offset": 0})
    assert is_query_spec({f"{EDC_NAMESPACE}offset": 0})


# --- evaluation ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "op", "value", "expected"),
    [
        ("id", "eq", "roses", True),
        ("id", "neq", "roses", False),
        ("id", "in", ["x", "roses"], True),
        ("title", "eq", "red roses", False),
        ("title", "contains", "RED", True),
        ("title", "like", "red%s", True),
        ("title", "like", "red_roses", True),
        ("title", "like", "red", False),
        ("description", "contains", "100%", True),
        ("creator", "eq", "garden", True),
        ("mediaType", "in", "text/csv", True),
        ("keyword", "eq", "prices", False),
        ("keyword", "eq", "Prices", True),
        ("keyword", "neq", "Prices", False),
        ("keyword", "contains", "price", True),
        ("keyword", "in", ["x"], False),
        ("format", "eq", "HttpData-PULL", True),
        ("format", "neq", "HttpData-PULL", False),
        ("format", "in", ["x", "HttpData-PULL"], True),
        ("byteSize", "lt", 11, True),
        ("byteSize", "lteq", 10, True),
        ("byteSize", "gt", 10, False),
        ("byteSize", "gteq", 10, True),
        ("modified", "gteq", "2026-03-01", True),
        ("policy.purpose", "eq", "research", True),
        ("policy.purpose", "eq", "urn:teaching", True),
        ("policy.purpose", "neq", "research", False),
        ("policy.purpose", "in", ["x", "research"], True),
        ("policy.rowFilter", "eq", "a = 1", True),
        ("policy.action", "eq", "use", True),
        ("policy.action", "eq", "distribute", False),
        ("policy.spatial", "eq", "x", False),
    ],
)
def test_a_dataset_meets_a_criterion(field: str, op: str, value: Any, expected: bool) -> None:
    assert met(field, op, value) is expected


def test_what_is_not_known_meets_nothing() -> None:
    assert not met("byteSize", "neq", 7, Described(id="x"))
    assert not met("modified", "lt", "2030-01-01", Described(id="x"))
    assert not met("policy.purpose", "eq", "x", Described(id="x"))
    odd = Described(id="x", policies=({"permission": "anything"},))
    assert not met("policy.purpose", "eq", "x", odd)


def _slow_like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_slow_like(text[at:], pattern[1:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and _slow_like(text[1:], pattern[1:])


@given(st.text("ab", max_size=7), st.text("ab%_", max_size=6).filter(lambda p: p.count("%") < 5))
def test_patterns_mean_what_a_database_means(text: str, pattern: str) -> None:
    assert met("title", "like", pattern, Described(id="x", title=text)) == _slow_like(text, pattern)
