"""Policies: shape, connectives, what is refused."""

from typing import Any

import pytest

from trustspace.errors import RemoteProtocolError
from trustspace.model.odrl import (
    Agreement,
    AtomicConstraint,
    LogicalConstraint,
    Offer,
    Policy,
    Rule,
)

ATOM = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}
PERMISSION = {"action": "use", "constraint": [ATOM]}


def test_an_offer():
    document = {"@id": "o1", "@type": "Offer", "permission": [PERMISSION], "assigner": "did:web:a"}
    offer = Offer.read(document)
    assert offer.permissions[0].action == "use"
    assert isinstance(offer.permissions[0].constraints[0], AtomicConstraint)
    assert offer.to_wire() == document


def test_the_class_is_filled_in():
    assert Offer.read({"@id": "o1", "permission": [PERMISSION]}).to_wire()["@type"] == "Offer"


def test_an_agreement_names_both_parties_and_the_dataset():
    document = {
        "@id": "a1",
        "@type": "Agreement",
        "target": "d1",
        "assigner": "did:web:a",
        "assignee": "did:web:b",
        "timestamp": "2026-11-24T10:00:00Z",
        "permission": [PERMISSION],
    }
    assert Agreement.read(document).to_wire() == document
    for name in ("target", "assigner", "assignee"):
        with pytest.raises(RemoteProtocolError, match=name):
            Agreement.read({key: value for key, value in document.items() if key != name})


@pytest.mark.parametrize("wire_name", ["and", "or", "xone", "andSequence"])
def test_a_logical_constraint_has_its_connective_and_parts(wire_name):
    rule = Rule.read({"action": "use", "constraint": [{wire_name: [ATOM, {"or": [ATOM]}]}]})
    constraint = rule.constraints[0]
    assert isinstance(constraint, LogicalConstraint)
    assert constraint.connective == wire_name
    assert constraint.parts[0] == AtomicConstraint.read(ATOM)
    assert isinstance(constraint.parts[1], LogicalConstraint)


@pytest.mark.parametrize(
    "constraint",
    [
        {},
        {"and": []},
        {"and": [ATOM], "or": [ATOM]},
        {"and": [ATOM], "or": []},
        {"and": [ATOM], **ATOM},
        {"and": [ATOM], "leftOperand": "purpose"},
        {"and": [], **ATOM},
        {"and": [{"leftOperand": "purpose"}]},
        {"and": ATOM},
        ATOM | {"operator": "gte"},
        ATOM | {"rightOperand": 5},
        ATOM | {"rightOperand": None},
        ATOM | {"leftOperand": {"@id": "purpose"}},
        {"leftOperand": "purpose", "operator": "eq"},
        "purpose",
    ],
)
def test_a_constraint_is_either_a_comparison_or_one_connective(constraint):
    with pytest.raises(RemoteProtocolError):
        Rule.read({"action": "use", "constraint": [constraint]})


@pytest.mark.parametrize("right", ["x", ["x", "y"], {"@value": "5", "@type": "xsd:integer"}, []])
def test_right_operands(right):
    document = ATOM | {"rightOperand": right}
    assert AtomicConstraint.read(document).right_operand == right
    assert AtomicConstraint.read(document).to_wire() == document


@pytest.mark.parametrize("rules", [{}, {"permission": []}, {"obligation": [{"action": "delete"}]}])
def test_a_policy_that_permits_and_prohibits_nothing_is_empty(rules):
    assert Offer.read({"@id": "o1", **rules}).is_empty
    for kind in ("permission", "prohibition"):
        assert not Offer.read({"@id": "o1", **rules, kind: [{"action": "use"}]}).is_empty


def test_rules_are_a_list():
    with pytest.raises(RemoteProtocolError):
        Offer.read({"@id": "o1", "permission": {}})


@pytest.mark.parametrize("rule", [{}, {"action": {"@id": "use"}}, {"action": ["use"]}, "use"])
def test_a_rule_has_one_action_a_string(rule):
    with pytest.raises(RemoteProtocolError):
        Offer.read({"@id": "o1", "permission": [rule]})


def test_profiles_are_one_or_many():
    for profile in ("urn:p", ["urn:p", "urn:q"]):
        document = {"@id": "o1", "profile": profile, "permission": [PERMISSION]}
        assert Offer.read(document).to_wire()["profile"] == profile


def test_rules_are_enumerated_with_their_pointers():
    duty: dict[str, Any] = {"action": "delete"}
    policy = Policy.read(
        {
            "@id": "p1",
            "@type": "Set",
            "permission": [PERMISSION | {"duty": [duty]}, PERMISSION],
            "prohibition": [{"action": "distribute"}],
            "obligation": [duty],
        }
    )
    assert [(pointer, rule.action) for pointer, rule in policy.rules()] == [
        ("/permission/0", "use"),
        ("/permission/1", "use"),
        ("/prohibition/0", "distribute"),
        ("/obligation/0", "delete"),
    ]
    assert policy.permissions[0].duties[0].action == "delete"
