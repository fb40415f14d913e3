"""Strict mode: what would be a promise only is offered when its owner says so, and shown as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.connector.haggling import first_waiting
from tests.connector.party import Json, Party, party

pytestmark = pytest.mark.anyio

POLICY = {"count": 3, "purpose": ["research"], "prohibit": ["distribute"], "delete_after": "P30D"}
TARGETED = {
    "permission": [
        {
            "action": "use",
            "constraint": [
                {
                    "leftOperand": "https://w3id.org/trustspace/ns#destination",
                    "operator": "eq",
                    "rightOperand": "CN",
                }
            ],
        }
    ]
}


async def _put(garden: Party, roses: Path, dataset: str, policy: Json, **more: Any) -> Any:
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": policy}
    return await garden.ask("PUT", f"datasets/{dataset}", body | more)


def _labels(terms: list[Json]) -> dict[str, tuple[str, str]]:
    return {one["term"]: (one["provider"], one["consumer"]) for one in terms}


LABELS = {
    "odrl:purpose": ("attested", "contractual"),
    "odrl:count": ("enforced", "contractual"),
    "odrl:distribute": ("contractual", "contractual"),
    "odrl:delete": ("attested", "contractual"),
}


async def test_a_promise_is_refused_with_its_place_and_what_to_do(
    garden: Party, roses: Path
) -> None:
    before = garden.stored()
    answer = await _put(garden, roses, "promised", POLICY)
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], problem["location"]) == ("policy.contractual", "/prohibition/0")
    assert "'distribute'" in problem["detail"]
    assert "accept_contractual=['distribute']" in problem["hint"]
    assert garden.stored() == before
    answer = await _put(garden, roses, "promised", TARGETED)
    assert answer.status_code == 422
    assert answer.json()["location"] == "/permission/0/constraint/0"
    assert "accept_contractual=['ts:destination']" in answer.json()["hint"]
    wrong = await _put(garden, roses, "promised", POLICY, accept_contractual=[""])
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


async def test_an_accepted_promise_is_offered_stored_and_shown(garden: Party, roses: Path) -> None:
    accepted = ["http://www.w3.org/ns/odrl/2/distribute", "distribute"]
    answer = await _put(garden, roses, "accepted", POLICY, accept_contractual=accepted)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert shown["accept_contractual"] == ["odrl:distribute"]
    assert _labels(shown["terms"]) == LABELS
    assert await garden.get("datasets/accepted") == shown | {"changed": False}
    again = await _put(garden, roses, "accepted", POLICY, accept_contractual=["distribute"])
    assert (again.status_code, again.json()["changed"]) == (200, False)
    events = [event for event in await garden.events() if event.body.get("dataset") == "accepted"]
    assert [event.body["accept_contractual"] for event in events] == [["odrl:distribute"]]
    # The acceptance is no part of the offer, which stays as it is.
    more = await _put(garden, roses, "accepted", POLICY, accept_contractual=["distribute", "sell"])
    assert (more.json()["changed"], more.json()["offer"]) == (True, shown["offer"])


async def test_both_parties_see_how_far_their_agreement_binds(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "agreed", POLICY, accept_contractual=["distribute"])
    agreement = await bank.agree(garden, "agreed")
    for side in (garden, bank):
        shown = await side.get(f"agreements/{agreement}")
        assert _labels(shown["terms"]) == LABELS
        listed = (await side.get("agreements"))["items"]
        assert next(one for one in listed if one["id"] == agreement)["terms"] == shown["terms"]
        told = await side.get(f"explain/{agreement}")
        assert _labels(told["terms"]) == LABELS
        assert all(one["words"] for one in told["terms"])
    chinese = await garden.get(f"explain/{agreement}", language="zh")
    assert {one["words"] for one in chinese["terms"]}.isdisjoint(
        one["words"] for one in told["terms"]
    )


async def test_nothing_is_claimed_of_a_provider_of_another_kind(
    garden: Party, mallory: Party, roses: Path
) -> None:
    await garden.publish(roses, "elsewhere", POLICY, accept_contractual=["distribute"])
    agreement = await mallory.agree(garden, "elsewhere")
    path = f"counterparties/{quote(garden.id, safe='')}/dialect"
    assert (await mallory.ask("PUT", path, {"dialect": "edc"})).status_code in (200, 204)
    terms = (await mallory.get(f"agreements/{agreement}"))["terms"]
    assert {one["provider"] for one in terms if one["term"] == "odrl:count"} == {"contractual"}
    assert {one["provider"] for one in terms} == {"contractual", "attested"}
    assert (await mallory.ask("PUT", path, {"dialect": None})).status_code in (200, 204)
    terms = (await mallory.get(f"agreements/{agreement}"))["terms"]
    assert _labels(terms) == LABELS


async def test_what_nobody_finds_out_gives_no_access(
    garden: Party, bank: Party, roses: Path
) -> None:
    await garden.publish(roses, "unresolved", TARGETED, accept_contractual=["ts:destination"])
    agreement = await bank.agree(garden, "unresolved", purpose=None)
    shown = await garden.get(f"agreements/{agreement}")
    assert [one["why"] for one in shown["terms"]] == ["ledger.unresolved"]
    assert (await bank.transfer(agreement))["state"] == "TERMINATED"


async def test_a_dataset_is_explained_by_its_terms(garden: Party, roses: Path) -> None:
    await garden.publish(roses, "explained", {"count": 2, "mask": ["phone"]})
    told = await garden.get("explain/explained")
    assert (told["kind"], told["outcome"]) == ("dataset", "OFFERED")
    assert _labels(told["terms"])["ts:mask"] == ("enforced", "enforced")
    assert (await garden.ask("DELETE", "datasets/explained")).status_code == 204
    assert (await garden.get("explain/explained"))["outcome"] == "WITHDRAWN"
    assert (await garden.ask("GET", "explain/nothing")).status_code == 404


async def test_a_call_is_labelled_as_a_call(garden: Party) -> None:
    source = {"kind": "api", "url": "http://127.0.0.1:9/api", "methods": ["GET", "DELETE"]}
    policy = {"count": 3, "prohibit": ["modify"]}
    body = {"source": source, "policy": policy, "accept_contractual": ["modify"]}
    answer = await garden.ask("PUT", "datasets/calls", body)
    assert answer.status_code == 201, answer.text
    found = {one["term"]: one for one in answer.json()["terms"]}
    assert found["odrl:count"]["why"] == "ledger.count.call"
    assert found["odrl:modify"]["provider"] == "contractual"
    reading = body | {"source": source | {"methods": ["GET"]}, "accept_contractual": []}
    answer = await garden.ask("PUT", "datasets/calls", reading)
    assert answer.status_code == 201, answer.text
    assert _labels(answer.json()["terms"])["odrl:modify"][0] == "enforced"


async def test_terms_offered_instead_are_held_to_the_same(
    garden: Party, bank: Party, roses: Path
) -> None:
    accepted = ["distribute"]
    await garden.publish(
        roses, "haggled", {"count": 3}, negotiation="approval", accept_contractual=accepted
    )
    order = {"address": garden.address, "dataset": "haggled"}
    pid = (await bank.post("negotiations", **order))["id"]
    entry = await first_waiting(garden, "haggled")
    path = f"approvals/{entry['id']}/counter"
    refused = await garden.ask("POST", path, {"policy": {"count": 1, "prohibit": ["sell"]}})
    assert (refused.status_code, refused.json()["code"]) == (422, "policy.contractual")
    offer = {"address": bank.address, "dataset": "haggled", "policy": {"prohibit": ["sell"]}}
    unasked = await garden.ask("POST", "offers", offer)
    assert (unasked.status_code, unasked.json()["code"]) == (422, "policy.contractual")
    # What was accepted for the dataset is accepted in every offer of it.
    await garden.post(path, policy={"count": 1, "prohibit": ["distribute"]})
    assert (await bank.negotiation(pid))["state"] == "TERMINATED"


async def test_an_owner_who_is_lenient_is_not_asked(tmp_path: Path, roses: Path) -> None:
    settings = '\n[policy]\nlenient = ["lax"]\n'
    async with party(tmp_path / "lax", "lax", settings=settings) as lax:
        answer = await _put(lax, roses, "promised", POLICY)
        assert answer.status_code == 201, answer.text
        assert _labels(answer.json()["terms"]) == LABELS
