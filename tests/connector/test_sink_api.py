"""Our own sink: what it takes from whom, in which parts, and what it says of it."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest
from tests.connector.conftest import Start
from tests.connector.party import Party
from tests.connector.pulling import started

from trustspace.connector.pushing.address import sink_token
from trustspace.connector.pushing.attempt import digest_header
from trustspace.dsp.process import Process
from trustspace.dsp.transfer import TransferProcess

pytestmark = pytest.mark.anyio

BODY = b"0123456789" * 100
DIGEST = {"Repr_Digest": digest_header(hashlib.sha256(BODY).hexdigest())}
OTHER = {"Repr_Digest": digest_header("0" * 64)}


class RestTransfers:
    """Goes on with everything but transfers."""

    def goes_on(self, process: Process) -> bool:
        return not isinstance(process, TransferProcess)


class Sending:
    """A provider that writes to a consumer's sink as a test says."""

    def __init__(self, consumer: Party, pid: str) -> None:
        self.consumer, self.pid = consumer, pid
        self.headers = {"Authorization": f"Bearer {sink_token(consumer.hosted, pid)}"}

    async def say(self, method: str, content: bytes = b"", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = self.consumer.hosted.sink_url(self.pid)
        return await self.consumer.voice.request(
            method, url, content=content, headers=self.headers | named
        )

    async def offset(self) -> tuple[int, str]:
        answer = await self.say("HEAD")
        return answer.status_code, answer.headers["upload-offset"]


@pytest.fixture
async def sending(start: Start, roses: Any) -> Sending:
    """A push that its provider leaves alone, to a consumer that takes little."""
    small = await start("small", settings="\n[delivery]\nsink_bytes = 2000\n")
    still = await start("still", reaction=RestTransfers())
    await still.publish(roses)
    agreement = await small.agree(still)
    begun = await small.post("transfers", agreement=agreement, format="HttpData-PUSH")
    await small.settled()
    return Sending(small, begun["id"])


async def test_parts_are_joined_only_where_they_belong_together(sending: Sending) -> None:
    assert await sending.offset() == (204, "0")
    first = await sending.say("PUT", BODY[:400], Content_Range="bytes 0-399/1000", **OTHER)
    assert (first.status_code, first.headers["upload-offset"]) == (409, "0")
    whole = await sending.say("PUT", BODY, **OTHER)
    assert (whole.status_code, whole.json()["code"]) == (422, "integrity")
    assert await sending.offset() == (204, "0")
    for wrong in ("bytes 5-2/10", "bytes x", "items 0-1/2"):
        assert (await sending.say("PUT", BODY, Content_Range=wrong)).status_code == 400
    asked = await sending.say("PUT", Content_Range="bytes */1000")
    assert (asked.status_code, asked.headers.get("range")) == (308, None)
    done = await sending.say("PUT", BODY, Content_Type="text/x", **DIGEST)
    assert (done.status_code, done.headers["upload-complete"]) == (201, "?1")
    assert done.headers["repr-digest"] == DIGEST["Repr_Digest"]
    assert await sending.offset() == (200, "1000")
    got = await sending.consumer.ask("GET", f"transfers/{sending.pid}/content")
    assert (got.content, got.headers["content-type"]) == (BODY, "text/x; charset=utf-8")


async def test_it_takes_no_more_than_its_owner_lets_it(sending: Sending) -> None:
    assert (await sending.say("PUT", bytes(2001))).status_code == 413

    async def drip() -> Any:
        for _ in range(3):
            yield bytes(1000)

    url = sending.consumer.hosted.sink_url(sending.pid)
    answer = await sending.consumer.voice.put(url, content=drip(), headers=sending.headers)
    assert answer.status_code == 413
    squeezed = await sending.say("PUT", BODY, Content_Encoding="gzip")
    assert squeezed.status_code == 415


async def test_it_takes_nothing_for_what_is_over(sending: Sending) -> None:
    sealed = sending.consumer.connector.home.path / "sealed"
    assert (await sending.say("PUT", BODY)).status_code == 201
    (arrived,) = sealed.rglob("*.sealed")
    assert BODY[:50] not in arrived.read_bytes()
    ended = await sending.consumer.post(f"transfers/{sending.pid}/terminate")
    assert ended["state"] == "TERMINATED"
    assert list(sealed.rglob("*.sealed*")) == []
    answer = await sending.say("PUT", BODY)
    assert (answer.status_code, answer.json()["code"]) == (403, "transfer.terminated")


async def test_a_pull_has_no_sink(garden: Party, bank: Party, roses: Any) -> None:
    pull = await started(garden, bank, roses, {})
    assert (await Sending(bank, pull.transfer).say("PUT", BODY)).status_code == 401
    asked = await bank.ask("GET", f"transfers/{pull.transfer}/content")
    assert asked.status_code == 404
