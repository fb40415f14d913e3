"""The catalogue: what is hidden is hidden everywhere, what is shown is shown once on all pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.connector.conftest import Start
from tests.connector.party import Json, Party
from tests.connector.processes import urn

from trustspace.connector.cataloguing.catalogs import PAGE
from trustspace.dsp.messages import CatalogRequestMessage, ContractRequestMessage
from trustspace.dsp.wire import emit, parse
from trustspace.model.dataset import Catalog, Dataset
from trustspace.model.odrl import Offer
from trustspace.policy.terms import terms
from trustspace.store import DatasetRow, Transaction

pytestmark = pytest.mark.anyio


async def _page(garden: Party, asking: Party, url: str = "catalog/request") -> httpx.Response:
    answer = await asking.say(garden, url, CatalogRequestMessage())
    assert answer.status_code == 200
    return answer


async def _listed(garden: Party, asking: Party) -> list[str]:
    catalog = parse((await _page(garden, asking)).json(), Catalog)
    return [dataset.id for dataset in catalog.datasets]


async def test_an_empty_catalogue_is_a_valid_one(start: Start, bank: Party) -> None:
    orchard = await start("orchard")
    answer = await _page(orchard, bank)
    assert answer.json() == {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@id": f"{orchard.hosted.dsp_url}/catalog",
        "@type": "Catalog",
        "participantId": orchard.id,
        "service": [
            {
                "@id": f"{orchard.id}#DataService",
                "@type": "DataService",
                "endpointURL": orchard.hosted.dsp_url,
            }
        ],
    }
    assert "link" not in answer.headers


async def test_a_dataset_reads_the_same_in_the_list_and_alone(garden: Party, bank: Party) -> None:
    (listed,) = parse((await _page(garden, bank)).json(), Catalog).datasets
    answer = await bank.say(garden, "catalog/datasets/roses")
    alone = parse(answer.json(), Dataset)
    assert alone.id == listed.id == "roses"
    assert alone.offers == listed.offers
    (offer,) = alone.offers
    assert offer.target is None
    assert offer.id == (await garden.get("datasets/roses"))["offer"]
    formats = [entry.format for entry in alone.distributions]
    assert formats == ["HttpData-PULL", "HttpData-PUSH"]


@pytest.mark.parametrize("filter_", [["x"], [{"a": 1}]])
async def test_a_filter_is_refused(garden: Party, bank: Party, filter_: list[Any]) -> None:
    message = emit(CatalogRequestMessage()) | {"filter": filter_}
    answer = await bank.say(garden, "catalog/request", message)
    assert answer.status_code == 400
    assert answer.json()["@type"] == "CatalogError"
    empty = await bank.say(garden, "catalog/request", message | {"filter": []})
    assert empty.status_code == 200


async def test_a_dataset_may_have_any_id(garden: Party, bank: Party, roses: Path) -> None:
    for name in ("https://garden.example/a/b?c=d#e", "玫瑰 花", "a%2Fb", ".hidden"):
        await garden.publish(roses, name)
        shown = await bank.post("catalog", address=garden.address)
        assert name in [dataset["id"] for dataset in shown["datasets"]]
        ended = await bank.negotiate(garden, name)
        assert (ended["state"], ended["dataset"]) == ("FINALIZED", name)
        answer = await garden.ask("DELETE", f"datasets/{quote(name, safe='')}")
        assert answer.status_code == 204


# --- hidden (N4) -----------------------------------------------------------------------------


async def _request(offer: Json, asking: Party, dataset: str) -> ContractRequestMessage:
    return ContractRequestMessage(
        id=urn(),
        consumer_pid=urn(),
        offer=Offer.read(offer | {"target": dataset}),
        callback_address=asking.hosted.dsp_url,
    )


async def _is_nowhere(garden: Party, asking: Party, dataset: str, offer: Json) -> None:
    """Neither the list nor the item nor the offer tells it from one that never was."""
    assert dataset not in await _listed(garden, asking)
    before = garden.stored()
    found = await asking.say(garden, f"catalog/datasets/{dataset}")
    never = await asking.say(garden, "catalog/datasets/never-was")
    assert found.status_code == never.status_code == 404
    assert found.content == never.content
    for changed in ({}, {"@id": "urn:uuid:never-was"}):
        message = await _request(offer | changed, asking, dataset)
        answer = await asking.say(garden, "negotiations/request", message)
        assert (answer.status_code, answer.content) == (404, b"")
    asked = await asking.ask(
        "POST", "negotiations", {"address": garden.address, "dataset": dataset}
    )
    assert (asked.status_code, asked.json()["code"]) == (404, "not_found")
    assert garden.stored() == before


async def test_a_dataset_for_others_is_nowhere(
    garden: Party, bank: Party, mallory: Party, roses: Path
) -> None:
    shown = await garden.publish(roses, "for-bank", {"recipient": [bank.id]})
    await _is_nowhere(garden, mallory, "for-bank", shown["policy"])
    assert "for-bank" in await _listed(garden, bank)
    assert (await bank.negotiate(garden, "for-bank", purpose=None))["state"] == "FINALIZED"


async def test_a_withdrawn_dataset_is_nowhere(garden: Party, bank: Party, roses: Path) -> None:
    shown = await garden.publish(roses, "lilies")
    agreement = await bank.agree(garden, "lilies")
    assert (await garden.ask("DELETE", "datasets/lilies")).status_code == 204
    await _is_nowhere(garden, bank, "lilies", shown["policy"])
    # The agreement stands.
    assert (await bank.transfer(agreement))["state"] == "STARTED"
    again = await garden.ask("DELETE", "datasets/lilies")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_an_earlier_offer_is_unknown(garden: Party, bank: Party, roses: Path) -> None:
    first = await garden.publish(roses, "tulips", {"count": 5})
    await garden.publish(roses, "tulips", {"count": 4})
    message = await _request(first["policy"], bank, "tulips")
    answer = await bank.say(garden, "negotiations/request", message)
    assert (answer.status_code, answer.content) == (404, b"")
    order = {"address": garden.address, "dataset": "tulips", "offer": first["offer"]}
    asked = await bank.ask("POST", "negotiations", order)
    assert (asked.status_code, asked.json()["code"]) == (404, "not_found")
    assert "it has: urn:uuid:" in asked.json()["hint"]


# --- pages -----------------------------------------------------------------------------------


def _many(garden: Party, count: int) -> Any:
    """Return a hop that offers many datasets under one policy."""

    def hop(tx: Transaction) -> None:
        policy = terms(count=3)
        digest = tx.policies.put(garden.name, policy)
        for index in range(count):
            row = DatasetRow(
                participant=garden.name,
                id=f"d{index:04}",
                title=f"Number {index}",
                offer_id=urn(),
                policy_digest=digest,
                source={"kind": "http", "url": "http://localhost:1/x"},
                media_type="text/csv",
                forms=("file",),
                published_at=datetime.now(UTC),
            )
            tx.datasets.put(garden.name, row)

    return hop


def _links(answer: httpx.Response) -> dict[str, str]:
    return {str(link["rel"]): str(link["url"]) for link in answer.links.values()}


async def test_pages_show_everything_once_in_both_directions(start: Start, bank: Party) -> None:
    garden = await start("garden")
    await garden.store.write(_many(garden, 2 * PAGE + 5))
    base = f"{garden.hosted.dsp_url}/"
    forward: list[list[str]] = []
    answer = await _page(garden, bank)
    assert set(_links(answer)) == {"next"}
    while True:
        catalog = parse(answer.json(), Catalog)
        assert catalog.participant_id == garden.id
        forward.append([dataset.id for dataset in catalog.datasets])
        links = _links(answer)
        if "next" not in links:
            break
        assert links["next"].startswith(base)
        answer = await _page(garden, bank, links["next"].removeprefix(base))
    assert [len(page) for page in forward] == [PAGE, PAGE, 5]
    everything = [f"d{index:04}" for index in range(2 * PAGE + 5)]
    assert [name for page in forward for name in page] == everything

    backward = [[dataset.id for dataset in parse(answer.json(), Catalog).datasets]]
    while "previous" in (links := _links(answer)):
        answer = await _page(garden, bank, links["previous"].removeprefix(base))
        backward.append([dataset.id for dataset in parse(answer.json(), Catalog).datasets])
    assert backward == forward[::-1]


async def test_a_consumer_follows_the_pages(start: Start, bank: Party) -> None:
    garden = await start("garden")
    await garden.store.write(_many(garden, PAGE + 1))
    shown = await bank.post("catalog", address=garden.address)
    assert shown["participant_id"] == garden.id
    assert len(shown["datasets"]) == PAGE + 1
    assert shown["datasets"][0]["title"] == "Number 0"
    assert shown["datasets"][0]["formats"] == ["HttpData-PULL", "HttpData-PUSH"]
    limited = await bank.post("catalog", address=garden.id, limit=7)
    assert [one["id"] for one in limited["datasets"]] == [f"d{index:04}" for index in range(7)]


async def test_a_full_page_alone_has_no_links(start: Start, bank: Party) -> None:
    garden = await start("garden")
    await garden.store.write(_many(garden, PAGE))
    assert _links(await _page(garden, bank)) == {}


@pytest.mark.parametrize("token", ["!", "a", "/////", "%FF", "gICA"])
async def test_a_page_that_nobody_gave_out_is_refused(
    garden: Party, bank: Party, token: str
) -> None:
    answer = await bank.say(garden, f"catalog/request?page={token}", CatalogRequestMessage())
    assert (answer.status_code, answer.json()["code"]) == (400, "catalog.page")


async def test_pages_of_others_hide_the_same(
    start: Start, bank: Party, mallory: Party, roses: Path
) -> None:
    """The continuation token opens nothing: each page is decided for whoever asks."""
    garden = await start("garden")
    await garden.store.write(_many(garden, PAGE + 5))
    await garden.publish(roses, "z-for-bank", {"recipient": [bank.id]})
    base = f"{garden.hosted.dsp_url}/"
    following = _links(await _page(garden, bank))["next"].removeprefix(base)
    mine = parse((await _page(garden, bank, following)).json(), Catalog)
    assert "z-for-bank" in [dataset.id for dataset in mine.datasets]
    theirs = parse((await _page(garden, mallory, following)).json(), Catalog)
    assert "z-for-bank" not in [dataset.id for dataset in theirs.datasets]
