"""The ledger: nothing is claimed that the software does not do."""

import pytest

from trustspace.errors import PolicyError
from trustspace.model.odrl import Offer
from trustspace.policy.facts import Capabilities
from trustspace.policy.ledger import (
    CONNECTOR,
    Abilities,
    Delivering,
    Term,
    ledger,
    promises,
    require,
    words,
)
from trustspace.policy.lower import lower
from trustspace.policy.lowering import lower_document
from trustspace.policy.messages import LANGUAGES, catalogue
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.terms import terms
from trustspace.policy.vocabulary import DUTIES, LEFT_OPERANDS, to_wire

FILE = Delivering(forms=("file",))
CALLS = Delivering(forms=("api",))


def rules_of(rules):
    return lower(Offer.read({"@id": "urn:o", **rules}), kind="offer")


def constrained(left, op, right, action="use"):
    constraint = {"leftOperand": left, "operator": op, "rightOperand": right}
    return {"permission": [{"action": action, "constraint": [constraint]}]}


def by_term(found):
    return {one.term: (one.provider, one.consumer, one.why) for one in found}


def test_each_term_has_a_label_per_side():
    rules = terms(
        purpose="a",
        count=3,
        until="2027-01-01",
        recipient="did:web:c",
        spatial="CN",
        where="a = 1",
        drop="x",
        mask="y",
        prohibit=["sell", "ts:train"],
        delete_after="P1D",
        log=True,
    )
    rules["prohibition"][0]["constraint"] = [
        {"leftOperand": "spatial", "operator": "eq", "rightOperand": "DE"}
    ]
    assert ledger(rules_of(rules)) == (
        Term("/permission/0", "ts:rowFilter", "enforced", "enforced", "ledger.shape"),
        Term("/permission/0", "ts:columns", "enforced", "enforced", "ledger.shape"),
        Term("/permission/0", "ts:mask", "enforced", "enforced", "ledger.shape"),
        Term(
            "/permission/0/constraint/0",
            "odrl:purpose",
            "attested",
            "contractual",
            "ledger.purpose",
        ),
        Term(
            "/permission/0/constraint/1", "odrl:dateTime", "enforced", "contractual", "ledger.time"
        ),
        Term("/permission/0/constraint/2", "odrl:count", "enforced", "contractual", "ledger.count"),
        Term(
            "/permission/0/constraint/3",
            "odrl:spatial",
            "attested",
            "contractual",
            "ledger.spatial",
        ),
        Term(
            "/permission/0/constraint/4",
            "odrl:recipient",
            "enforced",
            "contractual",
            "ledger.recipient",
        ),
        Term(
            "/prohibition/0/constraint/0",
            "odrl:spatial",
            "attested",
            "contractual",
            "ledger.spatial",
        ),
        Term("/prohibition/0", "odrl:sell", "contractual", "contractual", "ledger.prohibited"),
        Term("/prohibition/1", "ts:train", "contractual", "contractual", "ledger.prohibited"),
        Term("/obligation/0", "odrl:delete", "attested", "contractual", "ledger.duty.heard"),
        Term("/obligation/1", "ts:log", "enforced", "contractual", "ledger.duty.performed"),
    )
    assert ledger(rules_of(terms())) == ()
    assert by_term(ledger(rules_of(terms(columns=["a"])))) == {
        "ts:columns": ("enforced", "enforced", "ledger.shape")
    }


def test_the_tables_of_the_vocabulary_say_the_same():
    for name, operand in LEFT_OPERANDS.items():
        if not operand.shapes_delivery:
            able = operand.stated or name in CONNECTOR.observes | CONNECTOR.believes
            assert (operand.label != "contractual") == able, name
            assert (operand.label == "enforced") == (name in CONNECTOR.observes), name
    for name, label in DUTIES.items():
        assert (label == "enforced") == (name in CONNECTOR.performs), name
    assert set(DUTIES) == CONNECTOR.performs | CONNECTOR.hears | CONNECTOR.proves
    assert CONNECTOR.delivery.duties == CONNECTOR.performs


def test_a_file_leaves_whole_and_an_unknown_mask_is_not_made():
    shaped = rules_of(terms(where="a = 1", drop="x", mask="y"))
    whole = ("contractual", "contractual", "ledger.shape.whole")
    assert by_term(ledger(shaped, delivering=FILE)) == dict.fromkeys(
        ("ts:rowFilter", "ts:columns", "ts:mask"), whole
    )
    unable = Abilities(delivery=Capabilities(masks=frozenset({"drop"})))
    found = by_term(ledger(shaped, abilities=unable))
    assert found["ts:mask"] == ("contractual", "contractual", "ledger.mask.unknown")
    assert found["ts:columns"][0] == "enforced"
    bytes_only = Abilities(delivery=Capabilities(shapes_tables=False))
    assert by_term(ledger(shaped, abilities=bytes_only))["ts:rowFilter"] == whole


def test_calls_are_counted_one_by_one():
    rules = rules_of(terms(count=3, frequency="2/P1D", until="2027-01-01", purpose="a"))
    found = by_term(ledger(rules, delivering=CALLS))
    assert found["odrl:count"] == ("enforced", "contractual", "ledger.count.call")
    assert found["ts:frequency"] == found["odrl:count"]
    assert found["odrl:dateTime"] == ("enforced", "contractual", "ledger.time.call")
    assert found["odrl:purpose"] == ("attested", "contractual", "ledger.purpose")


def test_amounts_are_counted_where_they_can_be_seen():
    rules = rules_of(terms(rows=10, size="1MB/P1D", metered="PT1H", elapsed="P30D"))
    able = Abilities(delivery=Capabilities(counts=frozenset({"use", "row", "byte", "second"})))
    amount = ("enforced", "contractual", "ledger.amount")
    expected = {
        "ts:dataRecord": amount,
        "ts:dataSize": amount,
        "odrl:meteredTime": ("enforced", "contractual", "ledger.running"),
        "odrl:elapsedTime": ("enforced", "contractual", "ledger.elapsedTime"),
    }
    assert by_term(ledger(rules, abilities=able)) == expected
    whole = expected | {"ts:dataRecord": ("contractual", "contractual", "ledger.rows.whole")}
    assert by_term(ledger(rules, abilities=able, delivering=FILE)) == whole
    assert by_term(ledger(rules, abilities=able, delivering=CALLS)) == whole
    unable = Abilities(delivery=Capabilities(counts=frozenset({"use"})))
    found = by_term(ledger(rules, abilities=unable))
    assert found["ts:dataSize"] == ("contractual", "contractual", "ledger.unresolved")


@pytest.mark.parametrize("left", ["ts:destination", "ts:outputForm"])
def test_what_nobody_finds_out_is_contractual(left):
    rules = rules_of(constrained(left, "eq", "CN"))
    assert by_term(ledger(rules)) == {left: ("contractual", "contractual", "ledger.unresolved")}


@pytest.mark.parametrize("left", ["ts:credential", "cx:Membership"])
def test_what_is_stated_of_a_counterparty_is_attested(left):
    found = by_term(ledger(rules_of(constrained(to_wire(left), "eq", "x"))))
    assert found == {left: ("attested", "contractual", "ledger.stated")}


def test_foreign_operands_and_operators_that_mean_nothing_here_are_contractual():
    document = constrained("https://w3id.org/catenax/2025/9/policy/Warranty", "eq", "active")
    document["permission"][0]["constraint"].append(
        {"leftOperand": "count", "operator": "gteq", "rightOperand": 3}
    )
    document["permission"][0]["target"] = "urn:d"
    document["permission"][0]["duty"] = [
        {
            "action": "compensate",
            "consequence": [{"action": "inform"}],
            "constraint": [{"leftOperand": "event", "operator": "lt", "rightOperand": "x"}],
        }
    ]
    document |= {"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Set", "uid": "urn:p"}
    rules = lower_document(read_policy(document)).policies[0]
    first = ("enforced", "contractual", "ledger.duty.before")
    unresolved = ("contractual", "contractual", "ledger.unresolved")
    found = by_term(ledger(rules))
    assert found["odrl:count"] == unresolved
    assert found["cx:Warranty"] == ("contractual", "contractual", "ledger.declared")
    assert found["odrl:compensate"] == found["odrl:inform"] == first


def test_a_duty_counts_by_what_is_done_about_it():
    rules = rules_of(terms(delete_after="P1D", log=True))
    proving = Abilities(proves=frozenset({"odrl:delete"}))
    found = by_term(ledger(rules, abilities=proving))
    assert found["odrl:delete"] == ("attested", "attested", "ledger.duty.proved")
    first = rules.obligations[1].model_copy(update={"when": "before"})
    other = rules.obligations[0].model_copy(update={"when": "before"})
    before = rules.model_copy(update={"obligations": (first, other)})
    assert {one.provider for one in ledger(before)} == {"enforced"}
    marking = rules.obligations[0].model_copy(update={"action": "odrl:watermark"})
    owed = rules.model_copy(update={"obligations": (marking,)})
    assert by_term(ledger(owed))["odrl:watermark"][2] == "ledger.duty.promised"
    every = rules_of(terms(inform=True, report=True, notify=True, attribute=True, delete=True))
    assert by_term(ledger(every)) == {
        "odrl:delete": ("attested", "contractual", "ledger.duty.heard"),
        "odrl:inform": ("attested", "contractual", "ledger.duty.heard"),
        "ts:report": ("attested", "contractual", "ledger.duty.heard"),
        "ts:notify": ("attested", "attested", "ledger.duty.proved"),
        "odrl:attribute": ("enforced", "contractual", "ledger.duty.performed"),
    }
    late = rules.obligations[0].model_copy(update={"action": "odrl:compensate"})
    paid = rules.model_copy(update={"obligations": (late,)})
    assert by_term(ledger(paid))["odrl:compensate"][2] == "ledger.duty.proved"


def test_a_prohibition_binds_where_the_provider_is_asked():
    prohibited = rules_of(terms(prohibit=["use", "modify", "distribute"]))
    found = by_term(ledger(prohibited))
    assert found["odrl:use"] == ("enforced", "contractual", "ledger.prohibited.delivery")
    assert found["odrl:modify"] == ("enforced", "contractual", "ledger.prohibited.never_served")
    assert found["odrl:distribute"] == ("contractual", "contractual", "ledger.prohibited")
    writing = Delivering(forms=("api",), writes=True)
    assert by_term(ledger(prohibited, delivering=writing))["odrl:modify"][0] == "contractual"


def test_a_prohibition_binds_on_the_action_that_the_permission_names():
    training = by_term(ledger(rules_of(terms(action="ts:train", prohibit=["ts:train", "use"]))))
    assert training["ts:train"][0] == training["odrl:use"][0] == "enforced"
    inferring = by_term(ledger(rules_of(terms(action="ts:train", prohibit=["ts:infer"]))))
    assert inferring["ts:infer"][0] == "contractual"
    only = rules_of(terms(prohibit=["use"])).model_copy(update={"permissions": ()})
    assert by_term(ledger(only))["odrl:use"][0] == "enforced"


def test_nothing_is_claimed_of_a_provider_that_runs_something_else():
    rules = rules_of(terms(count=3, purpose="a", drop="x", prohibit=["sell"]))
    found = by_term(ledger(rules, delivering=Delivering(by_other_software=True)))
    other = ("contractual", "contractual", "ledger.other_software")
    assert found["odrl:count"] == found["ts:columns"] == other
    assert found["odrl:purpose"] == ("attested", "contractual", "ledger.purpose")
    assert found["odrl:sell"] == ("contractual", "contractual", "ledger.prohibited")


def test_promises_have_to_be_accepted_by_name():
    found = ledger(rules_of(terms(count=3, prohibit=["distribute", "sell"])))
    assert [one.term for one in promises(found)] == ["odrl:distribute", "odrl:sell"]
    require(found, ["distribute", "http://www.w3.org/ns/odrl/2/sell"])
    with pytest.raises(PolicyError) as refused:
        require(found)
    error = refused.value
    assert (error.code, error.location) == ("policy.contractual", "/prohibition/0")
    assert "'distribute'" in str(error)
    assert "also 'sell' at /prohibition/1" in str(error)
    assert "accept_contractual=['distribute', 'sell']" in error.hint
    with pytest.raises(PolicyError, match="'sell'") as second:
        require(found, ["distribute"])
    assert second.value.location == "/prohibition/1"
    assert "['distribute', 'sell']" in second.value.hint


def test_every_reason_has_words_in_both_languages():
    reasons = [name for name in catalogue() if name.startswith("ledger.")]
    assert len(reasons) == len(
        {words(Term("", "", "enforced", "enforced", why)) for why in reasons}
    )
    for why in reasons:
        term = Term("", "", "enforced", "enforced", why)
        assert all(words(term, language) for language in LANGUAGES)
    assert Term("/a", "b", "enforced", "attested", "c").to_document() == {
        "pointer": "/a",
        "term": "b",
        "provider": "enforced",
        "consumer": "attested",
        "why": "c",
    }
