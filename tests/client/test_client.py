"""Both drivers over a real socket: the same operations, the same values, the same errors."""

from __future__ import annotations

import inspect
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse
from starlette.responses import Response as HttpResponse

import trustspace.client
from trustspace.client import (
    AsyncBoundAgreement,
    AsyncClient,
    AsyncHandle,
    BoundAgreement,
    Client,
    Handle,
)
from trustspace.client.home import RunningConnector
from trustspace.errors import (
    ConfigurationError,
    ConnectError,
    DeadlineError,
    NotFoundError,
    PolicyDeniedError,
    StatusError,
    TransportError,
)

pytestmark = pytest.mark.anyio

EVENT = {"at": "2026-07-01T00:00:00Z", "kind": "agreement.signed", "body": {}}


@pytest.fixture
def client(connector):
    with Client(connector.url, "secret") as client:
        yield client


@pytest.fixture
async def async_client(connector):
    async with AsyncClient(connector.url, "secret") as client:
        yield client


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# The surface


def methods(kind: type) -> dict[str, Any]:
    return {
        name: member
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in ("close", "aclose")
    }


@pytest.mark.parametrize(("kind", "twin"), [(Client, AsyncClient), (Handle, AsyncHandle)])
def test_both_worlds_have_the_same_methods_with_the_same_arguments(kind, twin):
    sync, asynchronous = methods(kind), methods(twin)
    assert sorted(sync) == sorted(asynchronous)
    for name, member in sync.items():
        ours = inspect.signature(member).parameters
        theirs = inspect.signature(asynchronous[name]).parameters
        assert [str(item) for item in ours.values()] == [
            str(item).replace("[Async", "[") for item in theirs.values()
        ]


CALLS = [
    ("participant", (), {}, None),
    ("participants", (), {}, None),
    ("host", ("two",), {}, None),
    ("publish", ("/x.csv",), {"id": "x", "terms": {}}, "PUT datasets/x"),
    ("unpublish", ("x",), {}, "DELETE datasets/x"),
    ("dataset", ("x",), {}, "GET datasets/x"),
    ("datasets", (), {}, "GET datasets"),
    ("catalog", ("https://g",), {}, "POST catalog"),
    ("negotiations", (), {}, "GET negotiations"),
    ("negotiation", ("n",), {}, "GET negotiations/n"),
    ("terminate_negotiation", ("n",), {"reason": "r"}, "POST negotiations/n/terminate"),
    ("agreements", (), {}, "GET agreements"),
    ("agreement", ("a",), {}, "GET agreements/a"),
    ("revoke", ("a",), {"reason": "r"}, "POST agreements/a/revoke"),
    ("transfers", (), {}, "GET transfers"),
    ("transfer", ("t",), {}, "GET transfers/t"),
    ("suspend", ("t",), {"reason": "r"}, "POST transfers/t/suspend"),
    ("resume", ("t",), {}, "POST transfers/t/resume"),
    ("release", ("a",), {}, "POST agreements/a/release"),
    ("complete", ("t",), {}, "POST transfers/t/complete"),
    ("terminate", ("t",), {"reason": "r"}, "POST transfers/t/terminate"),
    ("explain", ("x",), {"language": "zh"}, "GET explain/x"),
    ("attest", ("did:web:g", {"spatial": "CN"}), {}, "PUT counterparties/did:web:g"),
    ("attested", ("did:web:g",), {}, "GET counterparties/did:web:g"),
]


@pytest.fixture
def answers(connector, doc):
    """Everything that `CALLS` ask for."""
    kinds = {
        "datasets": doc.dataset,
        "negotiations": doc.negotiation,
        "agreements": doc.agreement,
        "transfers": doc.transfer,
        "explain": {"id": "x", "kind": "agreement", "outcome": "FINALIZED"},
        "counterparties": {"facts": {"spatial": "CN"}},
        "catalog": {"participant_id": "did:web:g", "address": "https://g"},
    }
    for *_, asked in CALLS:
        if asked is None:
            continue
        method, path = asked.split(" ")
        kind, _, rest = path.partition("/")
        listing = method == "GET" and not rest
        connector.answers[asked] = {"items": [kinds[kind]]} if listing else kinds[kind]
    connector.answers["POST agreements/a/release"] = {"agreement": "a", "released": 1}
    connector.answers["DELETE datasets/x"] = HttpResponse(status_code=204)


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(("name", "given", "options", "asked"), CALLS, ids=str)
async def test_every_operation_is_driven_by_both(
    connector, client, async_client, name, given, options, asked
):
    result = getattr(client, name)(*given, **options)
    twin = await getattr(async_client, name)(*given, **options)
    if isinstance(result, tuple):
        (result,), (twin,) = result, twin
    if isinstance(result, BoundAgreement):
        assert isinstance(twin, AsyncBoundAgreement)
        result, twin = result.model_dump(), twin.model_dump()
    assert result == twin
    assert connector.asked.count(asked) == (2 if asked else 0)


async def test_negotiate_is_driven_by_both(connector, client, async_client, doc):
    finalized = doc.negotiation | {"state": "FINALIZED", "agreement": "urn:uuid:a1"}
    connector.answers["POST negotiations"] = doc.negotiation
    connector.answers["GET negotiations/urn:uuid:n1"] = finalized
    agreement = client.negotiate("https://g", "rose-prices", purpose="p")
    assert agreement.is_in_force
    assert isinstance(agreement, BoundAgreement)
    assert connector.management_headers["authorization"] == "Bearer secret"
    twin = await async_client.negotiate("https://g", "rose-prices")
    assert isinstance(twin, AsyncBoundAgreement)
    assert twin.id == agreement.id


def test_an_agreement_is_a_value(client):
    first, second = client.agreement("urn:uuid:a1"), client.agreement("urn:uuid:a1")
    assert first == second
    assert "_client" not in first.to_wire()


async def test_waits_are_slept_by_both(connector, client, async_client, doc):
    connector.answers["POST negotiations"] = doc.negotiation
    connector.answers["GET negotiations/urn:uuid:n1"] = doc.negotiation
    connector.answers["POST negotiations/urn:uuid:n1/terminate"] = doc.negotiation
    deadline = timedelta(seconds=0.25)
    for run in range(2):
        start = time.monotonic()
        if run:
            with pytest.raises(DeadlineError):
                await async_client.negotiate("https://g", "x", deadline=deadline)
        else:
            with pytest.raises(DeadlineError):
                client.negotiate("https://g", "x", deadline=deadline)
        assert 0.2 < time.monotonic() - start < 3


async def test_events_are_read_to_the_end(connector, client, async_client):
    def page(request):
        after = int(request.query_params["after"])
        return JSONResponse({"items": [EVENT | {"seq": after + 1}] if after < 3 else []})

    connector.answers["GET events"] = page
    assert [event.seq for event in client.events()] == [1, 2, 3]
    assert [event.seq async for event in async_client.events(after=1)] == [2, 3]


async def test_events_are_followed_until_the_caller_ends_it(connector, client, async_client):
    seen = []

    def page(request):
        seen.append(request.query_params["wait"])
        items = [EVENT | {"seq": len(seen)}] if len(seen) % 2 == 0 else []
        return JSONResponse({"items": items})

    connector.answers["GET events"] = page
    assert next(client.events(follow=True)).seq == 2
    async for event in async_client.events(follow=True):
        assert event.seq == 4
        break
    assert set(seen) == {"30.000"}


# Errors


async def test_a_problem_becomes_its_error(connector, client, async_client):
    problem = {"status": 403, "code": "denied", "detail": "no", "reasons": ["because"]}
    connector.answers["GET datasets/x"] = JSONResponse(problem, status_code=403)
    with pytest.raises(PolicyDeniedError):
        client.dataset("x")
    with pytest.raises(PolicyDeniedError):
        await async_client.dataset("x")
    with pytest.raises(NotFoundError):
        client.dataset("y")


def test_a_server_that_is_no_connector_is_told_apart(connector, client):
    connector.answers["GET datasets/x"] = HTMLResponse("<html>")
    with pytest.raises(StatusError, match="not JSON") as caught:
        client.dataset("x")
    assert "management URL" in caught.value.hint
    connector.answers["GET datasets/x"] = HTMLResponse("<html>", 502, {"x-request-id": "r7"})
    with pytest.raises(StatusError, match="answered 502") as caught:
        client.dataset("x")
    assert caught.value.request_id == "r7"


async def test_silence_is_a_connect_error_with_the_hint():
    url = f"http://127.0.0.1:{free_port()}"
    with (
        Client(url, "secret", start_hint="start it") as client,
        pytest.raises(ConnectError) as caught,
    ):
        client.datasets()
    assert caught.value.hint == "start it"
    async with AsyncClient(url, "secret", start_hint="start it") as async_client:
        with pytest.raises(ConnectError) as caught:
            await async_client.datasets()
    assert caught.value.hint == "start it"


async def test_a_slow_connector_is_a_deadline_error(connector):
    def slow(_request):
        time.sleep(0.5)
        return JSONResponse({"items": []})

    connector.answers["GET datasets"] = slow
    timeout = timedelta(milliseconds=100)
    with (
        Client(connector.url, "secret", participant="bank", timeout=timeout) as client,
        pytest.raises(DeadlineError),
    ):
        client.datasets()


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://127.0.0.1", "http://", ""])
def test_a_url_that_is_none_is_refused_at_once(url):
    with pytest.raises(ConfigurationError, match="not the URL"):
        Client(url, "secret")


@pytest.mark.parametrize("url", ["http://connector.example", "http://10.0.0.1:8081"])
def test_a_token_is_not_sent_in_clear_over_a_network(url):
    with pytest.raises(ConfigurationError, match="in clear"):
        Client(url, "secret")


def test_secrets_are_not_shown():
    connector = RunningConnector("http://127.0.0.1:1", "s3cret")
    assert "s3cret" not in repr(connector)
    with Client("http://localhost:1", "s3cret") as client:
        assert "s3cret" not in repr(vars(client))


# Homes


def make_home(folder: Path, url: str, *, pid: int | None = None) -> Path:
    folder.mkdir()
    (folder / "management.token").write_text("secret\n", encoding="ascii")
    told = {"management_url": url, "address": "http://localhost:1", "pid": pid or os.getpid()}
    (folder / "running.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


async def test_a_home_finds_its_running_connector(connector, tmp_path):
    home = make_home(tmp_path / "home", connector.url)
    with Client.of_home(home) as client:
        assert client.participant().name == "bank"
    async with AsyncClient.of_home(str(home), participant="bank") as async_client:
        assert (await async_client.participant()).name == "bank"
    assert connector.management_headers["authorization"] == "Bearer secret"


def test_a_folder_that_is_no_home_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigurationError, match="not the home") as caught:
        Client.of_home(tmp_path)
    assert caught.value.hint == f"make it: trustspace init {tmp_path}"


def test_an_unreadable_token_is_a_configuration_error(tmp_path):
    (tmp_path / "management.token").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Client.of_home(tmp_path)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"management_url": "x", "pid": "y"}'])
def test_a_home_that_does_not_run_says_how_to_start_it(tmp_path, content):
    home = make_home(tmp_path / "home", "http://127.0.0.1:1")
    (home / "running.json").unlink()
    if content is not None:
        (home / "running.json").write_text(content, encoding="utf-8")
    with pytest.raises(TransportError, match="does not run") as caught:
        Client.of_home(home)
    assert caught.value.hint == f"start it: trustspace serve --home {home}"


def test_what_a_crash_left_is_not_taken_for_a_running_connector(tmp_path, monkeypatch):
    home = make_home(tmp_path / "home", "http://127.0.0.1:1", pid=999_999)

    def kill(pid, signal):
        assert (pid, signal) == (999_999, 0)
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    with pytest.raises(TransportError, match="does not run any more"):
        Client.of_home(home)


def test_a_connector_of_another_user_is_alive(tmp_path, monkeypatch):
    def kill(_pid, _signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    home = make_home(tmp_path / "home", "http://127.0.0.1:1")
    with Client.of_home(home):
        pass


def test_one_client_serves_several_threads(connector, client):
    connector.answers["GET datasets"] = {"items": []}
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: client.datasets(), range(8))) == {()}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = trustspace.client.no_such_name
