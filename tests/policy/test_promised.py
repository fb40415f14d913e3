"""A permission takes what nobody finds out as promised; a prohibition does not."""

from datetime import UTC, datetime

import pytest
from tests.policy.offers import COUNT, PURPOSE, SPATIAL, agreement, lowered

from trustspace.policy.facts import agreement_facts, dataset, evaluate, participant
from trustspace.policy.lower import lower
from trustspace.policy.operands import EVERY_OPERAND
from trustspace.policy.promised import DECLARATIVE, promised
from trustspace.policy.rule import Leaf

CX = "https://w3id.org/catenax/2025/9/policy/"
LIABILITY = {"leftOperand": CX + "Liability", "operator": "eq", "rightOperand": "clause:1"}
VISIBLE = {"leftOperand": "ts:visibility", "operator": "isAnyOf", "rightOperand": ["urn:space"]}


def test_only_what_nobody_finds_out_is_promised():
    rules = lowered(LIABILITY, VISIBLE, COUNT, PURPOSE, SPATIAL)
    assert promised(rules) == {"cx:Liability", "ts:visibility"}
    duty = {"action": "inform", "constraint": [VISIBLE]}
    assert promised(lowered(permission=[{"action": "use", "duty": [duty]}])) == {"ts:visibility"}


def test_nothing_that_a_prohibition_depends_on_is_promised():
    rules = lowered(LIABILITY, prohibition=[{"action": "use", "constraint": [LIABILITY]}])
    assert promised(rules) == frozenset()
    assert promised(lowered(LIABILITY), rules) == frozenset()


def test_a_name_that_nobody_knows_is_not_promised():
    rules = lowered(LIABILITY)
    (rule,) = rules.permissions
    leaves: tuple[Leaf, ...] = tuple(
        leaf.model_copy(update={"left": "acme:mood"}) for leaf in rule.leaves
    )
    foreign = rules.model_copy(
        update={"permissions": (rule.model_copy(update={"leaves": leaves}),)}
    )
    assert promised(foreign) == frozenset()


def test_clauses_are_operands():
    assert set(EVERY_OPERAND) >= DECLARATIVE


@pytest.mark.parametrize("point", ["transfer", "access", "monitor"])
def test_what_was_promised_holds_by_reference_to_the_agreement(engine, point):
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def ask(agreed):
        return evaluate(
            engine,
            point,
            lower(agreed, kind="agreement"),
            action="odrl:use",
            subject=participant("did:web:c"),
            resource=dataset("urn:d"),
            agreement=agreement_facts(agreed, state="FINALIZED", signed=now),
            now=now,
        )

    allowed = ask(agreement(LIABILITY, VISIBLE))
    assert allowed.allow
    assert allowed.deferred == ("p1/c1", "p1/c2")
    forbidden = agreement(LIABILITY, prohibition=[{"action": "use", "constraint": [LIABILITY]}])
    denied = ask(forbidden)
    assert denied.reasons[0].id == "odrl.prohibited"
    assert not ask(agreement(LIABILITY, SPATIAL)).allow
