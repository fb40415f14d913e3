"""Our consumer and an Eclipse connector as provider, from the catalogue to the data."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.connector.party import Party, party
from tests.interop.conftest import trusting
from tests.interop.edc import DATA, Edc, edc

from trustspace.client import Client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings(
        "ignore::trustspace.identity.identity_provider.UnsafeIdentityWarning"
    ),
]

USE: dict[str, Any] = {"permission": [{"action": "use"}], "prohibition": [], "obligation": []}


def _in_force(term: str) -> dict[str, Any]:
    constraint = {"leftOperand": term, "operator": "gteq", "rightOperand": "contractAgreement+0s"}
    return {"permission": [{"action": "use", "constraint": [constraint]}]}


async def _agreed(garden: Party, peer: Edc, asset: str = "roses", *, address: str = "") -> str:
    order = {"address": address or peer.root, "dataset": asset}
    begun = await garden.post("negotiations", **order)
    ended = await garden.negotiation(begun["id"])
    assert ended["state"] == "FINALIZED", (ended, [one.dead for one in peer.processes.values()])
    return str(ended["agreement"])


def _save(garden: Party, agreement: str, target: Path) -> bytes:
    with Client.of_home(garden.connector.home.path) as client, client.open(agreement) as data:
        data.save(target)
    return target.read_bytes()


@pytest.mark.parametrize("policy", ["allow all", "use"])
@pytest.mark.parametrize("address", ["root", "base"])
async def test_data_of_an_eclipse_provider_is_fetched(
    garden: Party, tmp_path: Path, policy: str, address: str
) -> None:
    async with edc(id="edc-provider") as peer:
        if policy == "use":
            peer.policies["roses"] = USE
        where = peer.root if address == "root" else peer.base
        shown = await garden.post("catalog", address=where)
        assert (shown["participant_id"], shown["address"]) == ("edc-provider", peer.base)
        (dataset,) = shown["datasets"]
        assert (dataset["id"], dataset["title"]) == ("roses", "Roses")
        assert dataset["formats"] == ["HttpData-PULL", "HttpData-PUSH"]

        agreement = await _agreed(garden, peer, address=where)
        (process,) = (one for one in peer.processes.values() if one.agreement)
        assert process.agreement["@id"] == agreement
        await process.until("FINALIZED")
        notes = (await garden.get(f"agreements/{agreement}"))["notes"]
        assert [("no rule" in note) for note in notes] == ([] if policy == "use" else [True])
        target = tmp_path / "roses.csv"
        assert await asyncio.to_thread(_save, garden, agreement, target) == DATA
        assert not any(one.dead for one in peer.processes.values())
        # The audience is the address called.
        assert {json.loads(header)["audience"] for header in peer.headers} == {peer.base}
        assert {json.loads(header)["clientId"] for header in peer.headers} == {"trustspace-garden"}


async def test_a_dataset_had_by_itself_is_not_looked_for(garden: Party) -> None:
    async with edc(dataset_by_get=True, versions=False) as peer:
        await _agreed(garden, peer, address=peer.base)
        assert len(peer.bodies("catalog/request")) == 1  # Asked once whose it is.


async def test_a_dataset_is_found_on_a_later_page(garden: Party) -> None:
    async with edc() as peer:
        peer.policies = {f"d{number}": USE for number in range(120)}
        await _agreed(garden, peer, "d117")
        shown = await garden.post("catalog", address=peer.root)
        assert len(shown["datasets"]) == 120


async def test_a_provider_that_saves_late_is_waited_for(garden: Party) -> None:
    async with edc(saving=0.06) as peer:
        await _agreed(garden, peer)
        assert peer.conflicts
        assert not any(one.dead for one in peer.processes.values())


async def test_a_second_agreement_voids_the_first(garden: Party) -> None:
    async with edc(agrees_twice=True) as peer:
        agreement = await _agreed(garden, peer)
        assert list(peer.agreements) == [agreement]
        agreed = [one for one in await garden.kinds() if one == "negotiation.agreed"]
        assert len(agreed) == 2


async def test_a_term_that_the_eclipse_context_shortens_is_understood(garden: Party) -> None:
    async with edc() as peer:
        peer.policies["roses"] = _in_force("inForceDate")
        (offered,) = (await garden.post("catalog", address=peer.root))["datasets"]
        (wanted,) = offered["offers"][0]["permission"][0]["constraint"]
        assert wanted["leftOperand"] == "https://w3id.org/edc/v0.0.1/ns/inForceDate"
        agreement = await _agreed(garden, peer)
        shown = await garden.get(f"agreements/{agreement}")
        (constraint,) = shown["policy"]["permission"][0]["constraint"]
        assert constraint["leftOperand"] == "https://w3id.org/edc/v0.0.1/ns/inForceDate"


@pytest.mark.parametrize("term", ["description", "edc:regionLocation"])
async def test_terms_that_are_not_understood_are_not_agreed_to(garden: Party, term: str) -> None:
    async with edc() as peer:
        peer.policies["roses"] = _in_force(term)
        body = {"address": peer.root, "dataset": "roses"}
        answer = await garden.ask("POST", "negotiations", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "policy.unsupported")
        name = term.removeprefix("edc:")
        assert f"https://w3id.org/edc/v0.0.1/ns/{name}" in answer.json()["detail"]
        assert not peer.bodies("negotiations/request")


@pytest.mark.parametrize("address", ["root", "base"])
async def test_a_dataset_that_cannot_be_read_does_not_hide_another(
    garden: Party, address: str
) -> None:
    async with edc(id="edc-provider") as peer:
        peer.policies = {"odd": {"permission": [{"action": ["use", 5]}]}, "roses": USE}
        where = peer.root if address == "root" else peer.base
        await _agreed(garden, peer, address=where)
        shown = await garden.post("catalog", address=where)
        assert [one["id"] for one in shown["datasets"]] == ["roses"]
        assert [one["id"] for one in shown["skipped"]] == ["odd"]


async def test_a_policy_without_rules_is_refused_where_it_means_nothing(
    tmp_path: Path,
) -> None:
    async with edc() as peer:
        settings = f'\n[dialects]\n"{peer.url}" = "strict"\n'
        async with trusting(tmp_path / "strict", "strict", settings=settings) as strict:
            peer.dataset_by_get = True
            body = {"address": peer.root, "dataset": "roses"}
            answer = await strict.ask("POST", "negotiations", body)
            assert (answer.status_code, answer.json()["code"]) == (422, "policy.empty")


async def test_the_owner_says_how_a_peer_speaks(garden: Party) -> None:
    home = garden.connector.home.path

    def choose() -> list[str]:
        with Client.of_home(home) as client:
            shown = [client.spoken("edc"), client.speak("edc", "strict"), client.spoken("edc")]
            return [*shown, client.speak("edc", None)]

    async with edc() as peer:
        await _agreed(garden, peer)
        assert await asyncio.to_thread(choose) == ["edc", "strict", "strict", "edc"]
        answer = await garden.ask("PUT", "counterparties/edc/dialect", {"dialect": "klingon"})
        assert answer.status_code in (400, 422)
        assert "strict or edc" in answer.json()["hint"]


async def test_after_a_restart_data_is_asked_for_anew(tmp_path: Path) -> None:
    """Its tokens are in our memory alone, and it renews none."""
    async with edc(id="edc-provider") as peer:
        async with trusting(tmp_path / "garden", "garden") as before:
            agreement = await _agreed(before, peer)
            first = await before.transfer(agreement)
            assert (await before.transfer(agreement))["id"] == first["id"]
        async with party(tmp_path / "garden", "garden") as after:
            again = await after.transfer(agreement)
            assert again["id"] != first["id"]
            await after.get(f"transfers/{again['id']}/edr")
