"""Offers in the whole of ODRL between two connectors: duties, refinements, what is inherited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connector.party import Json, Party

from trustspace.model.odrl import ACTION_REFINEMENT, PROFILE
from trustspace.policy.templates import TEMPLATES

pytestmark = pytest.mark.anyio

CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
RESEARCH = {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"}
PAID = {
    "leftOperand": "payAmount",
    "operator": "eq",
    "rightOperand": {"@value": "500", "@type": "xsd:decimal"},
    "unit": "CNY",
}
POLICY: Json = {
    "@context": CONTEXT,
    "@type": "Set",
    "uid": "urn:terms:1",
    "permission": {
        "action": {"rdf:value": {"@id": "odrl:use"}, "refinement": RESEARCH},
        "duty": {
            "action": {"rdf:value": {"@id": "odrl:compensate"}, "refinement": PAID},
            "consequence": {"action": "inform"},
        },
    },
}
"""Use for research, once 500 CNY are paid."""


async def _reasons(bank: Party, agreement: str) -> list[Json]:
    transfer = await bank.transfer(agreement)
    assert transfer["state"] == "TERMINATED", transfer
    found: list[Json] = transfer["reasons"]
    return found


async def test_nothing_leaves_until_the_duty_is_done(
    garden: Party, bank: Party, roses: Path
) -> None:
    shown = await garden.publish(roses, "paid", POLICY)
    assert shown["policy"]["profile"] == [PROFILE]
    (permission,) = shown["policy"]["permission"]
    assert (permission["action"], list(permission)[1]) == ("use", ACTION_REFINEMENT)
    agreement = await bank.agree(garden, "paid")
    held = await bank.get(f"agreements/{agreement}")
    assert held["policy"]["permission"][0]["duty"] == permission["duty"]
    (reason,) = await _reasons(bank, agreement)
    assert (reason["id"], reason["expected"], reason["unit"]) == (
        "odrl.duty.unfulfilled",
        500,
        "CNY",
    )
    facts = {"payAmount": {"value": "500", "unit": "CNY"}}
    path = f"agreements/{agreement}/duties/p1d1/fulfil"
    await garden.post(path, evidence="receipt-1", facts=facts)
    assert (await bank.transfer(agreement))["state"] == "STARTED"


async def test_another_purpose_is_not_what_the_offer_is_about(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "refined", POLICY)
    ended = await bank.negotiate(garden, "refined", purpose="marketing")
    assert (ended["state"], ended["code"]) == ("TERMINATED", "odrl.constraint.unsatisfied")
    assert ended["reasons"][0]["src"].endswith("actionRefinement/0")


@pytest.mark.parametrize("missing", ["duty", ACTION_REFINEMENT])
async def test_a_consumer_takes_nothing_away(
    garden: Party, bank: Party, roses: Path, missing: str
) -> None:
    name = f"whole-{len(missing)}"
    shown = await garden.publish(roses, name, POLICY)
    rules = {name: shown["policy"][name] for name in ("permission", "profile")}
    weaker = {name: each for name, each in rules["permission"][0].items() if name != missing}
    begun = await bank.post(
        "negotiations",
        address=garden.address,
        dataset=name,
        purpose="research",
        policy={"permission": [weaker]},
        fresh=True,
    )
    ended = await bank.negotiation(begun["id"])
    assert (ended["state"], ended["code"]) == ("TERMINATED", "offer.wider")
    assert "missing" in ended["reasons"][0]["text"]


async def test_terms_inherit_from_those_of_another_dataset(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "parent", {"until": "2100-01-01", "prohibit": ["modify"]})
    heir = {"@context": CONTEXT, "@type": "Set", "inheritFrom": "parent", "permission": []}
    shown = await garden.publish(roses, "heir", heir)
    assert shown["policy"]["prohibition"] == [{"action": "modify"}]
    assert shown["policy"]["permission"][0]["constraint"][0]["leftOperand"] == "dateTime"
    assert (await bank.transfer(await bank.agree(garden, "heir", purpose=None)))["state"] == (
        "STARTED"
    )
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": heir | {"inheritFrom": "x"}}
    answer = await garden.ask("PUT", "datasets/orphan", body)
    assert (answer.status_code, answer.json()["location"]) == (422, "/inheritFrom")


async def test_clauses_of_a_contract_are_agreed_and_not_decided(
    garden: Party, bank: Party, roses: Path
) -> None:
    liability = {
        "leftOperand": "https://w3id.org/catenax/2025/9/policy/Liability",
        "operator": "eq",
        "rightOperand": "cx.data.liability:1",
    }
    policy = {"permission": [{"action": "use", "constraint": [liability]}]}
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": policy}
    answer = await garden.ask("PUT", "datasets/liable", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "policy.contractual")
    await garden.publish(roses, "liable", policy, accept_contractual=["cx:Liability"])
    agreement = await bank.agree(garden, "liable", purpose=None)
    (term,) = (await bank.get(f"agreements/{agreement}"))["terms"]
    assert (term["provider"], term["why"]) == ("contractual", "ledger.declared")
    assert (await bank.transfer(agreement))["state"] == "STARTED"


_ACCEPTED = ["ts:deliver", "system", "ts:visibility", "ts:usability", "ts:notify"]


@pytest.mark.parametrize("name", sorted(TEMPLATES))
async def test_every_template_is_negotiated_and_used(
    garden: Party, bank: Party, roses: Path, name: str
) -> None:
    template = TEMPLATES[name]
    given: dict[str, Any] = dict(template.example)
    if name in ("user", "using-connector"):
        given = {parameter.name: bank.id for parameter in template.parameters}
    if name == "limit-content":
        given = {"columns": "grade"}
    policy = template.policy(given)
    await garden.publish(roses, f"t-{name}", policy, accept_contractual=_ACCEPTED)
    agreement = await bank.agree(garden, f"t-{name}", purpose=None)
    assert (await bank.transfer(agreement))["state"] == "STARTED"
