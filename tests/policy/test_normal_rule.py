"""Rules in normal form: equal keys for equal meaning; what cannot be read is an error."""

import pytest

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import Offer, Rule
from trustspace.policy.constraint import Normal
from trustspace.policy.normal_rule import normal_rules

UNTIL = {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00:00Z"}
PURPOSE = {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["a", "b"]}
COUNT = {"leftOperand": "count", "operator": "lteq", "rightOperand": "10"}


def rules(*constraints: object, action: str = "use") -> tuple[Rule, ...]:
    rule = {"action": action, "constraint": list(constraints)}
    return Offer.read({"@id": "urn:o", "permission": [rule]}).permissions


def part(constraint: object) -> Normal:
    return normal_rules(rules(constraint), "permission")[0].parts[0]


def test_rules_with_equal_keys_mean_the_same():
    (one,) = normal_rules(rules(UNTIL, PURPOSE), "permission")
    (other,) = normal_rules(
        rules({"and": [PURPOSE | {"rightOperand": ["b", "a"]}, UNTIL]}), "permission"
    )
    assert one.key == other.key
    assert one.key != normal_rules(rules(UNTIL), "permission")[0].key
    assert (one.action, one.src) == ("odrl:use", "/permission/0")


def test_a_rule_fulfils_what_it_is_as_strict_as():
    (rule,) = normal_rules(rules(UNTIL, PURPOSE), "permission")
    assert rule.fulfils(part(UNTIL))
    assert not rule.fulfils(part(COUNT))


def test_actions_are_those_of_the_kind_of_rule():
    assert normal_rules(rules(action="delete"), "obligation")[0].action == "odrl:delete"
    with pytest.raises(UnsupportedTermError) as caught:
        normal_rules(rules(action="delet"), "obligation")
    assert caught.value.location == "/obligation/0/action"
    with pytest.raises(PolicyError):
        normal_rules(rules(UNTIL | {"rightOperand": "soon"}), "permission")
