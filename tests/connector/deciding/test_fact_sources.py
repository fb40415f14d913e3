"""Providers of facts of a running connector: Python, HTTP, installed packages, Rego files."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from tests.connector.conftest import Start
from tests.connector.deciding.reactors import SMALL, Answer, Endpoint, Register, endpoint
from tests.connector.party import Party, party

from trustspace.connector.deciding.fact_sources import egress_of, sources_of
from trustspace.connector.home import init_home
from trustspace.connector.settings import FactEndpoint
from trustspace.errors import ConfigurationError
from trustspace.policy.own_operand import own_operand
from trustspace.policy.vocabulary import LEFT_OPERANDS
from trustspace.transport.message_client import MessageClient

pytestmark = pytest.mark.anyio

DECLARED = '{ name = "acme:reactorClass", kind = "string" }'


def settings(url: str, **more: object) -> str:
    rows = "".join(f"{name} = {value}\n" for name, value in more.items())
    return f'\n[policy.facts.acme]\nurl = "{url}"\ndeclares = [{DECLARED}]\n{rows}'


async def test_what_a_provider_says_decides(start: Start, roses: Path) -> None:
    register = Register(says="I", max_age=timedelta(seconds=1))
    garden, bank = await start("garden", facts=[register]), await start("bank")
    await garden.publish(roses, policy=SMALL)
    # The catalogue asks nobody: what counts is decided when somebody wants to agree.
    listed = await bank.post("catalog", address=garden.address)
    assert [one["id"] for one in listed["datasets"]] == ["roses"]
    assert register.asked == []
    refused = await bank.negotiate(garden, purpose=None)
    assert refused["state"] == "TERMINATED"
    assert refused["reasons"][0]["left"] == "acme:reactorClass"
    (question,) = register.asked
    assert (question.participant, question.counterparty) == (garden.id, bank.id)
    assert (question.dataset, question.operands) == ("roses", ("acme:reactorClass",))
    register.says = "IIb"
    await asyncio.sleep(1.1)
    agreement = await bank.agree(garden, purpose=None)
    register.says = OSError("down")
    await asyncio.sleep(1.1)
    denied = await bank.transfer(agreement)
    assert (denied["state"], denied["code"]) == ("TERMINATED", "fact.unavailable")
    register.says = "IIb"
    await asyncio.sleep(1.1)
    assert (await bank.transfer(agreement))["state"] == "STARTED"


async def test_an_endpoint_is_asked_with_its_token(
    start: Start, roses: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    async with endpoint() as served:
        more = settings(served.url, token_file=f'"{token}"')
        garden, bank = await start("garden", settings=more), await start("bank")
        await garden.publish(roses, policy=SMALL)
        agreement = await bank.agree(garden, purpose=None)
        assert (await bank.transfer(agreement))["state"] == "STARTED"
        ((header, body),) = served.heard
        assert header == "Bearer s3cret"
        assert body == {
            "participant": garden.id,
            "counterparty": bank.id,
            "dataset": "roses",
            "operands": ["acme:reactorClass"],
        }
        did = quote(bank.id, safe="")
        facts = {"facts": {"acme:reactorClass": "IIb"}}
        answer = await garden.ask("PUT", f"counterparties/{did}", facts)
        assert (answer.status_code, "a provider" in answer.text) == (422, True)


async def _hang(request: Request) -> Response:
    del request
    await asyncio.sleep(30)
    return Response()


async def _drip(request: Request) -> Response:
    del request

    async def slowly() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    return StreamingResponse(slowly(), media_type="application/json")


def _says(content: bytes, status: int = 200) -> Answer:
    async def answer(request: Request) -> Response:
        del request
        return Response(content, status, media_type="application/json")

    return answer


async def _elsewhere(request: Request) -> Response:
    return RedirectResponse(str(request.url), 307)


FACT = b'{"facts": {"acme:reactorClass": "IIb"}}'
BROKEN: dict[str, Answer] = {
    "hangs": _hang,
    "drips": _drip,
    "redirects": _elsewhere,
    "fails": _says(FACT, 500),
    "created": _says(FACT, 201),
    "is empty": _says(b""),
    "is no JSON": _says(b"<html>"),
    "is a list": _says(b"[]"),
    "has no facts": _says(b"{}"),
    "lists facts": _says(b'{"facts": ["acme:reactorClass"]}'),
    "says it twice": _says(b'{"facts": {"acme:reactorClass": "I", "acme:reactorClass": "IIb"}}'),
    "says a number": _says(b'{"facts": {"acme:reactorClass": 2}}'),
    "says too much": _says(b'{"facts": {"x": "' + b"x" * 100_000 + b'"}}'),
    "is deep": _says(b'{"facts": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "is bad text": _says(b'{"facts": {"acme:reactorClass": "\xff"}}'),
    "was true": _says(
        b'{"facts": {"acme:reactorClass": {"value": "IIb", "at": "2020-01-01T00:00:00Z"}}}'
    ),
}


@pytest.fixture(scope="module")
async def broken(folder: Path, roses: Path) -> AsyncIterator[tuple[Endpoint, Party]]:
    """A provider whose endpoint answers as a test says."""

    async with contextlib.AsyncExitStack() as stack:
        served = await stack.enter_async_context(endpoint())
        more = settings(served.url, deadline_seconds=0.3, max_age_seconds=1)
        garden = await stack.enter_async_context(
            party(folder / "asking-garden", "asking", settings=more)
        )
        await garden.publish(roses, policy=SMALL)
        yield served, garden


@pytest.mark.parametrize("name", BROKEN)
async def test_an_endpoint_that_is_broken_says_nothing(
    name: str, broken: tuple[Endpoint, Party], bank: Party
) -> None:
    served, garden = broken
    garden.connector.plane.context.facts.forget()
    served.answer = BROKEN[name]
    refused = await bank.negotiate(garden, purpose=None)
    assert (refused["state"], refused["code"]) == ("TERMINATED", "fact.unavailable"), name
    assert refused["reasons"][0]["left"] == "acme:reactorClass"
    assert len(served.heard) >= 1


async def test_nobody_listens_at_the_endpoint(start: Start, roses: Path, bank: Party) -> None:
    garden = await start("deaf", settings=settings("http://127.0.0.1:9/facts"))
    await garden.publish(roses, policy=SMALL)
    refused = await bank.negotiate(garden, purpose=None)
    assert refused["code"] == "fact.unavailable"


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "setting"),
    [
        ({"url": "http://facts.example/x"}, "url"),
        ({"url": "ftp://facts.example/x"}, "url"),
        ({"declares": ({"name": "odrl:count"},)}, "declares"),
        ({"operands": ("odrl:dateTime",)}, "operands"),
        ({"operands": ("acme:nobody",)}, "operands"),
        ({"token_file": "/nowhere"}, "token_file"),
    ],
)
async def test_an_endpoint_that_cannot_be_used_is_refused_at_the_start(
    more: dict[str, object], setting: str
) -> None:
    given = FactEndpoint.model_validate({"url": "https://facts.example/x"} | more)
    async with MessageClient() as client:
        with pytest.raises(ConfigurationError) as caught:
            sources_of({"acme": given}, client)
    assert caught.value.setting == f"policy.facts.acme.{setting}"


async def test_an_operand_has_one_source() -> None:
    with pytest.raises(ConfigurationError, match="two sources"):
        sources_of({}, None, [Register(), Register()])


async def test_endpoints_may_stand_in_the_owners_own_network() -> None:
    policy = egress_of([FactEndpoint(url="https://facts.intern/x")])
    policy.check_address("10.0.0.7", host="facts.intern")
    assert not policy.allow_http
    assert egress_of([FactEndpoint(url="http://localhost:1/x")]).allow_loopback


async def test_known_operands_are_served_by_name(start: Start) -> None:
    register = Register(operands=("cx:Membership", "spatial"))
    await start("garden", facts=[register])
    assert "cx:Membership" in LEFT_OPERANDS


def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    folder = tmp_path / "acme_facts-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-facts\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[trustspace.facts]\nacme = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))


async def test_an_installed_package_brings_a_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path, monkeypatch, "tests.connector.deciding.reactors:Register")
    (source,) = sources_of({}, None)
    assert (source.name, [*source.operands]) == ("acme", ["acme:reactorClass"])
    assert source.seconds == 2.0


async def test_a_package_that_cannot_be_loaded_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _installed(tmp_path, monkeypatch, "tests.connector.deciding.reactors:Missing")
    with pytest.raises(ConfigurationError, match="acme cannot be loaded"):
        sources_of({}, None)


# --- what Rego files declare ---------------------------------------------------------------------

OPERAND = """# METADATA
# custom:
#   operand: {"name": "acme:reactorSize", "kind": "integer"}
package trustspace.operands

known contains "acme:reactorSize"
"""


async def test_what_the_rules_do_not_work_out_yet_is_not_taken(
    start: Start, tmp_path: Path, roses: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "sized"
    init_home(home, name="sized")
    folder = home / "policies" / "operands"
    folder.mkdir(parents=True)
    (folder / "size.rego").write_text(OPERAND)
    register = Register(operands=("acme:reactorSize",))
    sized = await start("sized", facts=[register])
    assert "acme:reactorSize is declared" in caplog.text
    constraint = {"leftOperand": "acme:reactorSize", "operator": "lt", "rightOperand": 3}
    body = {
        "source": {"kind": "file", "path": str(roses)},
        "policy": {"permission": [{"action": "use", "constraint": [constraint]}]},
    }
    answer = await sized.ask("PUT", "datasets/roses", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "policy.unsupported")


async def test_a_declaration_that_is_malformed_stops_the_start(
    start: Start, tmp_path: Path
) -> None:
    home = tmp_path / "wrong"
    init_home(home, name="wrong")
    folder = home / "policies" / "operands"
    folder.mkdir(parents=True)
    (folder / "size.rego").write_text('#   operand: {"name": "size"}\n')
    with pytest.raises(ConfigurationError) as caught:
        await start("wrong")
    assert caught.value.setting == "policy.site"


async def test_one_name_has_one_meaning_in_a_process(start: Start) -> None:
    await start("garden", facts=[Register()])
    other = own_operand({"name": "acme:reactorClass", "kind": "integer"})
    with pytest.raises(ConfigurationError, match="something else"):
        await start("bank", facts=[Register(operands=(other,))])
