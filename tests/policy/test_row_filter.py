"""Row filters: what is read is what is written, and any other text is a PolicyError."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import PolicyError
from trustspace.policy.predicate import (
    MAX_INTEGER,
    Comparison,
    FilterLiteral,
    Junction,
    Negation,
    Predicate,
)
from trustspace.policy.row_filter import MAX_LENGTH, format_where, parse_where


def string(text: str) -> FilterLiteral:
    return FilterLiteral(type="string", value=text)


def integer(number: int) -> FilterLiteral:
    return FilterLiteral(type="integer", value=number)


def compare(field: str, op: Any, value: Any) -> Comparison:
    return Comparison(op=op, field=field, value=value)


A = compare("a", "eq", integer(1))
B = compare("b", "eq", integer(2))
C = compare("c", "eq", integer(3))


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ('grade = "A"', compare("grade", "eq", string("A"))),
        ("grade != 'A'", compare("grade", "neq", string("A"))),
        ("a < -5", compare("a", "lt", integer(-5))),
        ("a<=5", compare("a", "lteq", integer(5))),
        ("a > 1.50", compare("a", "gt", FilterLiteral(type="decimal", value="1.50"))),
        ("a >= 5", compare("a", "gteq", integer(5))),
        ("a = true", compare("a", "eq", FilterLiteral(type="boolean", value=True))),
        ("a = FALSE", compare("a", "eq", FilterLiteral(type="boolean", value=False))),
        ("a = 2027-01-31", compare("a", "eq", FilterLiteral(type="date", value="2027-01-31"))),
        (
            "a < 2027-01-01T00:00:00+08:00",
            compare("a", "lt", FilterLiteral(type="dateTime", value="2026-12-31T16:00:00Z")),
        ),
        (
            "a < 2027-01-01t00:00:00.5z",
            compare("a", "lt", FilterLiteral(type="dateTime", value="2027-01-01T00:00:00.500000Z")),
        ),
        ('a in ("x", "y")', compare("a", "in", (string("x"), string("y")))),
        ("a not in (1)", compare("a", "not_in", (integer(1),))),
        ("a is null", compare("a", "is_null", None)),
        ("a is not null", Negation(op="not", arg=compare("a", "is_null", None))),
        ("`a b` = 1", compare("a b", "eq", integer(1))),
        ("`a``b` = 1", compare("a`b", "eq", integer(1))),
        ("`and` = 1", compare("and", "eq", integer(1))),
        ('地区 = "华东"', compare("地区", "eq", string("华东"))),
        ("a = 'it''s'", compare("a", "eq", string("it's"))),
        ('a = "say ""x"""', compare("a", "eq", string('say "x"'))),
        ("a = 1 and b = 2 and c = 3", Junction(op="and", args=(A, B, C))),
        (
            "a = 1 and b = 2 or c = 3",
            Junction(op="or", args=(Junction(op="and", args=(A, B)), C)),
        ),
        (
            "a = 1 AND (b = 2 OR c = 3)",
            Junction(op="and", args=(A, Junction(op="or", args=(B, C)))),
        ),
        ("not a = 1 and b = 2", Junction(op="and", args=(Negation(op="not", arg=A), B))),
        ("not (a = 1 and b = 2)", Negation(op="not", arg=Junction(op="and", args=(A, B)))),
        ("((a = 1))", A),
    ],
)
def test_a_filter_is_read(text, predicate):
    assert parse_where(text) == predicate
    assert parse_where(format_where(predicate)) == predicate


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "position 1: expected a column name, found the end", ""),
        ("a", "position 2: expected one of = != < <= > >= in is, found the end", ""),
        ("a =", "position 4: expected a literal, found the end", ""),
        ("a == 1", "position 3: expected one of", "write '=' instead of '=='"),
        ("a <> 1", "position 3: expected one of", "write '!=' instead of '<>'"),
        ("a = 1 && b = 2", "expected 'and', 'or' or the end", "write 'and' instead of '&&'"),
        ("a = null", "expected a literal", "write 'is null' or 'is not null'"),
        ("a = b", "expected a literal, found 'b'", 'text is written in quotes: "b"'),
        ('"a" = 1', "expected a column name", "a column name is written bare or in `backticks`"),
        ("`` = 1", "expected a column name", ""),
        ("and = 1", "expected a column name, found 'and'", ""),
        ("a = 1 b = 2", "position 7: expected 'and', 'or' or the end, found 'b'", ""),
        ("(a = 1", "expected ')', found the end", ""),
        ("a not 1", "expected 'in'", ""),
        ("a is 1", "expected 'null'", ""),
        ("a in 1", "expected '('", ""),
        ("a in ()", "expected a literal", ""),
        ("a in (1", "expected ')'", ""),
        ('a = "x', 'position 5: the quote " is never closed', ""),
        ("`a = 1", "the quote ` is never closed", ""),
        ("a = $", "position 5: cannot read '$'", ""),
        ("a = 1e5", "cannot read '1e5'", ""),
        (f"a = {MAX_INTEGER + 1}", "an integer lies within", ""),
        ("a = " + "9" * 5_000, "an integer lies within", ""),
        ("a = 2027-13-01", "'2027-13-01' is not a date or time", ""),
        ("a = 0001-01-01T00:00:00+10:00", "is not a date or time", ""),
        ("a = 2027-01-01T00:00:00", "a time needs a zone", "2027-01-01T00:00:00+08:00"),
        ("a = 1" + " " * MAX_LENGTH, "at most 8192 characters", ""),
        ("a" * 5_000 + " = 1", "a column has at most 4096 characters", ""),
        ("a = '\ud800'", "half of a surrogate pair", ""),
        ("not " * 17 + "a = 1", "at most 16 levels of nesting", ""),
        ("(" * 17 + "a = 1" + ")" * 17, "at most 16 levels of nesting", ""),
        (" and ".join(["a = 1"] * 500), "500 nodes", ""),
    ],
)
def test_an_error_names_place_and_remedy(text, message, hint):
    with pytest.raises(PolicyError) as caught:
        parse_where(text)
    assert caught.value.code == "policy.where"
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_no_more_parentheses_than_needed():
    text = "(a = 1 or b = 2) and not c in (1, 2) and `or` is not null and not (a = 1 and b = 2)"
    assert format_where(parse_where(text)) == text
    nested = Junction(op="and", args=(Junction(op="and", args=(A, B)), C))
    assert format_where(nested) == "(a = 1 and b = 2) and c = 3"
    assert format_where(Junction(op="or", args=(A,))) == "a = 1"
    single = Junction(op="and", args=(Junction(op="or", args=(A,)), B))
    assert format_where(single) == "a = 1 and b = 2"


@pytest.mark.parametrize(
    "literal",
    [
        FilterLiteral(type="decimal", value="1 or true"),
        FilterLiteral(type="date", value="2027-01-01T00:00:00Z"),
        FilterLiteral(type="dateTime", value="2027-01-01"),
        FilterLiteral(type="dateTime", value="soon"),
    ],
)
def test_a_literal_that_is_not_what_it_says_is_not_written(literal):
    with pytest.raises(PolicyError, match="row filter"):
        format_where(compare("a", "eq", literal))


_literals = st.one_of(
    st.builds(string, st.text(max_size=20)),
    st.builds(integer, st.integers(-MAX_INTEGER, MAX_INTEGER)),
    st.builds(lambda value: FilterLiteral(type="boolean", value=value), st.booleans()),
    st.decimals(
        places=3, allow_nan=False, allow_infinity=False, min_value=-9999, max_value=9999
    ).map(lambda value: FilterLiteral(type="decimal", value=f"{value:f}")),
    st.dates().map(lambda value: FilterLiteral(type="date", value=value.isoformat())),
    st.datetimes().map(lambda value: FilterLiteral(type="dateTime", value=value.isoformat() + "Z")),
)
_columns = st.text(min_size=1, max_size=10)
_comparisons = st.one_of(
    st.builds(
        compare, _columns, st.sampled_from(["eq", "neq", "lt", "lteq", "gt", "gteq"]), _literals
    ),
    st.builds(
        compare,
        _columns,
        st.sampled_from(["in", "not_in"]),
        st.lists(_literals, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(compare, _columns, st.just("is_null"), st.none()),
)
_predicates = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.builds(lambda arg: Negation(op="not", arg=arg), inner),
        st.builds(
            lambda op, args: Junction(op=op, args=tuple(args)),
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        ),
    ),
    max_leaves=8,
)


@given(_predicates)
def test_what_is_written_is_read_back(predicate):
    assert parse_where(format_where(predicate)) == predicate


_WORDS = (
    "a|`b`|and|or|not|in|is|null|(|)|,|=|!=|<|1|-2.5|\"x\"|'y'|true|2027-01-01|"
    '2027-01-01T00:00:00Z|  |"|`|$|\0|é'
)
_words = st.sampled_from(_WORDS.split("|"))


@given(st.one_of(st.text(max_size=60), st.lists(_words, max_size=30).map(" ".join)))
def test_any_text_is_a_filter_or_a_policy_error(text):
    predicate = read_or_none(text)
    assert predicate is None or parse_where(format_where(predicate)) == predicate


def read_or_none(text: str) -> Predicate | None:
    try:
        return parse_where(text)
    except PolicyError:
        return None
