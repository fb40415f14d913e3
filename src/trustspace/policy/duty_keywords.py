"""The keywords of `trustspace.policy.terms` that oblige, written as ODRL duties.

Example::

    before_use({"pay": "500 CNY"})   # [{'action': 'compensate', 'constraint': […]}]
    owed({"report": "P7D"})          # [{'action': 'https://w3id.org/trustspace/ns#report', …}]
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from trustspace.policy.keyword_value import duration, text, wrong
from trustspace.policy.vocabulary import to_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.model.value import JsonObject

_AMOUNT: Final = re.compile(r"(\d{1,12}(?:\.\d{1,4})?) ?([A-Z]{3})", re.ASCII)
"""An amount and the currency's code (ISO 4217)."""


def before_use(given: Mapping[str, object]) -> list[JsonObject]:
    """Return the duties of a permission: what has to be done before the first use.

    Raises:
        PolicyError: A value is not what its keyword takes, code ``policy.datatype``.
    """
    duties: list[JsonObject] = []
    if "pay" in given:
        duties.append({"action": "compensate", "constraint": [_paid(given["pay"])]})
    if _is_asked("consent", given):
        duties.append({"action": "obtainConsent"})
    return duties


def owed(given: Mapping[str, object]) -> list[JsonObject]:
    """Return the obligations of a policy.

    Raises:
        PolicyError: A value is not what its keyword takes, code ``policy.datatype``.
    """
    obligations: list[JsonObject] = []
    if "delete_after" in given:
        delay = duration("delete_after", given["delete_after"])
        obligations.append({"action": "delete", "constraint": [_within(delay)]})
    for keyword, name in (("delete", "delete"), ("log", "ts:log"), ("notify", "ts:notify")):
        if _is_asked(keyword, given):
            obligations.append({"action": to_wire(name)})
    for keyword, name in (("inform", "inform"), ("report", "ts:report")):
        value = given.get(keyword, False)
        if isinstance(value, str | timedelta):
            constraint = [_within(duration(keyword, value))]
            obligations.append({"action": to_wire(name), "constraint": constraint})
        elif _is_asked(keyword, given):
            obligations.append({"action": to_wire(name)})
    attribute = given.get("attribute", False)
    if isinstance(attribute, str):
        party = text("attribute", attribute)
        obligations.append({"action": "attribute", "odrl:attributedParty": party})
    elif _is_asked("attribute", given):
        obligations.append({"action": "attribute"})
    return obligations


def _is_asked(keyword: str, given: Mapping[str, object]) -> bool:
    value = given.get(keyword, False)
    if not isinstance(value, bool):
        raise wrong(keyword, "true or false", value)
    return value


def _within(delay: str) -> JsonObject:
    value = {"@value": delay, "@type": "xsd:duration"}
    return {"leftOperand": "delayPeriod", "operator": "eq", "rightOperand": value}


def _paid(given: object) -> JsonObject:
    found = _AMOUNT.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None or not Decimal(found[1]):
        raise wrong("pay", "an amount and its currency, for example 500 CNY", given)
    value = {"@value": found[1], "@type": "xsd:decimal"}
    return {
        "leftOperand": "payAmount",
        "operator": "eq",
        "rightOperand": value,
        "odrl:unit": found[2],
    }
