"""The sentence of each reason, word by word."""

import pytest
from tests.policy.reasons import PURPOSE, reason

from trustspace.policy.decision import REASONS
from trustspace.policy.explain import explain, summary
from trustspace.policy.messages import LANGUAGES


def test_a_window_that_is_used_up_says_when_the_next_one_opens():
    cause = {
        "id": "pep.limit_reached",
        "left": "ts:frequency",
        "op": "odrl:lteq",
        "expected": 3,
        "unit": "P1D+08:00",
        "opens": 1798732800,
    }
    (sentence,) = explain([cause], remote=True)
    assert sentence == (
        "what was agreed is used up: the number of uses per window must be at most 3/P1D+08:00"
        " - the next window opens at 2026-12-31T16:00:00Z;"
        " for more than 3 negotiate a new agreement"
    )
    (chinese,) = explain([cause], language="zh", remote=True)
    assert "下一个时间窗口于 2026-12-31T16:00:00Z 开启" in chinese
    (unsure,) = explain([cause | {"opens": True}], remote=True)
    assert unsure.endswith("wait for the next window, or negotiate a new agreement for more than 3")


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words(name, language):
    full = reason(**PURPOSE | {"id": name, "expected": 5})
    bare = reason(id=name)
    for each in (full, bare):
        (sentence,) = explain([each], language=language)
        assert sentence
        assert "None" not in explain([full], language=language)[0]
        assert summary([each], language=language)
    assert name not in explain([full], language=language)[0]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {"left": "odrl:dateTime", "op": "odrl:lt", "expected": 1798732800},
            (
                "the time must be before 2026-12-31T16:00:00Z - it was valid until"
                " 2026-12-31T16:00:00Z: negotiate a new agreement"
            ),
        ),
        (
            {"left": "odrl:dateTime", "op": "odrl:gteq", "expected": 0, "actual": -1},
            (
                "the time must not be before 1970-01-01T00:00:00Z; it was 1969-12-31T23:59:59Z"
                " - it is valid from 1970-01-01T00:00:00Z"
            ),
        ),
        (
            {"left": "odrl:count", "op": "odrl:lteq", "expected": 10, "actual": 11},
            (
                "the number of uses must be at most 10; it was 11"
                " - negotiate a new agreement for more than 10 uses"
            ),
        ),
        (
            {"left": "ts:dataRecord", "op": "odrl:lteq", "expected": 10, "actual": 11},
            (
                "the number of rows must be at most 10; it was 11"
                " - negotiate a new agreement for more than 10"
            ),
        ),
        (
            {"left": "ts:dataSize", "op": "odrl:lteq", "expected": 5 * 10**6, "unit": "P1D"},
            (
                "the size delivered must be at most 5MB/P1D"
                " - wait for the next window, or negotiate a new agreement for more than 5MB"
            ),
        ),
        (
            {"left": "odrl:meteredTime", "op": "odrl:lteq", "expected": 28_800},
            (
                "the running time of deliveries must be at most PT8H"
                " - negotiate a new agreement for more than PT8H"
            ),
        ),
        (
            {"left": "odrl:purpose", "op": "odrl:isNoneOf", "expected": ("x",)},
            "the purpose must be none of x - ask for a purpose other than x",
        ),
        (
            {"left": "odrl:spatial", "op": "odrl:isPartOf", "expected": "CN", "actual": "DE"},
            "the place of use must be within CN; it was DE - use it within CN",
        ),
        (
            {"left": "odrl:spatial", "op": "odrl:isNoneOf", "expected": ("DE",)},
            "the place of use must be none of DE",
        ),
        (
            {"left": "odrl:recipient", "op": "odrl:isAnyOf", "expected": ("did:web:x",)},
            "the recipient must be one of did:web:x - it is only for did:web:x",
        ),
        (
            {"left": "ts:outputForm", "op": "odrl:isAnyOf", "expected": ("model",)},
            "the form of the result must be one of model - ask for the result as model",
        ),
        (
            {"left": "cx:Membership", "op": "odrl:eq", "expected": "active"},
            "the membership must be active",
        ),
        (
            {
                "id": "odrl.duty.unfulfilled",
                "left": "odrl:payAmount",
                "op": "odrl:eq",
                "expected": 500,
                "unit": "CNY",
            },
            (
                "a duty must be done first: the amount paid must be 500 CNY"
                " - do it and hand in the evidence"
            ),
        ),
        (
            {"id": "odrl.duty.unfulfilled", "expected": "odrl:compensate"},
            "a duty must be done first: pay - do it and hand in the evidence",
        ),
        (
            {"id": "odrl.obligation.overdue", "op": "odrl:delete", "expected": 0, "actual": 9},
            "an obligation is overdue: delete, due 1970-01-01T00:00:00Z",
        ),
        ({"id": "odrl.prohibited", "expected": "odrl:sell"}, "it is prohibited to sell"),
        (
            {"id": "odrl.logic.unsatisfied", "op": "xone"},
            "the alternatives joined by xone do not hold",
        ),
        (
            {"id": "odrl.operand.unknown", "left": "acme:x", "op": "odrl:eq", "expected": 1},
            (
                "the term acme:x is not understood, so it counts against the request"
                " - ask the provider for an offer without it"
            ),
        ),
        (
            {"id": "fact.unavailable", "left": "odrl:spatial", "op": "odrl:eq", "expected": "CN"},
            (
                "the place of use must be CN, but this is not known now"
                " - have it attested, or try again later"
            ),
        ),
        (
            {"id": "fact.unavailable", "left": "odrl:purpose", "op": "odrl:eq", "expected": "a"},
            "the purpose must be a, but this is not known now - state the purpose: a",
        ),
        (
            {"id": "agreement.not_active", "expected": "FINALIZED", "actual": "REVOKED"},
            "the agreement is not in force; it was REVOKED - negotiate a new agreement",
        ),
        (
            {"id": "pep.unenforceable", "left": "ts:mask", "expected": "x:redact_pii"},
            "the masks x:redact_pii cannot be carried out here",
        ),
        (
            {"id": "pep.unenforceable", "expected": "ts:log"},
            "log cannot be carried out here",
        ),
        (
            {"id": "pep.limit_reached", "expected": 10},
            "what was agreed is used up - negotiate a new agreement",
        ),
        ({"id": "engine.deadline"}, "the decision did not come in time - try again later"),
    ],
)
def test_sentences(members, sentence):
    assert explain([reason(**{"id": "odrl.constraint.unsatisfied"} | members)]) == (sentence,)
