"""Constraints in normal form: spellings vanish, pointers stay."""

from trustspace.model.odrl import Offer
from trustspace.policy.constraint import (
    Atom,
    Group,
    atoms,
    highest_count,
    pointer_part,
    read_constraints,
)

UNTIL = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00Z"}
COUNT = {"leftOperand": "count", "operator": "lt", "rightOperand": "10"}


def read(*constraints: object) -> tuple[Atom | Group, ...]:
    rule = {"action": "use", "constraint": list(constraints)}
    offer = Offer.read({"@id": "urn:o", "@type": "Offer", "permission": [rule]})
    return read_constraints(offer.permissions[0].constraints, "/permission/0")


def test_conjunctions_are_flattened_and_pointers_kept():
    bare = UNTIL | {"leftOperand": "dateTime", "operator": "lt"}
    first, second, group = read({"and": [bare, {"and": [bare]}]}, {"or": [bare, bare]})
    assert isinstance(first, Atom)
    assert (first.left, first.op, first.right) == ("odrl:dateTime", "odrl:lt", 1798761600)
    assert first.src == "/permission/0/constraint/0/and/0"
    assert second.src == "/permission/0/constraint/0/and/1/and/0"
    assert isinstance(group, Group)
    assert (group.kind, len(group.parts)) == ("or", 2)
    assert [atom.src for atom in atoms((first, group))] == [
        "/permission/0/constraint/0/and/0",
        "/permission/0/constraint/1/or/0",
        "/permission/0/constraint/1/or/1",
    ]


def test_a_count_has_a_highest_value():
    assert [highest_count(atom) for atom in atoms(read(COUNT))] == [9]
    assert [highest_count(atom) for atom in atoms(read(COUNT | {"operator": "lteq"}))] == [10]


def test_values_are_a_tuple():
    purposes = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["a", "b"]}
    assert [atom.values for atom in atoms(read(COUNT, purposes))] == [(10,), ("a", "b")]


def test_pointer_parts_are_escaped():
    assert pointer_part("a/b~c") == "a~1b~0c"
