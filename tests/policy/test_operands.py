"""Every left operand of the vocabulary has a kind, and says how far it binds."""

import pytest

from trustspace.policy.operands import EVERY_OPERAND, known, label_of
from trustspace.policy.vocabulary import LEFT_OPERANDS, OPERATORS, Kind


def test_whatever_a_connector_resolves_may_be_named():
    assert LEFT_OPERANDS.keys() <= EVERY_OPERAND.keys()
    assert len(EVERY_OPERAND) > 100


@pytest.mark.parametrize(
    ("term", "kind"),
    [
        ("payAmount", Kind.DECIMAL),
        ("odrl:absoluteSize", Kind.DECIMAL),
        ("http://www.w3.org/ns/odrl/2/meteredTime", Kind.DURATION),
        ("https://w3id.org/catenax/2025/9/policy/Membership", Kind.IRI),
        ("cx:DataUsageEndDate", Kind.DATE_TIME),
        ("cx:DataUsageEndDurationDays", Kind.INTEGER),
        ("https://w3id.org/trustspace/ns#executionEnv", Kind.IRI),
    ],
)
def test_operands_are_known_in_every_spelling(term: str, kind: Kind):
    assert known(term).kind is kind
    assert known(term).operators == OPERATORS


def test_what_nobody_resolves_binds_by_contract_alone():
    assert label_of("odrl:dateTime") == "enforced"
    assert label_of("odrl:delayPeriod") == "contractual"
    assert label_of("cx:Liability") == "contractual"
