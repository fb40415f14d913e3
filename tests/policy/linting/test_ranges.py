"""Contradictions and implications are true of every value, tried out."""

from __future__ import annotations

from itertools import product

import pytest

from trustspace.policy.constraint import Atom
from trustspace.policy.linting.ranges import clash, implies, impossible, same_thing
from trustspace.policy.operands import known
from trustspace.policy.rule import Operator

ORDERED: tuple[Operator, ...] = (
    "odrl:lt",
    "odrl:lteq",
    "odrl:gt",
    "odrl:gteq",
    "odrl:eq",
    "odrl:neq",
)
LISTS: tuple[Operator, ...] = ("odrl:isAnyOf", "odrl:isAllOf", "odrl:isNoneOf")
NUMBERS = range(5)
NAMES = ("a", "b", "c")
SETS = [
    frozenset(name for name, bit in zip(NAMES, bits, strict=True) if bit)
    for bits in product((0, 1), repeat=3)
][1:]


def number(op: Operator, right: int) -> Atom:
    return Atom(known("odrl:count"), op, right, "/c")


def names(op: Operator, *right: str) -> Atom:
    value = right[0] if op in ("odrl:eq", "odrl:neq") else right
    return Atom(known("odrl:purpose"), op, value, "/c")


def meets(atom: Atom, value: int) -> bool:
    right = atom.right
    assert isinstance(right, int)
    return {
        "odrl:lt": value < right,
        "odrl:lteq": value <= right,
        "odrl:gt": value > right,
        "odrl:gteq": value >= right,
        "odrl:eq": value == right,
        "odrl:neq": value != right,
    }[atom.op]


def holds(atom: Atom, left: frozenset[str]) -> bool:
    right = set(map(str, atom.values))
    return {
        "odrl:eq": left == right,
        "odrl:neq": left != right,
        "odrl:isAnyOf": bool(left & right),
        "odrl:isAllOf": left <= right,
        "odrl:isNoneOf": not left & right,
    }[atom.op]


def test_numbers():
    every = [number(op, right) for op in ORDERED for right in NUMBERS]
    tried = range(-1, 7)
    for one, other in product(every, every):
        possible = [value for value in tried if value >= 0]
        if clash(one, other):
            assert not any(meets(one, value) and meets(other, value) for value in possible)
        if implies(one, other):
            assert all(meets(other, value) for value in possible if meets(one, value))
    assert clash(number("odrl:lt", 3), number("odrl:gteq", 3))
    assert not clash(number("odrl:lteq", 3), number("odrl:gteq", 3))
    assert implies(number("odrl:eq", 3), number("odrl:gt", 2))


def test_lists():
    every = [names(op, *sorted(values)) for op in LISTS for values in SETS]
    every += [names(op, name) for op in ("odrl:eq", "odrl:neq") for name in NAMES]
    clashes = 0
    for one, other in product(every, every):
        if clash(one, other):
            clashes += 1
            assert not any(holds(one, left) and holds(other, left) for left in SETS), (one, other)
        if implies(one, other):
            assert all(holds(other, left) for left in SETS if holds(one, left)), (one, other)
    assert clashes > 50


@pytest.mark.parametrize(
    ("atom", "is_so"),
    [
        (number("odrl:lt", 0), True),
        (number("odrl:lt", 1), False),
        (number("odrl:neq", 0), False),
        (Atom(known("odrl:purpose"), "odrl:eq", (), "/c"), True),
        (names("odrl:eq", "a"), False),
        (Atom(known("odrl:dateTime"), "odrl:lt", -5, "/c"), False),
    ],
)
def test_impossible(atom: Atom, is_so: bool):
    assert impossible(atom) is is_so


def test_the_same_thing():
    start = Atom(known("odrl:dateTime"), "odrl:gt", 1, "/a")
    end = Atom(known("edc:inForceDate"), "odrl:lt", 1, "/b")
    euros = Atom(known("odrl:payAmount"), "odrl:eq", 1, "/c", "EUR")
    yuan = Atom(known("odrl:payAmount"), "odrl:eq", 1, "/d", "CNY")
    assert same_thing(start, end)
    assert not same_thing(euros, yuan)
