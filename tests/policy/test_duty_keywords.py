"""Keywords that oblige, as the duties that they are written as."""

from __future__ import annotations

from datetime import timedelta

import pytest

from trustspace.errors import PolicyError
from trustspace.model.odrl import Offer
from trustspace.policy.lower import lower
from trustspace.policy.terms import terms


def rules_of(**keywords):
    return lower(Offer.read({"@id": "urn:o", **terms(**keywords)}), kind="offer")


def test_payment_and_consent_come_before_use():
    (permission,) = rules_of(pay="99.50 CNY", consent=True).permissions
    pay, consent = permission.duties
    assert [(duty.action, duty.when) for duty in (pay, consent)] == [
        ("odrl:compensate", "before"),
        ("odrl:obtainConsent", "before"),
    ]
    (amount,) = pay.refine
    assert (amount.left, amount.op, amount.right, amount.unit) == (
        "odrl:payAmount",
        "odrl:eq",
        995_000,
        "CNY",
    )
    assert "duty" not in terms(pay=None, consent=False)["permission"][0]


def test_what_is_owed_with_or_after_use():
    rules = rules_of(
        delete=True,
        log=True,
        notify=True,
        inform=timedelta(hours=1),
        report="P7D",
        attribute="Rose Garden",
    )
    found = {duty.action: (duty.when, duty.delay) for duty in rules.obligations}
    assert found == {
        "odrl:delete": ("after", None),
        "ts:log": ("during", None),
        "ts:notify": ("after", None),
        "odrl:inform": ("after", 3_600),
        "ts:report": ("after", 604_800),
        "odrl:attribute": ("during", None),
    }
    assert rules.obligations[-1].params == {"odrl:attributedParty": "Rose Garden"}
    plain = rules_of(inform=True, report=True, attribute=True)
    assert [(duty.delay, duty.params) for duty in plain.obligations] == [(None, {})] * 3
    assert rules_of(inform=False, report=False, attribute=False).obligations == ()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("pay", "500"),
        ("pay", "CNY 500"),
        ("pay", "0 CNY"),
        ("pay", 500),
        ("pay", "1.00000 CNY"),
        ("consent", "yes"),
        ("log", 1),
        ("delete", "P1D"),
        ("notify", "me"),
        ("inform", "soon"),
        ("report", 7),
        ("attribute", " "),
        ("attribute", 7),
    ],
)
def test_a_value_of_another_kind_is_refused(keyword, value):
    with pytest.raises(PolicyError) as refused:
        terms(**{keyword: value})
    assert refused.value.code == "policy.datatype"
    assert refused.value.location in (f"/{keyword}", "")
