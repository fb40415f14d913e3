"""The constraints of a duty: conditions, proof, and when it is due."""

from typing import Any

from tests.policy.offers import PURPOSE, SPATIAL, UNTIL

from trustspace.model.odrl import Offer
from trustspace.policy.duty_terms import DutyTerms
from trustspace.policy.wire_policy import read_list

PAID = {"leftOperand": "payAmount", "operator": "eq", "rightOperand": "5", "odrl:unit": "CNY"}
DELAY = {"leftOperand": "delayPeriod", "operator": "lteq", "rightOperand": "P1D"}


def sorted_terms(*constraints: dict[str, Any]) -> DutyTerms:
    duty = {"action": "inform", "constraint": list(constraints)}
    rule = {"action": "use", "duty": [duty]}
    offer = Offer.read({"@id": "urn:o", "permission": [rule]})
    return DutyTerms.of(read_list(offer.permissions, "permission")[0].duties[0])


def event(operator: str, name: str = "policyUsage") -> dict[str, Any]:
    return {"leftOperand": "event", "operator": operator, "rightOperand": name}


def test_constraints_are_sorted_by_what_they_are_for():
    found = sorted_terms(PAID, PURPOSE, {"or": [SPATIAL, UNTIL]}, DELAY, UNTIL)
    assert [part.src[-1] for part in found.proof] == ["0"]
    assert [part.src[-1] for part in found.binding] == ["1", "2"]
    assert [part.src[-1] for part in found.terms] == ["3", "4"]
    assert (found.delay, found.deadline, found.puts_off) == (86_400, 1798732799, True)
    assert sorted_terms(UNTIL | {"operator": "lteq"}).deadline == 1798732800
    later = sorted_terms(UNTIL | {"operator": "gt"})
    assert (len(later.binding), later.deadline, later.puts_off) == (1, None, False)


def test_one_more_term_never_puts_a_duty_off():
    week = DELAY | {"rightOperand": "P7D"}
    late = UNTIL | {"rightOperand": "2030-01-01T00:00:00Z"}
    for terms in ((DELAY, week, UNTIL, late), (week, DELAY, late, UNTIL)):
        found = sorted_terms(*terms)
        assert (found.delay, found.deadline) == (86_400, 1798732799)


def test_an_event_after_the_use_puts_a_duty_off():
    assert sorted_terms(event("gt")).puts_off
    assert not sorted_terms(event("lt")).puts_off
    assert sorted_terms(event("lt"), DELAY).puts_off
    other = sorted_terms(event("gt", "urn:launch"))
    assert (len(other.binding), other.puts_off) == (1, False)
