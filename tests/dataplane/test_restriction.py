from __future__ import annotations

import polars as pl
import pytest

from trustspace.dataplane.restriction import Restriction, portable_type, restrict
from trustspace.errors import PolicyDeniedError
from trustspace.policy.mask import parse_mask
from trustspace.policy.row_filter import parse_where

SALT = b"agreement-bound-salt-0123456789a"
FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3, None],
        "grade": ["A", "B", "A", "A"],
        "phone": ["138-1", "138-2", "138-3", None],
    }
)


def rows(restriction: Restriction, frame: pl.DataFrame = FRAME) -> list[dict[str, object]]:
    return restrict(frame.lazy(), restriction).collect().to_dicts()


def test_an_empty_restriction_changes_nothing() -> None:
    assert Restriction().is_empty
    assert restrict(FRAME.lazy(), Restriction()).collect().equals(FRAME)


@pytest.mark.parametrize(
    "restriction",
    [
        Restriction(filters=(parse_where("id = 1"),)),
        Restriction(columns=("id",)),
        Restriction(masks=(parse_mask("phone:drop"),)),
    ],
)
def test_a_restriction_of_any_kind_is_not_empty(restriction: Restriction) -> None:
    assert not restriction.is_empty


def test_filters_are_joined_by_and() -> None:
    restriction = Restriction(filters=(parse_where('grade = "A"'), parse_where("id > 1")))
    assert [row["id"] for row in rows(restriction)] == [3]


def test_columns_keep_the_order_of_the_table() -> None:
    assert list(rows(Restriction(columns=("phone", "id")))[0]) == ["id", "phone"]


def test_filters_see_values_before_masks_and_columns_hide_them() -> None:
    restriction = Restriction(
        filters=(parse_where('phone >= "138-2" and grade = "A"'),),
        columns=("id", "phone"),
        masks=(parse_mask("phone:null"),),
    )
    assert rows(restriction) == [{"id": 3, "phone": None}]


def test_drop_takes_the_column_out() -> None:
    assert list(rows(Restriction(masks=(parse_mask("phone:drop"),)))[0]) == ["id", "grade"]


def test_a_mask_of_a_column_that_does_not_leave_is_no_harm() -> None:
    restriction = Restriction(columns=("id",), masks=(parse_mask("phone:hash"),), salt=SALT)
    assert rows(restriction)[0] == {"id": 1}


def test_the_same_mask_twice_is_one() -> None:
    restriction = Restriction(masks=(parse_mask("phone:null"), parse_mask("phone:null")))
    assert rows(restriction)[0]["phone"] is None


@pytest.mark.parametrize(
    ("restriction", "term", "subject"),
    [
        (Restriction(columns=("id", "secret")), "ts:columns", "secret"),
        (Restriction(masks=(parse_mask("secret:drop"),)), "ts:mask", "secret"),
        (Restriction(masks=(parse_mask("Phone:null"),)), "ts:mask", "Phone"),
        (Restriction(filters=(parse_where("secret = 1"),)), "ts:rowFilter", "secret"),
        (Restriction(columns=()), "ts:columns", ""),
        (
            Restriction(masks=(parse_mask("phone:null"), parse_mask("phone:partial"))),
            "ts:mask",
            "phone",
        ),
        (Restriction(columns=("id",), masks=(parse_mask("id:drop"),)), "ts:columns", ""),
    ],
)
def test_what_names_something_unknown_or_leaves_nothing_is_denied(
    restriction: Restriction, term: str, subject: str
) -> None:
    with pytest.raises(PolicyDeniedError) as caught:
        restrict(FRAME.lazy(), restriction)
    assert caught.value.code == "pep.unenforceable"
    assert caught.value.reasons[0]["left"] == term
    assert caught.value.reasons[0]["expected"] == subject


def test_the_salt_is_not_shown() -> None:
    assert "agreement-bound" not in repr(Restriction(salt=SALT))


def test_categories_leave_as_text_at_any_depth() -> None:
    category = pl.Categorical()
    assert portable_type(pl.List(category)) == pl.List(pl.String)
    assert portable_type(pl.Array(category, 2)) == pl.Array(pl.String, 2)
    struct = pl.Struct({"a": category, "b": pl.List(pl.Enum(["x"])), "c": pl.Int8})
    assert portable_type(struct) == pl.Struct(
        {"a": pl.String, "b": pl.List(pl.String), "c": pl.Int8}
    )
    frame = pl.DataFrame(
        {"a": ["x", "y"], "b": [["x"], ["y"]], "c": ["x", "y"]},
        schema={"a": category, "b": pl.List(category), "c": pl.Enum(["x", "y"])},
    )
    result = restrict(frame.lazy(), Restriction(masks=(parse_mask("c:null"),))).collect()
    assert result.schema == {"a": pl.String, "b": pl.List(pl.String), "c": pl.String}
    assert result.rows() == [("x", ["x"], None), ("y", ["y"], None)]
