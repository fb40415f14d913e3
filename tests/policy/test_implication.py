"""Constraints of equal meaning have equal keys; what is stricter implies what is weaker."""

import pytest
from tests.policy.offers import COUNT, PURPOSE, UNTIL, part

from trustspace.policy.implication import any_implies, implies, key


def test_alternatives_count_in_an_exclusive_or():
    assert key(part({"xone": [UNTIL, UNTIL]})) != key(part({"xone": [UNTIL]}))
    assert key(part({"or": [UNTIL, PURPOSE]})) == key(part({"or": [PURPOSE, UNTIL]}))


def test_bounds_imply_wider_bounds():
    assert implies(part(COUNT | {"operator": "lt"}), part(COUNT))
    assert not implies(part(COUNT), part(COUNT | {"operator": "lt"}))


@pytest.mark.parametrize("left", ["payAmount", "absoluteSize", "percentage", "delayPeriod"])
def test_amounts_and_durations_have_bounds_too(left):
    def at_least(text: str, operator: str = "gteq", **more: str) -> dict[str, str]:
        return {"leftOperand": left, "operator": operator, "rightOperand": text, **more}

    small, large = ("P1D", "P2D") if left == "delayPeriod" else ("5", "6.5")
    assert implies(part(at_least(large)), part(at_least(small)))
    assert not implies(part(at_least(small)), part(at_least(large)))
    assert not implies(part(at_least(large, "lteq")), part(at_least(small)))
    if left != "delayPeriod":
        other = at_least(large, **{"odrl:unit": "CNY"})
        assert not implies(part(other), part(at_least(small)))


def test_one_of_several_is_enough():
    assert any_implies([part(UNTIL), part(COUNT)], part(COUNT))
    assert not any_implies([part(UNTIL)], part(COUNT))
