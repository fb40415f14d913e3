"""Explanations: every reason has words in both languages, from whomever it comes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.policy.reasons import PURPOSE, decision, reason

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.policy.decision import (
    REASONS,
    Comparison,
    FilterLiteral,
    Limit,
    MaskSpec,
    Obligation,
)
from trustspace.policy.explain import advice, error_reason, explain, remote_reasons, summary
from trustspace.policy.messages import LANGUAGES


def test_a_sentence_names_demand_finding_help_and_place():
    assert explain([reason(**PURPOSE)]) == (
        (
            "the purpose must be one of credit-scoring, research; it was marketing"
            " - ask for purpose credit-scoring or research [rule p1, /permission/0/constraint/0]"
        ),
    )
    chinese = explain([reason(**PURPOSE)], language="zh")[0]
    for part in ("用途必须是以下之一", "credit-scoring、research", "实际为 marketing", "请以用途"):
        assert part in chinese
    assert "规则 p1, /permission/0/constraint/0" in chinese


def test_a_counterparty_does_not_learn_what_was_found():
    assert "marketing" not in explain([reason(**PURPOSE)], remote=True)[0]


def test_the_consumer_explains_from_the_reasons_alone():
    sent = remote_reasons(decision(reason(**PURPOSE)))
    assert sent == [
        {
            "id": "odrl.constraint.unsatisfied",
            "src": "/permission/0/constraint/0",
            "left": "odrl:purpose",
            "op": "odrl:isAnyOf",
            "expected": ["credit-scoring", "research"],
        }
    ]
    assert explain(sent) == (
        (
            "the purpose must be one of credit-scoring, research"
            " - ask for purpose credit-scoring or research [/permission/0/constraint/0]"
        ),
    )
    assert advice(sent) == "ask for purpose credit-scoring or research"
    assert advice(sent, language="zh") == "请以用途 credit-scoring 或 research 申请"


def test_a_stranger_does_not_learn_whose_agreement_it_is():
    sent = remote_reasons(decision(reason(id="agreement.party", expected="did:web:c")))
    assert sent == [{"id": "agreement.party"}]


def test_the_permission_that_came_closest_is_first():
    reasons = [
        reason(**PURPOSE | {"rule": "p1"}),
        reason(**PURPOSE | {"rule": "p1", "left": "odrl:count"}),
        reason(**PURPOSE | {"rule": "p2"}),
        reason(id="odrl.prohibited", rule="x1", expected="odrl:use"),
    ]
    assert [sentence.split("[")[1][:7] for sentence in explain(reasons)] == [
        "rule x1",
        "rule p2",
        "rule p1",
        "rule p1",
    ]
    remote = [{**PURPOSE, "rule": None, "src": f"/permission/{n}/constraint/0"} for n in (1, 1, 0)]
    assert "/permission/0" in explain(remote)[0]


def test_texts_of_a_peer():
    assert explain(["odrl.no_permission"]) == (
        "no permission covers this action, dataset and party",
    )
    assert explain(["we do not like you"]) == ("refused: we do not like you",)
    assert explain(['{"id": "engine.deadline"}'])[0].startswith("the decision did not come")
    assert explain(['{"id": broken']) == ('refused: {"id": broken',)
    assert explain(["{}"]) == ("refused: ?",)
    assert explain(["\ud800{"])[0].startswith("refused: ")
    assert explain(['{"id": "\ud800"}'])[0].startswith("refused: ")


def test_reasons_may_bring_a_text():
    assert explain([{"id": "offer.wider", "text": "it is wider\x07"}]) == (
        (
            "the offer asks for more than the provider's: it is wider\ufffd"
            " - send an offer of the catalogue, changed only by narrowing it"
        ),
    )
    assert explain([{"id": "acme.no", "text": "we are closed"}]) == ("refused: we are closed",)
    wider = PURPOSE | {"id": "offer.wider"}
    assert "the purpose must be one of" in explain([wider])[0]
    assert advice([wider]) == "ask for purpose credit-scoring or research"


def test_a_refused_policy_is_a_reason_too():
    error = UnsupportedTermError(
        "left operand 'x' is not supported", code="policy.unsupported", location="/permission/0"
    )
    sent = error_reason(error)
    assert sent == {
        "id": "policy.unsupported",
        "src": "/permission/0",
        "text": "left operand 'x' is not supported",
    }
    assert explain([sent]) == (
        (
            "the policy has a term that cannot be evaluated: left operand 'x' is not supported"
            " - ask the provider for an offer without it [/permission/0]"
        ),
    )
    assert error_reason(PolicyError("too large", code="policy.limit")) == {
        "id": "policy.limit",
        "text": "too large",
    }


def test_many_reasons_are_cut():
    assert len(explain([reason(id="engine.fault")] * 200)) == 50
    assert len(remote_reasons(decision(*[reason(id="engine.fault")] * 200))) == 50


def test_a_summary_of_a_denial():
    denied = decision(reason(**PURPOSE), reason(id="odrl.no_permission"))
    assert summary(denied) == (
        "refused: no permission covers this action, dataset and party (and 1 more)"
    )
    assert summary(denied.reasons[:1], language="zh").startswith("拒绝")
    assert summary([]) == "refused: ?"
    assert advice([reason(id="odrl.no_permission")]) == ""


def test_a_summary_of_an_allow():
    assert summary(decision()) == "allowed"
    assert summary(decision(), language="zh") == "允许"
    literal = FilterLiteral(type="integer", value=1)
    duty: dict[str, Any] = {"rule": None, "params": {}, "on_failure": "suspend", "src": ""}
    allowed = decision(
        effect="conditional",
        limits=(Limit(counter="rule:p1", max=3, unit="count"),),
        filters=(Comparison(op="eq", field="a", value=literal),),
        columns=("a", "b"),
        masks=(MaskSpec(column="a", method="hash", params={}),),
        obligations=(
            Obligation.model_validate(
                duty | {"id": "d1", "action": "odrl:delete", "when": "after", "due": 0}
            ),
            Obligation.model_validate(
                duty | {"id": "d2", "action": "ts:log", "when": "during", "due": None}
            ),
        ),
    )
    assert summary(allowed) == (
        "allowed once the duties are done - 3 uses; rows where a = 1; columns a, b;"
        " masked a:hash; owed: delete (1970-01-01T00:00:00Z); owed: log"
    )


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
_names = st.sampled_from(["odrl:dateTime", "odrl:purpose", "odrl:lt", "isAnyOf", "acme:x", ""])
_reasons = st.one_of(
    st.text(max_size=20),
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.one_of(st.sampled_from(sorted(REASONS)), st.text(max_size=9), _values),
            "src": st.one_of(st.text(max_size=9), _values),
            "left": st.one_of(_names, _values),
            "op": st.one_of(_names, _values),
            "expected": _values,
            "actual": _values,
            "text": _values,
        },
    ),
)


@given(st.lists(_reasons, max_size=4), st.sampled_from(LANGUAGES), st.booleans())
def test_any_reasons_of_a_stranger_have_printable_words(reasons, language, remote):
    sentences = explain(reasons, language=language, remote=remote)
    assert len(sentences) == len(reasons)
    assert all(sentence and sentence.isprintable() for sentence in sentences)
    assert summary(reasons, language=language).isprintable()
    assert advice(reasons, language=language).isprintable()
