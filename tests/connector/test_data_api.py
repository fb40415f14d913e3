"""Data over the wire: by token, in the form the terms leave, counted once per open."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from tests.connector.conftest import CSV
from tests.connector.party import Json, Party
from tests.connector.pulling import ARROW, Pull, started, table

from trustspace.connector.listener import Listener, bind

pytestmark = pytest.mark.anyio

COUNT = 3
LIMITED: Json = {"count": COUNT}


@pytest.fixture
async def pull(garden: Party, bank: Party, roses: Path) -> Pull:
    return await started(garden, bank, roses, LIMITED)


# --- files -----------------------------------------------------------------------------------


async def test_a_file_comes_with_its_digest(pull: Pull) -> None:
    answer = await pull.get()
    assert answer.status_code == 200
    assert answer.text == CSV
    digest = hashlib.sha256(CSV.encode())
    told = base64.b64encode(digest.digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{told}:"
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(CSV))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("text/csv")


async def test_what_leaves_is_metered_and_noted(pull: Pull) -> None:
    session = str(uuid4())
    await pull.get(session=session)
    await pull.get(session=session, Range="bytes=0-4")
    await pull.delivered(2)
    shown = await pull.provider.get(f"agreements/{pull.agreement}")
    assert shown["bytes"] == len(CSV) + 5
    assert list(shown["used"].values()) == [1]
    assert list(shown["limits"].values()) == [COUNT]
    assert (await pull.provider.get(f"transfers/{pull.theirs}"))["bytes"] == len(CSV) + 5
    events = [
        event for event in await pull.provider.events() if event.body.get("session") == session
    ]
    assert [event.kind for event in events] == [
        "access.granted",
        "delivery.sent",
        "delivery.sent",
    ]
    assert events[0].body["counterparty"] == pull.consumer.id
    assert events[0].body["form"] == "file"
    assert events[0].body["policy_digest"] == shown["digest"]


async def test_a_file_is_resumed_within_its_session(pull: Pull) -> None:
    session = str(uuid4())
    first = await pull.get(session=session, Range="bytes=0-9")
    assert (first.status_code, first.text) == (206, CSV[:10])
    assert first.headers["content-range"] == f"bytes 0-9/{len(CSV)}"
    etag = first.headers["etag"]
    rest = await pull.get(session=session, Range="bytes=10-", If_Range=etag)
    assert (rest.status_code, first.text + rest.text) == (206, CSV)
    # Another version than the one begun with is sent whole.
    whole = await pull.get(session=session, Range="bytes=10-", If_Range='"other"')
    assert (whole.status_code, whole.text) == (200, CSV)
    assert list((await pull.used()).values()) == [1]


@pytest.mark.parametrize("value", [f"bytes={len(CSV)}-", "bytes=0-1,3-4", "bytes=5-2", "bytes=x"])
async def test_a_range_that_is_none_is_refused(pull: Pull, value: str) -> None:
    session = str(uuid4())
    answer = await pull.get(session=session, Range=value)
    assert answer.status_code in (200, 416)
    if answer.status_code == 416:
        assert answer.headers["content-range"] == f"bytes */{len(CSV)}"
        assert await pull.kinds() == []
        await pull.until_used(0)


async def test_what_the_consumer_has_is_not_sent_again(pull: Pull) -> None:
    session = str(uuid4())
    etag = (await pull.get(session=session)).headers["etag"]
    again = await pull.get(session=session, If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")
    other = await pull.get(session=session, If_Match='"other"')
    assert (other.status_code, other.content) == (412, b"")


async def test_a_look_at_the_headers_uses_nothing_up(pull: Pull) -> None:
    answer = await pull.get(method="HEAD")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(CSV))
    assert answer.content == b""
    await pull.until_used(0)


# --- tables ----------------------------------------------------------------------------------

SHAPED: Json = {
    "where": 'grade = "A"',
    "drop": ["price"],
    "mask": ["phone:hash"],
}


async def test_a_table_leaves_as_the_terms_shape_it(
    garden: Party, bank: Party, roses: Path
) -> None:
    pull = await started(garden, bank, roses, SHAPED)
    frame = table(await pull.get(Accept=ARROW))
    assert frame.columns == ["grade", "phone"]
    assert frame["grade"].to_list() == ["A", "A"]
    hashes = frame["phone"].to_list()
    assert len(set(hashes)) == 2
    assert all(len(value) == 64 for value in hashes)
    assert "110" not in hashes
    await pull.delivered(1)
    shown = await garden.get(f"agreements/{pull.agreement}")
    assert shown["rows"] == 2
    # In another agreement the same values hash differently.
    other = await started(garden, bank, roses, SHAPED)
    assert table(await other.get(Accept=ARROW))["phone"].to_list() != hashes


async def test_a_shaped_table_is_no_file(garden: Party, bank: Party, roses: Path) -> None:
    pull = await started(garden, bank, roses, SHAPED | LIMITED)
    answer = await pull.get()
    assert (answer.status_code, answer.json()["code"]) == (403, "pep.unenforceable")
    assert "table" in answer.json()["hint"]
    for _ in range(COUNT):
        assert (await pull.get(Accept=ARROW)).status_code == 200
    assert (await pull.get(Accept=ARROW)).status_code == 403


async def test_a_file_that_is_no_table_is_none(garden: Party, bank: Party, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8")
    pull = await started(garden, bank, file, LIMITED)
    answer = await pull.get(Accept=ARROW)
    assert (answer.status_code, answer.json()["code"]) == (406, "form.unavailable")
    assert answer.json()["hint"] == "ask for the file"
    assert (await pull.get()).content == b"\xff\xd8"


async def test_a_plain_table_comes_in_both_forms(pull: Pull) -> None:
    frame = table(await pull.get(Accept=ARROW))
    assert frame.height == 3
    assert (await pull.get(Accept="text/csv")).text == CSV


# --- counts ----------------------------------------------------------------------------------


async def test_uses_are_up_when_they_are_up(pull: Pull) -> None:
    sessions = [str(uuid4()) for _ in range(COUNT)]
    for session in sessions:
        assert (await pull.get(session=session)).status_code == 200
    refused = await pull.get()
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    reason = refused.json()["reasons"][0]
    assert reason["left"] == "odrl:count"
    assert reason["expected"] == COUNT
    assert "actual" not in reason
    assert (await pull.kinds())[-1] == "access.denied"
    # A session that has its unit goes on.
    assert (await pull.get(session=sessions[0], Range="bytes=5-")).status_code == 206
    explained = await pull.provider.get(f"explain/{pull.agreement}")
    assert explained["sentences"]
    assert explained["reasons"][0]["left"] == "odrl:count"


async def test_of_many_at_once_only_the_agreed_uses_are_had(pull: Pull) -> None:
    answers = await asyncio.gather(*(pull.get() for _ in range(20)))
    found = [answer.status_code for answer in answers]
    assert sorted(found) == [200] * COUNT + [403] * (20 - COUNT)
    assert list((await pull.used()).values()) == [COUNT]


async def test_one_session_at_once_is_one_use(pull: Pull) -> None:
    session = str(uuid4())
    answers = await asyncio.gather(*(pull.get(session=session) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert list((await pull.used()).values()) == [1]
    await pull.delivered(10)
    assert (await pull.kinds()).count("access.granted") == 1


async def test_what_did_not_leave_was_no_use(pull: Pull) -> None:
    """Looks beside a delivery of the same session take nothing from it either."""
    session = str(uuid4())
    for _ in range(2 * COUNT):
        assert (await pull.get(Range="bytes=999-")).status_code == 416
        await pull.until_used(0)
    asked = [pull.get(session=session, method=method) for method in ("HEAD", "GET") * 5]
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
    assert list((await pull.used()).values()) == [1]


@pytest.mark.parametrize("session", ["", "short", "x" * 65, "with space and more", "a/b" * 8])
async def test_a_request_without_a_proper_session_is_an_open_of_its_own(
    pull: Pull, session: str
) -> None:
    headers = pull.headers() | {"Trustspace-Session": session}
    for _ in range(COUNT):
        answer = await pull.consumer.voice.get(pull.edr["endpoint"], headers=headers)
        assert answer.status_code == 200
    answer = await pull.consumer.voice.get(pull.edr["endpoint"], headers=headers)
    assert answer.status_code == 403


async def test_another_action_is_decided_by_itself(pull: Pull) -> None:
    assert (await pull.get(Trustspace_Action="use")).status_code == 200
    # ODRL's tree: to distribute is a way to use, to sell is none.
    assert (await pull.get(Trustspace_Action="distribute")).status_code == 200
    refused = await pull.get(Trustspace_Action="sell")
    assert refused.status_code == 403
    unknown = await pull.get(Trustspace_Action="levitate")
    assert unknown.status_code in (403, 422)
    assert list((await pull.used()).values()) == [2]


# --- sources ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [None, ARROW])
async def test_a_changed_file_is_refused_before_a_byte(
    garden: Party, bank: Party, tmp_path: Path, form: str | None
) -> None:
    file = tmp_path / "changing.csv"
    file.write_text(CSV)
    pull = await started(garden, bank, file, LIMITED)
    file.write_text(CSV.replace("A", "B"))
    more = {} if form is None else {"Accept": form}
    answer = await pull.get(**more)
    assert (answer.status_code, answer.json()["code"]) == (409, "integrity")
    assert str(tmp_path) not in answer.text
    assert await pull.kinds() == []
    assert list((await pull.used()).values()) == [0]
    file.unlink()
    answer = await pull.get(**more)
    assert answer.status_code in (404, 409, 500, 503)
    assert str(tmp_path) not in answer.text
    # As published: a new version is a new publication, under the same agreement.
    file.write_text(CSV)
    await garden.publish(
        file, (await garden.get(f"agreements/{pull.agreement}"))["dataset"], LIMITED
    )
    assert (await pull.get(**more)).status_code == 200


class _Upstream:
    """The provider's own server."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.status = 200

    async def serve(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        return PlainTextResponse("upstream", status_code=self.status, headers={"X-Internal": "1"})


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[_Upstream, str]]:
    server, bound = _Upstream(), bind("127.0.0.1", 0)
    app = Starlette(routes=[Route("/secret-path", server.serve)])
    async with Listener(app, bound):
        yield server, f"http://127.0.0.1:{bound.getsockname()[1]}/secret-path"


async def test_a_url_is_passed_on_without_its_secrets(
    garden: Party, bank: Party, upstream: tuple[_Upstream, str]
) -> None:
    server, url = upstream
    source = {"kind": "http", "url": url, "headers": {"X-Api-Key": "sesame"}}
    pull = await started(garden, bank, "", LIMITED, source=source)
    answer = await pull.get(Cookie="a=b", X_Consumer="1")
    assert (answer.status_code, answer.text) == (200, "upstream")
    assert "x-internal" not in answer.headers
    (seen,) = server.headers
    assert seen["x-api-key"] == "sesame"
    for name in ("authorization", "trustspace-session", "cookie", "x-consumer"):
        assert name not in seen
    server.status = 500
    failed = await pull.get()
    assert failed.status_code == 502
    for secret in ("sesame", "secret-path", "upstream"):
        assert secret not in failed.text
    # What did not leave was no use.
    assert list((await pull.used()).values()) == [1]
