"""Rows, bytes and running time as limits: exact, once per session, and stopped with the reason."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pyarrow as pa
import pytest
from tests.connector.backend import backend
from tests.connector.party import Json, Party
from tests.connector.pulling import ARROW, Pull, started, table
from tests.connector.test_calls import call

pytestmark = pytest.mark.anyio

ROWS = 1_000
DATA = ("n\n" + "".join(f"{n}\n" for n in range(ROWS))).encode()
REACHED = "pep.limit_reached"


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.csv"
    path.write_bytes(DATA)
    return path


async def received(pull: Pull, **more: Any) -> bytes:
    """Read an answer as far as it comes."""
    data = b""
    with contextlib.suppress(httpx.RemoteProtocolError):
        async with pull.stream(**more) as answer:
            assert answer.status_code in (200, 206), (await answer.aread(), answer.status_code)
            async for chunk in answer.aiter_raw():
                data += chunk
    return data


def rows_of(data: bytes) -> list[int]:
    """Return the rows of a stream of which the end may be missing."""
    found: list[int] = []
    with contextlib.suppress(pa.ArrowException), pa.ipc.open_stream(data) as reader:
        for batch in reader:
            found += batch.column(0).to_pylist()
    return found


async def refusal(pull: Pull, **more: Any) -> Json:
    answer = await pull.get(**more)
    assert answer.status_code == 403, answer.text
    told: Json = answer.json()
    return told


async def codes(pull: Pull) -> list[str]:
    """Codes of the deliveries of an agreement that were cut."""
    return [
        event.body.get("code", "")
        for event in await pull.provider.events()
        if event.kind == "delivery.cut" and event.body["agreement"] == pull.agreement
    ]


async def test_a_table_stops_at_the_last_row_that_is_left(
    garden: Party, bank: Party, numbers: Path
) -> None:
    pull = await started(garden, bank, numbers, {"rows": 700})
    session = str(uuid4())
    assert rows_of(await received(pull, session=session, Accept=ARROW)) == [*range(700)]
    await pull.delivered(1)
    assert await pull.used() == {"rule:p1:row": 700}
    assert await codes(pull) == [REACHED]
    # The session is told why, and so is everybody else.
    told = await refusal(pull, session=session, Accept=ARROW)
    assert (told["code"], told["reasons"][0]["left"]) == (REACHED, "ts:dataRecord")
    told = await refusal(pull, Accept=ARROW)
    assert told["code"] == "odrl.constraint.unsatisfied"
    assert told["reasons"][0]["expected"] == 700
    assert await pull.used() == {"rule:p1:row": 700}


async def test_a_table_begun_anew_in_its_session_is_not_counted_again(
    garden: Party, bank: Party, numbers: Path
) -> None:
    pull = await started(garden, bank, numbers, {"rows": ROWS})
    session = str(uuid4())
    for _ in range(2):
        assert table(await pull.get(session=session, Accept=ARROW)).height == ROWS
    await pull.delivered(2)
    assert await pull.used() == {"rule:p1:row": ROWS}
    assert (await refusal(pull, Accept=ARROW))["code"] == "odrl.constraint.unsatisfied"


async def test_sessions_at_a_time_get_no_row_too_many(
    garden: Party, bank: Party, numbers: Path
) -> None:
    pull = await started(garden, bank, numbers, {"rows": [5_500, "20000/P1D"]})
    got = await asyncio.gather(*(received_or_none(pull) for _ in range(8)))
    assert sum(got) == 5_500
    assert sorted(got)[-5:] == [ROWS] * 5
    await pull.delivered(sum(each > 0 for each in got))
    assert await pull.used() == {"rule:p1:row": 5_500, "rule:p1:row/P1D": 5_500}
    shown = await garden.get(f"agreements/{pull.agreement}")
    assert shown["rows"] == 5_500
    total, per_day = shown["quotas"]
    assert (total["term"], total["unit"], total["window"]) == ("ts:dataRecord", "row", None)
    assert [total[name] for name in ("max", "used", "left", "opens_at")] == [5_500, 5_500, 0, None]
    assert (per_day["window"], per_day["left"]) == ("P1D", 14_500)
    opens = per_day["opens_at"]
    assert opens.endswith("T00:00:00+00:00")
    # The consumer does not know what its provider has counted.
    mine = (await bank.get(f"agreements/{pull.agreement}"))["quotas"]
    assert [(each["max"], each["used"]) for each in mine] == [(5_500, None), (20_000, None)]
    words = (await garden.get(f"explain/{pull.agreement}"))["sentences"]
    assert "the number of rows: 5500 of 5500 used" in words
    assert f"the number of rows: 5500 of 20000/P1D used; the next window opens at {opens}" in words
    words = (await bank.get(f"explain/{pull.agreement}", language="zh"))["sentences"]
    assert any("约定 5500" in sentence for sentence in words)


async def received_or_none(pull: Pull) -> int:
    answer = pull.stream(Accept=ARROW)
    data = b""
    with contextlib.suppress(httpx.RemoteProtocolError):
        async with answer as opened:
            if opened.status_code == 403:
                return 0
            async for chunk in opened.aiter_raw():
                data += chunk
    return len(rows_of(data))


async def test_rows_are_counted_in_tables_only(garden: Party, bank: Party, numbers: Path) -> None:
    pull = await started(garden, bank, numbers, {"rows": 5})
    told = await refusal(pull)
    assert told["code"] == "pep.unenforceable"
    assert "ask for the table" in told["hint"]
    assert await pull.used() == {}


async def test_a_file_stops_at_the_last_byte_that_is_left(
    garden: Party, bank: Party, numbers: Path
) -> None:
    data = DATA
    limit = len(data) + 100
    pull = await started(garden, bank, numbers, {"size": limit})
    first, second = str(uuid4()), str(uuid4())
    # Ranges that overlap, and a second time: one session, one count.
    for part in ("bytes=0-99", "bytes=50-199", "bytes=0-"):
        await received(pull, session=first, Range=part)
    assert (await pull.get(session=first)).content == data
    await pull.delivered(4)
    assert await pull.used() == {"rule:p1:byte": len(data)}
    assert await received(pull, session=second) == data[:100]
    await pull.delivered(5)
    assert await codes(pull) == [REACHED]
    assert await pull.used() == {"rule:p1:byte": limit}
    # It goes on where it was, and is told why it cannot.
    told = await refusal(pull, session=second, Range="bytes=100-")
    assert (told["code"], told["reasons"][0]["left"]) == (REACHED, "ts:dataSize")
    assert (await pull.get(session=second, Range="bytes=0-99")).content == data[:100]
    assert (await pull.get(session=first)).content == data
    assert (await refusal(pull))["code"] == "odrl.constraint.unsatisfied"
    assert await pull.used() == {"rule:p1:byte": limit}


async def test_what_did_not_leave_is_given_back(garden: Party, bank: Party, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"\0" * (64 << 20))
    pull = await started(garden, bank, path, {"size": "64MiB", "count": 9})
    async with pull.stream() as answer:
        async for _ in answer.aiter_raw(1 << 20):
            break
    await pull.delivered(1)
    shown = await garden.get(f"agreements/{pull.agreement}")
    left = shown["bytes"]
    assert 0 < left < 64 << 20
    assert shown["used"]["rule:p1:byte"] == left


async def test_a_window_that_is_used_up_says_when_the_next_one_opens(
    garden: Party, bank: Party, numbers: Path
) -> None:
    pull = await started(garden, bank, numbers, {"size": "10B/P1D+08:00"})
    assert len(await received(pull)) == 10
    told = await refusal(pull)
    assert told["hint"].startswith("the next window opens at ")
    assert told["hint"].endswith("T00:00:00+08:00")
    (reason,) = told["reasons"]
    assert (reason["left"], reason["expected"], reason["unit"]) == ("ts:dataSize", 10, "P1D+08:00")
    assert reason["opens"] % 86_400 == 16 * 3_600


async def test_an_answer_of_an_interface_stops_at_the_last_byte_that_is_left(
    garden: Party, bank: Party
) -> None:
    async with backend() as behind:
        pull = await started(garden, bank, "", {"size": 60}, source=behind.source)
        whole = await call(pull, "/score")
        size = len(whole.content)
        assert 30 < size < 60
        with pytest.raises(httpx.RemoteProtocolError):
            await call(pull, "/score")
        await pull.delivered(2)
        assert await pull.used() == {"rule:p1:byte": 60}
        assert await codes(pull) == [REACHED]
        assert (await call(pull, "/score")).status_code == 403
        assert len(behind.heard) == 2


async def test_running_time_is_measured_and_cut(garden: Party, bank: Party, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"\0" * (256 << 20))
    pull = await started(garden, bank, path, {"metered": "PT4S"})
    # A short use takes the seconds that it touches and gives the others back.
    assert (await pull.get(Range="bytes=0-9")).status_code == 206
    await pull.delivered(1)
    for _ in range(100):
        if (spent := (await pull.used())["rule:p1:second"]) <= 2:
            break
        await asyncio.sleep(0.02)
    assert 1 <= spent <= 2
    # Who does not read on is cut when the time is used up.
    with contextlib.suppress(httpx.RemoteProtocolError):
        async with pull.stream() as answer:
            async for _ in answer.aiter_raw():
                await pull.delivered(2)
    assert await codes(pull) == [REACHED]
    assert await pull.used() == {"rule:p1:second": 4}
    told = await refusal(pull)
    assert told["reasons"][0]["left"] == "odrl:meteredTime"


@pytest.mark.parametrize(
    ("policy", "more"),
    [
        ({"size": 100}, {}),
        ({"rows": 10}, {"form": "table", "media_type": ARROW}),
        ({"rows": 10}, {"form": "table", "media_type": "application/vnd.apache.parquet"}),
    ],
)
async def test_a_push_ends_at_the_limit_with_the_reason(
    garden: Party, bank: Party, numbers: Path, policy: Json, more: Json
) -> None:
    name = f"push-{uuid4()}"
    await garden.publish(numbers, name, policy)
    agreement = await bank.agree(garden, name, purpose=None)
    begun = await bank.post("transfers", agreement=agreement, format="HttpData-PUSH", **more)
    shown = await bank.until(f"transfers/{begun['id']}", "TERMINATED", seconds=15)
    assert shown["code"] == REACHED
    assert shown["reasons"][0]["expected"] in (10, 100)
    used = (await garden.get(f"agreements/{agreement}"))["used"]
    is_parquet = str(more.get("media_type")).endswith("parquet")
    # Of a table that leaves as a file nothing left, because a part of it is of no use.
    expected = 0 if is_parquet else next(iter(policy.values()))
    assert sum(used.values()) == expected


@pytest.mark.parametrize(
    "more",
    [{}, {"form": "table"}, {"form": "table", "media_type": "application/vnd.apache.parquet"}],
)
async def test_a_push_within_the_limit_is_counted_once(
    garden: Party, bank: Party, numbers: Path, more: Json
) -> None:
    policy: Json = {"rows": 2 * ROWS} if more else {"size": "1MB"}
    name = f"push-{uuid4()}"
    await garden.publish(numbers, name, policy)
    agreement = await bank.agree(garden, name, purpose=None)
    begun = await bank.post("transfers", agreement=agreement, format="HttpData-PUSH", **more)
    shown = await bank.until(f"transfers/{begun['id']}", "COMPLETED", seconds=15)
    used = (await garden.get(f"agreements/{agreement}"))["used"]
    assert list(used.values()) == [ROWS if more else shown["pushed"]]
