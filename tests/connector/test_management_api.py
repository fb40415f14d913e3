"""The management API: for who holds the token, on its own listener, one creation per key."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party, party

from trustspace._version import __version__
from trustspace.connector.app import running
from trustspace.connector.home import init_home
from trustspace.connector.management.app import token_hash
from trustspace.dsp.binding import ROUTES
from trustspace.errors import ConfigurationError
from trustspace.store import HOST

pytestmark = pytest.mark.anyio


async def _described(garden: Party) -> dict[str, Any]:
    answer = await garden.owner.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["paths"]
    return found


def _filled(path: str) -> str:
    for name in ("participant", "dataset_id", "pid", "agreement_id", "subject", "did", "step"):
        path = path.replace(f"{{{name}}}", "x").replace(f"{{{name}:path}}", "x")
    return path


# --- the token (D9) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x", "{token}"],
)
async def test_nothing_but_health_is_open(garden: Party, header: str | None) -> None:
    token = garden.connector.home.management_token()
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    before = garden.stored()
    async with httpx.AsyncClient(
        base_url=garden.connector.management_url, headers=headers, trust_env=False
    ) as client:
        for path, methods in (await _described(garden)).items():
            for method in methods:
                answer = await client.request(method, _filled(path), json={})
                if path == "/health":
                    assert answer.json() == {"status": "ok", "version": __version__}
                    continue
                assert answer.status_code == 401, path
                assert answer.json()["code"] == "unauthorized"
                assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/openapi.json", "/docs", "/redoc", "/v1/", "/", "/nothing"):
            assert (await client.get(path)).status_code == 401, path
    assert garden.stored() == before


async def test_the_token_is_at_rest_as_its_hash_only(garden: Party) -> None:
    home = garden.connector.home
    token = home.management_token()
    stored = await garden.store.read(lambda tx: tx.settings.get(HOST, "management.token"))
    assert stored == token_hash(token)
    assert token not in repr(garden.stored())


async def test_without_a_token_file_the_stored_hash_holds(tmp_path: Path) -> None:
    async with party(tmp_path / "orchard", "orchard") as orchard:
        token = orchard.connector.home.management_token()
        headers = {"Authorization": f"Bearer {token}"}
    (tmp_path / "orchard" / "management.token").unlink()
    # `party` completes the home, hence with a token of another value; the file decides.
    async with party(tmp_path / "orchard", "orchard") as orchard:
        fresh = orchard.connector.home.management_token()
        assert fresh != token
        url = f"{orchard.connector.management_url}/v1/participants"
        assert (await orchard.voice.get(url, headers=headers)).status_code == 401
        assert (await orchard.owner.get("/v1/participants")).status_code == 200


async def test_a_home_without_any_token_is_not_served(tmp_path: Path) -> None:
    home = init_home(tmp_path / "orchard", name="orchard")
    home.token_file.unlink()
    with pytest.raises(ConfigurationError, match="nobody could manage"):
        async with running(home):
            pass


async def test_the_public_listener_serves_no_management_path(garden: Party) -> None:
    token = {"Authorization": f"Bearer {garden.connector.home.management_token()}"}
    for path, methods in (await _described(garden)).items():
        for method in methods:
            url = garden.address + _filled(path).replace("/x", "/garden", 1)
            answer = await garden.voice.request(method, url, json={}, headers=token)
            assert answer.status_code in (404, 405), path


async def test_the_management_listener_serves_no_protocol_path(garden: Party) -> None:
    paths = [route.path for route in ROUTES]
    paths = [f"/garden/dsp/2025-1/{path.format(pid='x', id='x')}" for path in paths]
    for path in [*paths, "/garden/did.json", "/.well-known/dspace-version", "/garden/data/x"]:
        for method in ("GET", "POST"):
            assert (await garden.owner.request(method, path)).status_code == 404, path


async def test_it_is_bound_to_loopback(garden: Party) -> None:
    assert garden.connector.management_url.startswith("http://127.0.0.1:")


# --- requests --------------------------------------------------------------------------------


async def test_it_describes_itself(garden: Party) -> None:
    described = await _described(garden)
    base = "/v1/participants/{participant}"
    assert {
        "/health",
        "/v1/participants",
        base,
        f"{base}/datasets/{{dataset_id}}",
        f"{base}/catalog",
        f"{base}/negotiations",
        f"{base}/negotiations/{{pid}}",
        f"{base}/agreements/{{agreement_id}}/revoke",
        f"{base}/transfers/{{pid}}/edr",
        f"{base}/transfers/{{pid}}/receipts",
        f"{base}/events",
        f"{base}/explain/{{subject}}",
        f"{base}/counterparties/{{did}}",
    } <= set(described)


async def test_every_answer_has_an_id_of_its_own(garden: Party) -> None:
    ids = {(await garden.owner.get("/health")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


async def test_a_participant_says_who_it_is(garden: Party) -> None:
    shown = (await garden.owner.get("/v1/participants/garden")).json()
    assert shown == {
        "name": "garden",
        "id": garden.id,
        "address": garden.address,
        "dsp": garden.hosted.dsp_url,
        "development": True,
    }
    assert shown in (await garden.owner.get("/v1/participants")).json()
    missing = await garden.owner.get("/v1/participants/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


INVALID: list[tuple[str, str, Any]] = [
    ("POST", "negotiations", {}),
    ("POST", "negotiations", {"address": "x", "dataset": "y", "colour": "blue"}),
    ("POST", "negotiations", {"address": 1, "dataset": "y"}),
    ("POST", "catalog", {"address": "http://a", "limit": 0}),
    ("POST", "transfers", {}),
    ("PUT", "datasets/x", {"source": {}}),
    ("GET", "negotiations/x?wait=61", None),
    ("GET", "negotiations/x?wait=-1", None),
    ("GET", "events?after=-1", None),
    ("GET", "events?limit=0", None),
    ("GET", "datasets?limit=1001", None),
    ("GET", "explain/x?language=fr", None),
    ("POST", "transfers/x/receipts", {"session": "s", "outcome": "lost"}),
    ("POST", "transfers/x/suspend", {"reason": "x" * 2001}),
    ("PUT", "counterparties/did:web:a", {"facts": {"spatial": ""}}),
    ("PUT", "counterparties/did:web:a", {"facts": {"spatial": {"country": "CN"}}}),
    ("PUT", "counterparties/did:web:a", {"facts": {"colour": "blue"}}),
]


@pytest.mark.parametrize(("method", "path", "body"), INVALID)
async def test_an_invalid_request_says_what_is_wrong(
    garden: Party, method: str, path: str, body: Any
) -> None:
    before = garden.stored()
    answer = await garden.ask(method, path, body)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid"
    assert problem["detail"]
    assert problem["hint"]
    assert garden.stored() == before


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {}, 422),
        (b'{"address": "a", "address": "b", "dataset": "x"}', {}, 400),
        (b'{"address": NaN}', {}, 400),
        (b'{"address": "a"}', {"Content-Encoding": "gzip"}, 415),
        (b'{"address": "a"}', {"Content-Type": "text/plain"}, 415),
        (b'{"address": "' + b"a" * (1024 * 1024) + b'"}', {}, 413),
        (b'{"address": ' + b"[" * 100_000, {}, 400),
    ],
    ids=["not JSON", "empty", "twice", "NaN", "gzip", "text", "too large", "nested"],
)
async def test_a_bad_body_is_refused(
    garden: Party, content: bytes, headers: dict[str, str], status: int
) -> None:
    before = garden.stored()
    answer = await garden.owner.post(
        "/v1/participants/garden/negotiations",
        content=content,
        headers={"Content-Type": "application/json"} | headers,
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "invalid"
    assert garden.stored() == before


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nothing", 404, "not_found"), ("DELETE", "/health", 405, "invalid")],
)
async def test_what_is_not_served_is_a_problem_too(
    garden: Party, method: str, path: str, status: int, code: str
) -> None:
    answer = await garden.owner.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert path in answer.json()["hint"]


MISSING = [
    ("GET", "negotiations/x"),
    ("POST", "negotiations/x/terminate"),
    ("GET", "agreements/x"),
    ("POST", "agreements/x/revoke"),
    ("GET", "transfers/x"),
    ("GET", "transfers/x/edr"),
    ("POST", "transfers/x/suspend"),
    ("GET", "explain/x"),
    ("GET", "datasets/x"),
]


@pytest.mark.parametrize(("method", "path"), MISSING)
async def test_what_is_not_there_is_404(garden: Party, method: str, path: str) -> None:
    answer = await garden.ask(method, path, {} if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("http://127.0.0.1:1", 502, "unreachable"),
        ("http://192.168.0.1", 422, "address.denied"),
        ("ftp://localhost", 422, "address.denied"),
        ("did:key:z6Mk", 502, "counterparty.identity"),
        ("did:web:localhost%3A1:x", 502, "unreachable"),
        ("nowhere", 422, "address.denied"),
    ],
)
async def test_a_counterparty_that_cannot_be_reached_is_told_apart(
    garden: Party, address: str, status: int, code: str
) -> None:
    before = garden.stored()
    for path, more in (("catalog", {}), ("negotiations", {"dataset": "roses"})):
        answer = await garden.ask("POST", path, {"address": address} | more)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert garden.stored() == before


# --- waiting ---------------------------------------------------------------------------------


async def test_a_wait_ends_with_the_change(garden: Party, bank: Party) -> None:
    last = (await garden.events())[-1].seq
    begun = time.monotonic()
    waiting = asyncio.create_task(garden.get("events", after=last, wait=30))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await bank.agree(garden)
    found = await waiting
    assert found["items"][0]["seq"] == last + 1
    assert found["items"][0]["kind"] == "negotiation.requested"
    assert time.monotonic() - begun < 10


async def test_a_wait_without_change_ends_with_its_time(garden: Party) -> None:
    last = (await garden.events())[-1].seq
    found = await garden.get("events", after=last, wait=0.2)
    assert found == {"items": [], "next": last}
    assert (await garden.get("events", after=last))["items"] == []


async def test_waits_end_when_the_connector_stops(tmp_path: Path) -> None:
    home = init_home(tmp_path / "orchard", name="orchard")
    headers = {"Authorization": f"Bearer {home.management_token()}"}
    async with httpx.AsyncClient(headers=headers, timeout=70, trust_env=False) as owner:
        async with running(home) as connector:
            url = f"{connector.management_url}/v1/participants/orchard/events?after=9&wait=60"
            waiting = asyncio.create_task(owner.get(url))
            await asyncio.sleep(0.2)
            begun = time.monotonic()
        assert time.monotonic() - begun < 10
        assert (await waiting).json() == {"items": [], "next": 9}


# --- lists and receipts ----------------------------------------------------------------------


async def test_lists_go_page_by_page(start: Start, garden: Party) -> None:
    bank = await start("bank")
    for _ in range(3):
        agreement = await bank.agree(garden)
        await bank.transfer(agreement)
    for name in ("negotiations", "agreements", "transfers"):
        whole = [one["id"] for one in (await bank.get(name))["items"]]
        assert len(whole) == 3
        first = await bank.get(name, limit=2)
        rest = await bank.get(name, limit=2, cursor=first["next"])
        assert [one["id"] for one in first["items"] + rest["items"]] == whole
        assert rest["next"] is None
        refused = await bank.ask("GET", name, params={"cursor": "nonsense"})
        assert refused.status_code == 404
    assert len((await bank.get("negotiations", state="FINALIZED"))["items"]) == 3
    assert (await bank.get("negotiations", state="TERMINATED"))["items"] == []
    assert len((await bank.get("transfers", state="STARTED"))["items"]) == 3
    events = await bank.get("events", limit=4)
    assert [event["seq"] for event in events["items"]] == [1, 2, 3, 4]
    assert events["next"] == 4


async def test_receipts_are_events(garden: Party, bank: Party) -> None:
    agreement = await bank.agree(garden)
    transfer = await bank.transfer(agreement)
    for outcome, kind in (("delivered", "received"), ("refused", "refused"), ("cut", "cut")):
        receipt = {"session": "s" * 16, "outcome": outcome, "bytes": 7, "rows": 2}
        answer = await bank.ask("POST", f"transfers/{transfer['id']}/receipts", receipt)
        assert (answer.status_code, answer.content) == (204, b"")
        event = (await bank.events())[-1]
        assert event.kind == f"delivery.{kind}"
        assert event.body["agreement"] == agreement
        assert (event.body["bytes"], event.body["rows"]) == (7, 2)
    missing = await bank.ask("POST", "transfers/x/receipts", {"session": "s", "outcome": "cut"})
    assert missing.status_code == 404


async def test_a_participant_is_added_once(start: Start) -> None:
    garden = await start("garden")
    for _ in range(2):
        answer = await garden.owner.post("/v1/participants", json={"name": "orchard"})
        assert answer.status_code == 201
        assert answer.json()["id"] == f"{garden.id.removesuffix('garden')}orchard"
    named = [one["name"] for one in (await garden.owner.get("/v1/participants")).json()]
    assert named == ["garden", "orchard"]
    for name in ("", "Orchard", "../x", "a" * 64):
        answer = await garden.owner.post("/v1/participants", json={"name": name})
        assert answer.status_code == 422
