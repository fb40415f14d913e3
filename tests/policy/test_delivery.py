"""The shape of a delivery, apart from the constraints that decide."""

from typing import Any

from trustspace.model.odrl import Offer
from trustspace.policy.constraint import Normal, read_constraints
from trustspace.policy.delivery import Delivery, deciding
from trustspace.policy.row_filter import format_where
from trustspace.policy.rule import Limit
from trustspace.policy.terms import terms


def parts(**keywords: Any) -> tuple[Normal, ...]:
    offer = Offer.read({"@id": "urn:o", **terms(**keywords)})
    return read_constraints(offer.permissions[0].constraints, "/permission/0")


def test_nothing_is_shaped_without_constraints():
    assert Delivery.of((), counter="rule:p1") == Delivery()
    assert Delivery.of(parts(purpose="a"), counter="rule:p1") == Delivery()


def test_rows_columns_masks_and_uses():
    found = Delivery.of(
        parts(where="a = 1", columns=["a", "b"], drop="c", mask={"b": "null"}, count=3),
        counter="rule:p1",
    )
    assert [format_where(predicate) for predicate in found.filters] == ["a = 1"]
    assert found.columns == ("a", "b")
    assert [(mask.column, mask.method) for mask in found.masks] == [("c", "drop"), ("b", "null")]
    assert found.limits == (Limit(counter="rule:p1", max=3, unit="count"),)


def test_what_shapes_does_not_decide_except_the_count():
    kept = deciding(parts(where="a = 1", mask="b", count=3, purpose="a"))
    assert [part.src for part in kept] == [
        "/permission/0/constraint/0",
        "/permission/0/constraint/1",
    ]
