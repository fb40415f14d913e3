"""What other connectors answer when ours asks: read leniently, believed little, bounded always."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from tests.connector.party import Json, Party
from tests.connector.scripted_peer import OFFER, ScriptedPeer

pytestmark = pytest.mark.anyio

CATALOG, DATASET = "catalog/request", "catalog/datasets/roses"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"


def _catalog(peer: ScriptedPeer, *names: str, **changed: Any) -> Json:
    service = {"@id": "s", "@type": "DataService", "endpointURL": peer.base}
    datasets = [
        {
            "@id": name,
            "@type": "Dataset",
            "hasPolicy": [OFFER | {"@id": f"urn:offer:{name}"}],
            "distribution": [
                {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s"}
            ],
        }
        for name in names
    ]
    body = {
        "@context": [CONTEXT],
        "@id": "c",
        "@type": "Catalog",
        "participantId": peer.id,
        "service": [service],
    }
    return body | ({"dataset": datasets} if datasets else {}) | changed


REFUSALS: dict[str, tuple[Response, int, str]] = {
    "not authorised": (Response(status_code=401), 502, "counterparty.refused"),
    "a fault": (PlainTextResponse("oops", status_code=500), 502, "counterparty.refused"),
    "a redirect": (
        Response(status_code=302, headers={"Location": "http://169.254.169.254/"}),
        502,
        "counterparty.refused",
    ),
    "text": (PlainTextResponse("hello"), 502, "counterparty.malformed"),
    "an array": (JSONResponse([]), 502, "counterparty.malformed"),
    "another message": (
        JSONResponse({"@context": [CONTEXT], "@type": "CatalogError", "code": "x"}),
        502,
        "counterparty.malformed",
    ),
    "an inline context": (
        JSONResponse({"@context": {"a": "b"}, "@type": "Catalog"}),
        502,
        "counterparty.malformed",
    ),
    "members twice": (
        PlainTextResponse('{"@type": "Catalog", "@type": "Dataset"}'),
        502,
        "counterparty.malformed",
    ),
    "deep": (PlainTextResponse("[" * 100_000), 502, "counterparty.malformed"),
    "compressed": (
        PlainTextResponse("x", headers={"Content-Encoding": "gzip"}),
        502,
        "",
    ),
}


@pytest.mark.parametrize("endpoint", [CATALOG, DATASET])
@pytest.mark.parametrize("name", REFUSALS)
async def test_an_answer_that_is_none_is_the_counterpartys_fault(
    bank: Party, peer: ScriptedPeer, name: str, endpoint: str
) -> None:
    answer, status, code = REFUSALS[name]
    peer.answers[endpoint] = lambda _: answer
    before = bank.stored()
    if endpoint == CATALOG:
        found = await bank.ask("POST", "catalog", {"address": peer.url})
    else:
        found = await bank.ask("POST", "negotiations", {"address": peer.url, "dataset": "roses"})
    assert found.status_code == status
    assert found.json()["code"] == code or not code
    assert bank.stored() == before
    assert len(peer.heard) == 1


async def test_an_answer_beyond_the_limit_is_not_read(bank: Party, peer: ScriptedPeer) -> None:
    peer.answers[DATASET] = lambda _: PlainTextResponse(b" " * (2 * 1024 * 1024))
    found = await bank.ask("POST", "negotiations", {"address": peer.url, "dataset": "roses"})
    assert found.status_code == 502


async def test_a_dataset_that_is_not_offered_is_not_found(bank: Party, peer: ScriptedPeer) -> None:
    found = await bank.ask("POST", "negotiations", {"address": peer.url, "dataset": "tulips"})
    assert (found.status_code, found.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"permission": [{"action": "levitate"}]}, "policy.unsupported"),
        (
            {
                "permission": [
                    {
                        "action": "use",
                        "constraint": [
                            {"leftOperand": "moonPhase", "operator": "eq", "rightOperand": "full"}
                        ],
                    }
                ]
            },
            "policy.unsupported",
        ),
    ],
)
async def test_terms_that_we_could_not_keep_are_not_asked_for(
    bank: Party, peer: ScriptedPeer, policy: Json, code: str
) -> None:
    body = _catalog(peer, "roses")["dataset"][0]
    body |= {"@context": [CONTEXT], "hasPolicy": [OFFER | policy]}
    service = {"@id": "s", "@type": "DataService", "endpointURL": peer.base}
    body["distribution"][0]["accessService"] = service
    peer.answers[DATASET] = lambda _: JSONResponse(body)
    before = bank.stored()
    found = await bank.ask("POST", "negotiations", {"address": peer.url, "dataset": "roses"})
    assert (found.status_code, found.json()["code"]) == (422, code)
    assert found.json()["location"].startswith("/permission/0")
    assert bank.stored() == before


# --- pages -----------------------------------------------------------------------------------


async def _names(bank: Party, peer: ScriptedPeer, **more: Any) -> list[str]:
    shown = await bank.post("catalog", address=peer.url, **more)
    return [dataset["id"] for dataset in shown["datasets"]]


def _paged(peer: ScriptedPeer, link: str, *, pages: int = 3) -> None:
    """Answer pages of one dataset each, with a link on all but the last one."""
    count = 0

    def answer(_: Json) -> Response:
        nonlocal count
        count += 1
        headers = {"Link": link} if count < pages else {}
        return JSONResponse(_catalog(peer, f"d{count}"), headers=headers)

    peer.answers[CATALOG] = answer


@pytest.mark.parametrize(
    "link",
    [
        '<{base}/catalog/request?page=x>; rel="next"',
        "<{base}/catalog/request?page=x>; rel=next",
        '<{base}/first>; rel="previous", <{base}/catalog/request>; rel="next"',
        '</dsp/catalog/request>; title="more"; rel="next"',
    ],
)
async def test_pages_are_followed(bank: Party, peer: ScriptedPeer, link: str) -> None:
    _paged(peer, link.format(base=peer.base))
    assert await _names(bank, peer) == ["d1", "d2", "d3"]


async def test_no_more_pages_are_fetched_than_are_asked_for(
    bank: Party, peer: ScriptedPeer
) -> None:
    _paged(peer, f'<{peer.base}/catalog/request>; rel="next"', pages=1_000)
    assert await _names(bank, peer, limit=2) == ["d1", "d2"]
    assert len(peer.heard) == 2


@pytest.mark.parametrize(
    "link",
    [
        '<http://169.254.169.254/latest>; rel="next"',
        '<https://attacker.example/catalog/request>; rel="next"',
        '<http://localhost:1/dsp/catalog/request>; rel="next"',
        '<{base}/catalog/request>; rel="previous"',
        "next",
        "<>",
        '<http://[>; rel="next"',
    ],
)
async def test_a_link_elsewhere_is_not_followed(bank: Party, peer: ScriptedPeer, link: str) -> None:
    """A counterparty may not send us, and our tokens, to somebody else."""
    _paged(peer, link.format(base=peer.base))
    found = await bank.ask("POST", "catalog", {"address": peer.url})
    assert found.status_code in (200, 502)
    if found.status_code == 200:
        assert [one["id"] for one in found.json()["datasets"]] == ["d1"]
    assert len(peer.heard) == 1
