"""Filters, pages, tags and nested catalogues over HTTP, for whoever may see what."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connector.conftest import Start
from tests.connector.party import Json, Party

from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.wire import emit

pytestmark = pytest.mark.anyio


async def ask(
    garden: Party, asking: Party, *entries: Any, url: str = "catalog/request", **more: Any
) -> httpx.Response:
    message = emit(CatalogRequestMessage(filter=entries))
    return await asking.say(garden, url, message, **more)


async def ids(garden: Party, asking: Party, *entries: Any) -> list[str]:
    answer = await ask(garden, asking, *entries)
    assert answer.status_code == 200, answer.text
    return [one["@id"] for one in answer.json().get("dataset", [])]


async def offer(party: Party, path: Path, name: str, policy: Json, **about: Any) -> None:
    body = {"source": {"kind": "file", "path": str(path)}, "policy": policy, **about}
    answer = await party.ask("PUT", f"datasets/{name}", body)
    assert answer.status_code in (200, 201), answer.text


def links(answer: httpx.Response) -> dict[str, str]:
    return {str(one["rel"]): str(one["url"]) for one in answer.links.values()}


@pytest.fixture(scope="module")
async def shelf(garden: Party, bank: Party, roses: Path) -> Party:
    """The garden with some more on offer."""
    await offer(
        garden,
        roses,
        "lilies",
        {"purpose": ["teaching"]},
        title="White lilies",
        description="所有百合",
        keywords=["flowers", "百合"],
        creator="The gardener",
    )
    await offer(garden, roses, "tulips", {"recipient": [bank.id]}, keywords=["flowers"])
    return garden


async def test_our_filter(shelf: Party, bank: Party, mallory: Party) -> None:
    keyword = {"field": "keyword", "op": "eq", "value": "flowers"}
    assert await ids(shelf, bank, keyword) == ["lilies", "tulips"]
    assert await ids(shelf, mallory, keyword) == ["lilies"]
    title = {"field": "title", "op": "contains", "value": "LILIES"}
    assert await ids(shelf, bank, keyword, title) == ["lilies"]
    purpose = {"field": "policy.purpose", "op": "eq", "value": "teaching"}
    assert await ids(shelf, bank, purpose) == ["lilies", "roses"]
    assert await ids(shelf, bank, {"field": "format", "op": "eq", "value": "none"}) == []
    assert await ids(shelf, bank, {"field": "format", "op": "in", "value": ["HttpData-PULL"]})
    assert await ids(shelf, bank, {"field": "id", "op": "eq", "value": "' or 1=1 --"}) == []


async def test_what_a_catalogue_says_of_a_dataset(shelf: Party, bank: Party) -> None:
    answer = await ask(shelf, bank, {"field": "id", "op": "eq", "value": "lilies"})
    (found,) = answer.json()["dataset"]
    alone = (await bank.say(shelf, "catalog/datasets/lilies")).json()
    for dataset in (found, alone):
        assert dataset["dct:title"] == "White lilies"
        assert dataset["dct:description"] == "所有百合"
        assert dataset["dcat:keyword"] == ["flowers", "百合"]
        assert dataset["dct:creator"] == "The gardener"
        for distribution in dataset["distribution"]:
            assert distribution["dcat:mediaType"] == "text/csv"
            assert distribution["dcat:byteSize"] > 0


async def test_a_query_spec_of_an_eclipse_connector(shelf: Party, bank: Party) -> None:
    edc = "https://w3id.org/edc/v0.0.1/ns/"
    spec = {"@type": "QuerySpec", "offset": 0, "limit": 50, "filterExpression": []}
    assert await ids(shelf, bank, spec) == ["lilies", "roses", "tulips"]
    assert await ids(shelf, bank, spec | {"offset": 1, "limit": 1}) == ["roses"]
    assert await ids(shelf, bank, spec | {"offset": 3}) == []
    backwards = spec | {"sortField": "id", "sortOrder": "DESC"}
    assert await ids(shelf, bank, backwards) == ["tulips", "roses", "lilies"]
    like = {
        "@type": f"{edc}Criterion",
        f"{edc}operandLeft": f"{edc}name",
        f"{edc}operator": "like",
        f"{edc}operandRight": "%lilies",
    }
    full = {"@type": f"{edc}QuerySpec", f"{edc}filterExpression": [like]}
    assert await ids(shelf, bank, full) == ["lilies"]


@pytest.mark.parametrize(
    "entry",
    [
        {"field": "owner", "op": "eq", "value": "x"},
        {"@type": "QuerySpec", "filterExpression": [{"operandLeft": "owner", "operator": "="}]},
        {"changedSince": "", "field": "id"},
    ],
)
async def test_what_is_not_supported_is_told(shelf: Party, bank: Party, entry: Json) -> None:
    answer = await ask(shelf, bank, entry)
    assert answer.status_code == 400
    assert answer.json()["@type"] == "CatalogError"
    assert answer.json()["code"] == "catalog.filter"
    assert "policy.<left operand or action>" in answer.text


async def test_links_carry_the_filter_both_ways(shelf: Party, bank: Party) -> None:
    keyword = {"field": "keyword", "op": "eq", "value": "flowers"}
    base = f"{shelf.hosted.dsp_url}/"
    first = await ask(shelf, bank, keyword, {"limit": 1})
    assert [one["@id"] for one in first.json()["dataset"]] == ["lilies"]
    following = links(first)["next"].removeprefix(base)
    for answer in (
        await bank.say(shelf, following),  # GET
        await ask(shelf, bank, url=following),
        await ask(shelf, bank, keyword, {"limit": 1}, url=following),
    ):
        assert [one["@id"] for one in answer.json()["dataset"]] == ["tulips"]
        assert set(links(answer)) == {"previous"}
    back = await bank.say(shelf, links(answer)["previous"].removeprefix(base))
    assert [one["@id"] for one in back.json()["dataset"]] == ["lilies"]
    other = await ask(shelf, bank, {"limit": 7}, url=following)
    assert (other.status_code, other.json()["code"]) == (400, "catalog.page")
    assert (await bank.say(shelf, "catalog/request")).status_code == 405


async def test_a_cursor_cannot_be_changed(shelf: Party, bank: Party) -> None:
    first = await ask(shelf, bank, {"limit": 1})
    url, _, token = links(first)["next"].removeprefix(f"{shelf.hosted.dsp_url}/").partition("=")
    sealed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    assert b"lilies" not in sealed
    for place in (0, len(sealed) // 2, len(sealed) - 1):
        sealed[place] ^= 1
        wrong = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        answer = await ask(shelf, bank, url=f"{url}={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "catalog.page")
        sealed[place] ^= 1


async def test_what_is_known_is_not_sent_again(start: Start, bank: Party, roses: Path) -> None:
    garden = await start("garden")
    await offer(garden, roses, "a", {"count": 3})
    first = await ask(garden, bank)
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    headers = {"If-None-Match": f'"other", {tag}'}
    again = await ask(garden, bank, headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    # What the bank may not see changes nothing for it.
    await offer(garden, roses, "b", {"recipient": ["did:web:somebody"]})
    assert (await ask(garden, bank, headers=headers)).status_code == 304
    await offer(garden, roses, "a", {"count": 3}, title="new")
    changed = await ask(garden, bank, headers=headers)
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)

    alone = await bank.say(garden, "catalog/datasets/a")
    known = {"If-None-Match": alone.headers["etag"]}
    assert (await bank.say(garden, "catalog/datasets/a", headers=known)).status_code == 304
    hidden = await bank.say(garden, "catalog/datasets/b", headers={"If-None-Match": "*"})
    assert hidden.status_code == 404
    await garden.ask("DELETE", "datasets/a")
    assert (await bank.say(garden, "catalog/datasets/a", headers=known)).status_code == 404


POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "recipient": st.sampled_from([["BANK"], ["MALLORY"], ["BANK", "MALLORY"], ["did:web:x"]]),
        "purpose": st.just(["research"]),
        "count": st.integers(1, 3),
        "until": st.sampled_from(["2020-01-01", "2040-01-01"]),
    },
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_list_and_single_agree_whatever_the_policies(
    garden: Party, bank: Party, mallory: Party, roses: Path, data: st.DataObject
) -> None:
    names = {"BANK": bank.id, "MALLORY": mallory.id}
    policies = data.draw(st.lists(POLICIES, min_size=1, max_size=4))
    offered = [f"p{number}" for number in range(len(policies))]
    for name, policy in zip(offered, policies, strict=True):
        recipients: Any = policy.get("recipient", [])
        told = [names.get(each, each) for each in recipients]
        await offer(garden, roses, name, policy | ({"recipient": told} if told else {}))
    try:
        for asking in (bank, mallory):
            listed = await ids(garden, asking, {"field": "id", "op": "in", "value": offered})
            single = [
                name
                for name in offered
                if (await asking.say(garden, f"catalog/datasets/{name}")).status_code == 200
            ]
            assert listed == single
    finally:
        for name in offered:
            await garden.ask("DELETE", f"datasets/{name}")


# --- nested ----------------------------------------------------------------------------------


async def test_the_root_names_the_catalogues_of_others(
    start: Start, bank: Party, mallory: Party, roses: Path
) -> None:
    city = await start("city")
    for name in ("north", "south", "empty"):
        assert (await city.owner.post("/v1/participants", json={"name": name})).status_code == 201
    for name, policy in (("north", {"count": 3}), ("south", {"recipient": [bank.id]})):
        body = {"source": {"kind": "file", "path": str(roses)}, "policy": policy}
        url = f"/v1/participants/{name}/datasets/{name}-roses"
        assert (await city.owner.put(url, json=body)).status_code == 201
    await offer(city, roses, "city-roses", {"count": 3})

    def named(answer: httpx.Response) -> list[str]:
        return [one["dct:title"] for one in answer.json().get("catalog", [])]

    assert named(await ask(city, bank)) == ["north", "south"]
    assert named(await ask(city, mallory)) == ["north"]
    assert named(await ask(city, bank, {"field": "id", "op": "eq", "value": "south-roses"})) == [
        "south"
    ]
    (nested, _) = (await ask(city, bank)).json()["catalog"]
    (service,) = nested["service"]
    assert nested["distribution"][0]["format"] == "Catalog"
    assert nested["distribution"][0]["accessService"] == service["@id"]

    shown = await bank.post("catalog", address=city.id)
    assert [(one["id"], one["participant_id"].rpartition(":")[2]) for one in shown["datasets"]] == [
        ("city-roses", "city"),
        ("north-roses", "north"),
        ("south-roses", "south"),
    ]
    order = {"address": shown["datasets"][2]["participant_id"], "dataset": "south-roses"}
    begun = await bank.post("negotiations", **order)
    assert (await bank.negotiation(begun["id"]))["state"] == "FINALIZED"
    some = await bank.post(
        "catalog", address=city.id, filter=[{"field": "id", "op": "contains", "value": "south"}]
    )
    assert [one["id"] for one in some["datasets"]] == ["south-roses"]
