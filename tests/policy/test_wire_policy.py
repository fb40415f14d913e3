"""What the protocol's profile lacks is read from further members, and becomes rules."""

from typing import Any

import pytest
from tests.policy.offers import COUNT, PURPOSE, SPATIAL, UNTIL, agreement, lowered

from trustspace.errors import PolicyError, UnsupportedTermError
from trustspace.model.odrl import ACTION_REFINEMENT, ASSETS, PARTIES
from trustspace.policy.constraint import pointer_part
from trustspace.policy.lower import lower

PAID = {
    "leftOperand": "payAmount",
    "operator": "eq",
    "rightOperand": {"@value": "500", "@type": "xsd:decimal"},
    "odrl:unit": "CNY",
}
DELAY = {"leftOperand": "delayPeriod", "operator": "eq", "rightOperand": "P1D"}


def permission(**members: Any) -> dict[str, Any]:
    return {"permission": [{"action": "use", **members}]}


def test_a_duty_of_a_permission_is_a_pre_condition():
    pay = {
        "@id": "urn:pay",
        "action": "compensate",
        ACTION_REFINEMENT: [PAID],
        "compensatedParty": "did:web:p",
        "odrl:consequence": [{"action": "inform", "odrl:informedParty": "did:web:p"}],
    }
    ir = lowered(**permission(duty=[pay, {"action": "obtainConsent", "constraint": [SPATIAL]}]))
    paying, consent = ir.permissions[0].duties
    assert (paying.id, paying.action, paying.when) == ("p1d1", "odrl:compensate", "before")
    assert paying.params == {"odrl:compensatedParty": "did:web:p"}
    (amount,) = paying.refine
    assert (amount.id, amount.left, amount.right, amount.unit) == (
        "r1",
        "odrl:payAmount",
        5_000_000,
        "CNY",
    )
    assert amount.src == f"/permission/0/duty/0/{pointer_part(ACTION_REFINEMENT)}/0"
    (inform,) = paying.consequences
    assert (inform.id, inform.when, inform.src) == (
        "p1d1f1",
        "before",
        "/permission/0/duty/0/odrl:consequence/0",
    )
    assert [leaf.left for leaf in consent.leaves] == ["odrl:spatial"]
    assert (consent.id, consent.top) == ("p1d2", ("c1",))


def test_an_amount_is_of_the_proof_wherever_it_stands():
    ir = lowered(**permission(duty=[{"action": "compensate", "constraint": [PAID]}]))
    assert [leaf.left for leaf in ir.permissions[0].duties[0].refine] == ["odrl:payAmount"]


def test_a_duty_with_a_term_may_be_done_later():
    duty = {"action": "delete", "constraint": [DELAY, UNTIL]}
    (late,) = lowered(**permission(duty=[duty])).permissions[0].duties
    assert (late.when, late.delay, late.deadline) == ("after", 86_400, 1798732799)


def test_a_remedy_is_owed():
    forbidden = {
        "action": "distribute",
        "odrl:remedy": [{"action": "delete", "odrl:consequence": [{"action": "inform"}]}],
    }
    (rule,) = lowered(prohibition=[forbidden]).prohibitions
    (remedy,) = rule.duties
    assert (remedy.id, remedy.when, remedy.src) == ("x1d1", "after", "/prohibition/0/odrl:remedy/0")
    assert remedy.consequences[0].id == "x1d1f1"


def test_an_obligation_has_conditions_terms_and_consequences():
    duty = {
        "action": "delete",
        "constraint": [{"or": [SPATIAL, PURPOSE]}, UNTIL],
        "odrl:consequence": [{"action": "compensate", "constraint": [PAID]}],
    }
    (owed,) = lowered(obligation=[duty]).obligations
    assert (owed.when, owed.deadline, owed.top) == ("after", 1798732799, ("n1",))
    assert owed.consequences[0].refine[0].unit == "CNY"
    (logged,) = lowered(obligation=[{"action": "ts:log", "constraint": [DELAY]}]).obligations
    assert (logged.when, logged.on_failure, logged.delay) == ("during", "suspend", 86_400)


def test_refinements_are_what_a_rule_is_about():
    rule = lowered(
        **permission(
            constraint=[PURPOSE],
            **{
                ACTION_REFINEMENT: [SPATIAL],
                ASSETS: {"odrl:source": "urn:c", "odrl:refinement": [UNTIL]},
                PARTIES: {"@type": "PartyCollection", "odrl:refinement": [{"or": [SPATIAL]}]},
            },
        )
    ).permissions[0]
    assert [leaf.left for leaf in rule.leaves] == [
        "odrl:purpose",
        "odrl:spatial",
        "odrl:dateTime",
        "odrl:spatial",
    ]
    assert (rule.top, rule.refine) == (("c1",), ("c2", "c3", "n1"))
    assert (rule.target, rule.assignee) == ("urn:c", None)
    assert rule.leaves[2].src == f"/permission/0/{pointer_part(ASSETS)}/odrl:refinement/0"


def test_an_agreement_settles_its_times_in_duties_too():
    in_force = {
        "leftOperand": "edc:inForceDate",
        "operator": "lteq",
        "rightOperand": "contractAgreement+30d",
    }
    with pytest.raises(UnsupportedTermError) as caught:
        lower(
            agreement(obligation=[{"action": "delete", "constraint": [in_force]}]), kind="agreement"
        )
    assert caught.value.location == "/obligation/0/constraint/0/rightOperand"


@pytest.mark.parametrize(
    ("members", "location", "code"),
    [
        (
            {"prohibition": [{"action": "sell", PARTIES: {"odrl:source": "urn:g"}}]},
            f"/prohibition/0/{pointer_part(PARTIES)}/odrl:source",
            "policy.unsupported",
        ),
        (
            permission(**{PARTIES: {"odrl:source": "urn:g", "x": 1}}),
            f"/permission/0/{pointer_part(PARTIES)}/x",
            "policy.unsupported",
        ),
        (
            permission(**{ACTION_REFINEMENT: [COUNT]}),
            f"/permission/0/{pointer_part(ACTION_REFINEMENT)}/0",
            "policy.unsupported",
        ),
        (
            permission(duty=[{"action": "inform", "constraint": [COUNT]}]),
            "/permission/0/duty/0/constraint/0",
            "policy.unsupported",
        ),
        (
            permission(constraint=[COUNT | {"odrl:unit": "x"}]),
            "/permission/0/constraint/0/odrl:unit",
            "policy.unsupported",
        ),
        (
            permission(duty=[{"action": "inform", "odrl:remedy": [{"action": "inform"}]}]),
            "/permission/0/duty/0/odrl:remedy",
            "policy.unsupported",
        ),
        (
            permission(duty=[{"@id": "urn:1", "action": "inform"}] * 2),
            "/permission/0/duty/1",
            "policy.malformed",
        ),
        (
            permission(
                duty=[
                    {
                        "action": "inform",
                        "odrl:consequence": [
                            {"action": "inform", "odrl:consequence": [{"action": "inform"}]}
                        ],
                    }
                ]
            ),
            "/permission/0/duty/0/odrl:consequence/0",
            "policy.limit",
        ),
        (permission(duty=[{"action": "inform"}] * 64), "", "policy.limit"),
        (
            permission(duty=[{"action": "infrm"}]),
            "/permission/0/duty/0/action",
            "policy.unsupported",
        ),
    ],
)
def test_what_is_not_understood_is_refused_at_its_place(members, location, code):
    with pytest.raises(PolicyError) as caught:
        lowered(**members)
    assert (caught.value.location, caught.value.code) == (location, code)


def test_a_term_that_no_connector_resolves_is_read_all_the_same():
    liability = {
        "leftOperand": "https://w3id.org/catenax/2025/9/policy/Liability",
        "operator": "eq",
        "rightOperand": "cx.data.liability:1",
    }
    assert lowered(liability).permissions[0].leaves[0].left == "cx:Liability"
    with pytest.raises(UnsupportedTermError) as caught:
        lowered(liability | {"leftOperand": "cx:Liabilty"})
    assert "did you mean 'cx:Liability'" in caught.value.hint
