"""Row filters and masks as documents."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trustspace.policy.predicate import (
    MAX_PREDICATE_DEPTH,
    MAX_PREDICATE_NODES,
    Comparison,
    FilterLiteral,
    Junction,
    MaskSpec,
    Negation,
    Predicate,
    bounded,
)

PREDICATE: TypeAdapter[Any] = TypeAdapter(Predicate)
A = FilterLiteral(type="string", value="A")
IS_NULL = Comparison(op="is_null", field="x", value=None)


def nested(depth: int) -> Any:
    predicate: Any = IS_NULL
    for _ in range(depth - 1):
        predicate = Negation(op="not", arg=predicate)
    return predicate


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "A"),
        ("string", ""),
        ("integer", 1),
        ("integer", 2**53 - 1),
        ("boolean", True),
        ("decimal", "1.50"),
        ("date", "2027-01-31"),
        ("dateTime", "2027-01-31T00:00:00Z"),
    ],
)
def test_literal_holds_the_type_of_its_tag(kind: Any, value: Any):
    assert FilterLiteral(type=kind, value=value).value is value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", 1),
        ("integer", "1"),
        ("integer", True),
        ("integer", 2**53),
        ("integer", 1.0),
        ("boolean", 1),
        ("decimal", 1),
        ("string", "\ud800"),
        ("string", "x" * 65_537),
        ("object", "x"),
    ],
)
def test_literal_of_another_type_is_refused(kind: Any, value: Any):
    with pytest.raises(ValidationError):
        FilterLiteral(type=kind, value=value)


@pytest.mark.parametrize("op", ["eq", "neq", "lt", "lteq", "gt", "gteq"])
def test_comparison_takes_one_literal(op: Any):
    assert Comparison(op=op, field="x", value=A).value == A
    for value in ((A,), None):
        with pytest.raises(ValidationError, match="number of literals"):
            Comparison(op=op, field="x", value=value)


@pytest.mark.parametrize("op", ["in", "not_in"])
def test_membership_takes_several_literals(op: Any):
    assert Comparison(op=op, field="x", value=(A, A)).value == (A, A)
    for value in (A, (), None):
        with pytest.raises(ValidationError, match="number of literals"):
            Comparison(op=op, field="x", value=value)


def test_is_null_takes_no_literal():
    assert IS_NULL.value is None
    with pytest.raises(ValidationError, match="number of literals"):
        Comparison(op="is_null", field="x", value=A)


def test_tree_survives_json():
    tree = Junction(op="and", args=(Negation(op="not", arg=IS_NULL), IS_NULL))
    assert PREDICATE.validate_json(tree.model_dump_json()) == tree


@pytest.mark.parametrize(
    "document",
    [
        '{"op": "and", "args": []}',
        '{"op": "xor", "args": []}',
        '{"op": "not"}',
        '{"op": "is_null", "field": "", "value": null}',
        '{"op": "is_null", "field": "x", "value": null, "more": 1}',
        '{"op": "is_null", "field": "x"}',
    ],
)
def test_malformed_tree_is_refused(document: str):
    with pytest.raises(ValidationError):
        PREDICATE.validate_json(document)


def test_filters_are_bounded():
    assert bounded((nested(MAX_PREDICATE_DEPTH),))
    wide = Junction(op="or", args=(IS_NULL,) * (MAX_PREDICATE_NODES - 1))
    assert bounded((wide, wide)) == (wide, wide)
    assert bounded(()) == ()
    with pytest.raises(ValueError, match="at most"):
        bounded((IS_NULL, nested(MAX_PREDICATE_DEPTH + 1)))
    with pytest.raises(ValueError, match="at most"):
        bounded((Junction(op="or", args=(IS_NULL,) * MAX_PREDICATE_NODES),))


@pytest.mark.parametrize(
    "members",
    [
        {"column": "", "method": "drop", "params": {}},
        {"column": "a", "method": "blur", "params": {}},
        {"column": "a", "method": "drop", "params": {"x": 1.5}},
        {"column": "a", "method": "drop", "params": {"x": []}},
        {"column": "a", "method": "drop"},
        {"column": "\ud800", "method": "drop", "params": {}},
    ],
)
def test_malformed_mask_is_refused(members: dict[str, Any]):
    with pytest.raises(ValidationError):
        MaskSpec(**members)
