"""Catalogues of others come into the index by changes, over HTTP between real connectors."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.responses import JSONResponse, Response
from tests.connector.conftest import Start
from tests.connector.party import Json, Party
from tests.connector.scripted_peer import ScriptedPeer
from tests.connector.test_catalog_filters import ask, offer

pytestmark = pytest.mark.anyio

CHANGES = "https://w3id.org/trustspace/ns#changes"
REMOVED = "https://w3id.org/trustspace/ns#removed"


async def crawl(party: Party, *addresses: str) -> Json:
    begun = await party.ask("POST", "crawls", {"addresses": list(addresses)})
    assert begun.status_code == 202, begun.text
    shown: Json = await party.get(f"crawls/{begun.json()['id']}", wait=30)
    assert shown["done"]
    return shown


async def crawled(party: Party, address: str) -> tuple[int, int, int, str]:
    shown = await crawl(party, address)
    assert shown["errors"] == []
    one = shown["catalogs"][0]
    return one["added"], one["changed"], one["removed"], one["how"]


async def index(party: Party, words: str = "", **query: Any) -> list[str]:
    found = await party.get("index", words=words, **query)
    return [one["id"] for one in found["items"]]


async def test_only_changes_are_brought(start: Start, bank: Party, roses: Path) -> None:
    garden = await start("garden")
    for name in ("a", "b", "c"):
        await offer(garden, roses, name, {"count": 3}, title=f"Title of {name}")
    assert await crawled(bank, garden.address) == (3, 0, 0, "everything")
    assert await index(bank) == ["a", "b", "c"]
    assert await crawled(bank, garden.address) == (0, 0, 0, "unchanged")
    await offer(garden, roses, "a", {"count": 3}, title="Another")
    await offer(garden, roses, "d", {"count": 4}, keywords=["玫瑰花"])
    await garden.ask("DELETE", "datasets/b")
    assert await crawled(bank, garden.address) == (1, 1, 1, "changes")
    assert await index(bank) == ["a", "c", "d"]
    # Hidden from us is gone for us.
    await offer(garden, roses, "c", {"recipient": ["did:web:somebody"]})
    assert await crawled(bank, garden.address) == (0, 0, 1, "changes")
    assert await index(bank, "玫瑰") == ["d"]
    assert await index(bank, "ANOTHER a") == ["a"]
    assert await index(bank, "another", provider="did:web:x") == []
    sources = await bank.get("index/sources")
    (source,) = [one for one in sources["items"] if one["participant_id"] == garden.id]
    assert source["datasets"] == 2
    assert (await bank.ask("DELETE", f"index/sources/{quote(garden.id)}")).status_code == 204
    assert await index(bank) == []
    assert (await bank.ask("DELETE", f"index/sources/{quote(garden.id)}")).status_code == 404


async def test_the_index_is_searched_by_pages(start: Start, roses: Path) -> None:
    garden, bank = await start("garden"), await start("bank")
    for name in ("a", "b", "c"):
        await offer(garden, roses, name, {"count": 3})
    await crawl(bank, garden.address)
    first = await bank.get("index", limit=2)
    assert [one["id"] for one in first["items"]] == ["a", "b"]
    rest = await bank.get("index", limit=2, cursor=first["next"])
    assert [one["id"] for one in rest["items"]] == ["c"]
    assert rest["next"] is None
    wrong = await bank.ask("GET", "index", params={"cursor": "W10"})
    assert wrong.status_code in (400, 422)


async def test_nothing_is_told_of_what_was_never_seen(
    start: Start, bank: Party, mallory: Party, roses: Path
) -> None:
    garden = await start("garden")
    await offer(garden, roses, "open", {"count": 3})
    await offer(garden, roses, "secret", {"recipient": [bank.id]})
    first = (await ask(garden, mallory, {"changedSince": ""})).json()
    assert [one["@id"] for one in first["dataset"]] == ["open"]
    cursor = first[CHANGES]
    await garden.ask("DELETE", "datasets/secret")
    await offer(garden, roses, "another-secret", {"recipient": [bank.id]})
    await garden.ask("DELETE", "datasets/another-secret")
    answer = await ask(garden, mallory, {"changedSince": cursor})
    assert "secret" not in answer.text
    assert REMOVED not in answer.json()
    stolen = await ask(garden, bank, {"changedSince": cursor})
    assert (stolen.status_code, stolen.json()["code"]) == (400, "catalog.page")
    await garden.ask("DELETE", "datasets/open")
    gone = (await ask(garden, mallory, {"changedSince": cursor})).json()
    assert gone[REMOVED] == ["open"]
    mixed = await ask(
        garden, mallory, {"changedSince": ""}, {"field": "id", "op": "eq", "value": "x"}
    )
    assert (mixed.status_code, mixed.json()["code"]) == (400, "catalog.filter")


async def test_changes_come_in_pages_while_others_happen(
    start: Start, bank: Party, roses: Path
) -> None:
    garden = await start("garden")
    for number in range(5):
        await offer(garden, roses, f"d{number}", {"count": 3})
    base = f"{garden.hosted.dsp_url}/"
    answer = await ask(garden, bank, {"changedSince": ""}, {"limit": 2})
    seen = [one["@id"] for one in answer.json()["dataset"]]
    await garden.ask("DELETE", "datasets/d0")
    await offer(garden, roses, "d4", {"count": 3}, title="changed")
    await offer(garden, roses, "d9", {"count": 9})
    removed: list[str] = []
    while "next" in answer.links:
        answer = await bank.say(garden, str(answer.links["next"]["url"]).removeprefix(base))
        assert answer.status_code == 200, answer.text
        seen += [one["@id"] for one in answer.json().get("dataset", [])]
        removed += answer.json().get(REMOVED, [])
    assert seen == ["d0", "d1", "d2", "d3", "d4", "d9"]
    assert removed == ["d0"]
    assert CHANGES in answer.json()


async def test_a_policy_decided_otherwise_is_read_anew(
    start: Start, bank: Party, roses: Path
) -> None:
    garden = await start("garden")
    await offer(garden, roses, "hidden-later", {"count": 5})
    await offer(garden, roses, "any", {"count": 3})
    assert await crawled(bank, garden.id) == (2, 0, 0, "everything")
    digest = (await garden.get("datasets/hidden-later"))["policy_digest"]
    # What the engine would say once the facts about the bank are others.
    seen = garden.connector.plane.decide.visibility._seen
    revision = garden.connector.plane.context.engine.revision
    seen[garden.name, digest, bank.id, revision] = (datetime.now(UTC), False)
    assert await crawled(bank, garden.id) == (0, 0, 1, "everything")
    assert await index(bank, provider=garden.id) == ["any"]


async def test_nested_catalogues_are_crawled_and_forgotten(
    start: Start, bank: Party, roses: Path
) -> None:
    city = await start("city")
    await city.owner.post("/v1/participants", json={"name": "north"})
    url = "/v1/participants/north/datasets/north-roses"
    body = {"source": {"kind": "file", "path": str(roses)}, "policy": {"count": 3}}
    await city.owner.put(url, json=body)
    shown = await crawl(bank, city.id)
    assert [one["provider"].rpartition(":")[2] for one in shown["catalogs"]] == ["city", "north"]
    assert await index(bank, provider=f"{city.id.rpartition(':')[0]}:north") == ["north-roses"]
    assert len((await crawl(bank, city.id))["catalogs"]) == 2
    await city.owner.delete(url)
    await crawl(bank, city.id)
    assert await index(bank, provider=f"{city.id.rpartition(':')[0]}:north") == []


async def test_who_cannot_be_reached_is_told(bank: Party, garden: Party) -> None:
    shown = await crawl(bank, "http://localhost:9", garden.address)
    (error,) = shown["errors"]
    assert error["address"] == "http://localhost:9"
    assert shown["catalogs"][0]["datasets"] >= 1
    assert (await bank.ask("GET", "crawls/urn:uuid:none")).status_code == 404
    assert (await garden.ask("GET", f"crawls/{shown['id']}")).status_code == 404
    again = await crawl(bank)
    assert garden.id in [one["provider"] for one in again["catalogs"]]


OFFER = {"@id": "o", "@type": "Offer", "permission": [{"action": "use"}]}
DISTRIBUTION = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s"}


def foreign(peer: ScriptedPeer, datasets: Any, **more: Any) -> Json:
    return {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@id": "c",
        "@type": "Catalog",
        "participantId": peer.id,
        "service": [{"@id": "s", "@type": "DataService", "endpointURL": peer.dsp_url}],
        "dataset": datasets,
        **more,
    }


def dataset(name: str, **more: Any) -> Json:
    return {"@id": name, "hasPolicy": [OFFER], "distribution": [DISTRIBUTION], **more}


async def test_one_malformed_dataset_does_not_lose_the_others(
    start: Start, peer: ScriptedPeer
) -> None:
    bank = await start("bank")
    peer.profiles.clear()
    datasets = [
        dataset("good", **{"dct:title": "Roses", "http://www.w3.org/ns/dcat#keyword": "red"}),
        dataset("empty", hasPolicy=[{"@id": "o", "@type": "Offer", "permission": []}]),
        dataset("collapsed", hasPolicy=OFFER, distribution=DISTRIBUTION),
        {"@id": "bare"},
        "not a dataset",
    ]
    nested = {
        "@id": "n",
        "@type": "Catalog",
        "participantId": "did:web:other.example",
        "service": [{"@id": "t", "@type": "DataService", "endpointURL": "https://other.example/x"}],
        "dataset": dataset("inside"),
    }
    stranger = {
        "@id": "m",
        "@type": "Catalog",
        "distribution": [DISTRIBUTION | {"accessService": "u"}],
        "service": [{"@id": "u", "@type": "DataService", "endpointURL": "https://other.example/y"}],
    }
    document = foreign(peer, datasets, catalog=[nested, stranger])
    peer.answers["catalog/request"] = lambda _: JSONResponse(document)
    shown = await bank.post("catalog", address=peer.id)
    assert [one["id"] for one in shown["datasets"]] == ["good", "collapsed", "inside"]
    assert shown["datasets"][0]["title"] == "Roses"
    assert shown["datasets"][0]["keywords"] == ["red"]
    inside = shown["datasets"][2]
    assert inside["participant_id"] == "did:web:other.example"
    assert inside["address"] == "https://other.example/x"
    skipped = {one["id"]: one["reason"] for one in shown["skipped"]}
    assert set(skipped) == {"empty", "bare", None, "https://other.example/y"}
    assert all(skipped.values())
    red = await bank.post(
        "catalog", address=peer.id, filter=[{"field": "keyword", "op": "eq", "value": "red"}]
    )
    assert [one["id"] for one in red["datasets"]] == ["good"]

    done = await crawl(bank, peer.id)
    assert done["catalogs"][0]["added"] == 3
    assert await index(bank, "roses RED") == ["good"]
    datasets[:2] = [dataset("good", **{"dct:title": "Lilies"})]
    again = (await crawl(bank, peer.id))["catalogs"][0]
    assert (again["added"], again["changed"], again["removed"]) == (0, 1, 0)
    assert await index(bank, "lilies") == ["good"]


async def test_a_tag_saves_the_whole_catalogue(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("bank")
    peer.profiles.clear()
    answers = [
        JSONResponse(foreign(peer, [dataset("a")]), headers={"ETag": '"1"'}),
        Response(status_code=304),
        JSONResponse(foreign(peer, [dataset("b")]), headers={"ETag": '"2"'}),
    ]
    peer.answers["catalog/request"] = lambda _: answers.pop(0)
    assert await crawled(bank, peer.id) == (1, 0, 0, "everything")
    assert await crawled(bank, peer.id) == (0, 0, 0, "unchanged")
    assert await crawled(bank, peer.id) == (1, 0, 1, "everything")
    assert await index(bank) == ["b"]
    peer.answers["catalog/request"] = lambda _: JSONResponse({"@type": "Catalog"}, status_code=500)
    shown = await crawl(bank, peer.id)
    assert "500" in shown["errors"][0]["error"]
    assert await index(bank) == ["b"]


async def test_an_eclipse_connector_is_paged_by_offset(start: Start, peer: ScriptedPeer) -> None:
    bank = await start("bank")
    peer.profiles.clear()
    everything = [dataset(f"d{number:03}") for number in range(120)]
    edc = "https://w3id.org/edc/v0.0.1/ns/"

    def answer(body: Json) -> Response:
        spec = (body.get("filter") or [{}])[0]
        offset, limit = spec.get(f"{edc}offset", 0), spec.get(f"{edc}limit", 50)
        found = foreign(peer, everything[offset : offset + limit])
        found["@context"].append("https://w3id.org/edc/dspace/v0.0.1")
        return JSONResponse(found)

    peer.answers["catalog/request"] = answer
    shown = await bank.post("catalog", address=peer.id)
    assert [one["id"] for one in shown["datasets"]] == [one["@id"] for one in everything]
    assert len(peer.bodies("catalog/request")) == 3


async def test_a_page_known_by_its_tag_is_not_fetched_again(
    start: Start, bank: Party, roses: Path
) -> None:
    garden = await start("garden")
    await offer(garden, roses, "a", {"count": 3})
    first = await bank.post("catalog", address=garden.address)
    kept = bank.connector.plane.crawls.catalogs._kept
    assert len([key for key in kept if garden.hosted.dsp_url in key[1]]) == 1
    again = await bank.post("catalog", address=garden.address)
    assert first == again
