from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import anyio
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.dataplane.delivery import Delivery, everything

from trustspace.dataplane.arrow_stream import MEDIA_TYPE, PIECE_BYTES, decode
from trustspace.dataplane.pull import Passage, PullAnswer, PullRequest, serve_pull
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import AnySource, FileSource, Form, HttpSource
from trustspace.errors import (
    IntegrityError,
    PolicyDeniedError,
)
from trustspace.policy.mask import parse_mask
from trustspace.policy.row_filter import parse_where

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 12_000
RESTRICTION = Restriction(
    filters=(parse_where("id >= 10"),), masks=(parse_mask("phone:hash"),), salt=b"s" * 32
)


async def until_cut(answer: PullAnswer) -> list[bytes]:
    received: list[bytes] = []

    async def receive() -> None:
        async for part in answer.body:
            received.append(part)  # noqa: PERF401 - what came before the cut has to be kept

    with pytest.raises(PolicyDeniedError):
        await receive()
    await answer.aclose()
    return received


async def get(source: AnySource, form: Form = "file", **headers: str) -> tuple[PullAnswer, bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await Delivery().serve(source, form, request=PullRequest.of("GET", names))
    return answer, await everything(answer)


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    return FileSource.at(path)


@pytest.fixture
def table(tmp_path: Path) -> FileSource:
    frame = pl.select(id=pl.int_range(300_000)).with_columns(phone=pl.lit("138"))
    frame.write_parquet(tmp_path / "t.parquet")
    return FileSource.at(tmp_path / "t.parquet")


@pytest.fixture(autouse=True)
def no_file_is_left_open() -> Iterator[None]:
    before = files_open()
    yield
    assert files_open() == before


def files_open() -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names of descriptors, not files
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
        except FileNotFoundError:
            continue
        if target.endswith((".bin", ".parquet")):
            found.append(target)
    return found


# ------------------------------------------------------------------ files


async def test_a_file_leaves_whole_with_tag_and_digest(source: FileSource) -> None:
    delivery = Delivery()
    answer = await delivery.serve(source)
    assert await everything(answer) == DATA
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.status == 200
    assert answer.headers == {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(len(DATA)),
        "Accept-Ranges": "bytes",
        "ETag": f'"{source.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    assert (delivery.size_bytes, delivery.rows, delivery.pieces) == (len(DATA), 0, 3)


async def test_pieces_have_one_size(source: FileSource) -> None:
    answer = await Delivery().serve(source)
    sizes = [len(part) async for part in answer.body]
    await answer.aclose()
    assert sizes == [PIECE_BYTES, PIECE_BYTES, len(DATA) - 2 * PIECE_BYTES]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(DATA) + 10), st.none() | st.integers(0, len(DATA) + 10))
async def test_a_range_is_a_slice(source: FileSource, first: int, last: int | None) -> None:
    answer, body = await get(source, range=f"bytes={first}-{'' if last is None else last}")
    expected = DATA[first:] if last is None else DATA[first : last + 1]
    if not expected:
        assert (answer.status, body) == (416, b"")
        assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"
        return
    assert answer.status == 206
    assert body == expected
    end = first + len(expected) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{end}/{len(DATA)}"
    assert answer.headers["Content-Length"] == str(len(expected))
    assert answer.headers["Repr-Digest"].startswith("sha-256=:")


async def test_parts_make_up_the_whole(source: FileSource) -> None:
    _, head = await get(source, range="bytes=0-1500000")
    _, tail = await get(source, range="bytes=1500001-", if_range=f'"{source.sha256}"')
    assert head + tail == DATA


@pytest.mark.parametrize("if_range", ['"other"', "W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_range_of_another_version_is_the_whole(source: FileSource, if_range: str) -> None:
    validator = if_range.replace("{etag}", f'"{source.sha256}"')
    answer, body = await get(source, range="bytes=5-", if_range=validator)
    assert (answer.status, body) == (200, DATA)
    answer, body = await get(source, range="bytes=0-1,3-4", if_range=validator)
    assert (answer.status, body) == (200, DATA)


async def test_what_the_client_has_is_not_sent(source: FileSource) -> None:
    for validator in (f'"{source.sha256}"', f'W/"{source.sha256}"', "*"):
        answer, body = await get(source, if_none_match=validator, range="bytes=0-1")
        assert (answer.status, body) == (304, b"")
        assert answer.headers["ETag"] == f'"{source.sha256}"'
    answer, body = await get(source, if_none_match='"other"')
    assert (answer.status, body) == (200, DATA)


async def test_a_version_can_be_demanded(source: FileSource) -> None:
    assert (await get(source, if_match='"other"'))[0].status == 412
    assert (await get(source, if_match=f'W/"{source.sha256}"'))[0].status == 412
    assert (await get(source, if_match=f'"{source.sha256}"'))[0].status == 200


@pytest.mark.parametrize(
    "header", ["bytes=0-1,2-3", "bytes=x", "bytes=" + ",".join(["0-"] * 100_000)]
)
async def test_bad_ranges_are_refused(source: FileSource, header: str) -> None:
    answer, body = await get(source, range=header)
    assert (answer.status, body) == (416, b"")
    assert "Content-Type" not in answer.headers


async def test_a_head_has_no_body(source: FileSource) -> None:
    delivery = Delivery()
    answer = await delivery.serve(source, request=PullRequest.of("HEAD", {"range": "bytes=0-9"}))
    assert (answer.status, answer.headers["Content-Length"]) == (206, "10")
    assert await everything(answer) == b""
    assert delivery.pieces == 0


async def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    (tmp_path / "e.bin").touch()
    source = FileSource.at(tmp_path / "e.bin")
    answer, body = await get(source)
    assert (answer.status, answer.headers["Content-Length"], body) == (200, "0", b"")
    assert (await get(source, range="bytes=0-"))[0].status == 416


async def test_a_closed_gate_lets_nothing_out(source: FileSource) -> None:
    delivery = Delivery()
    delivery.closed_after = 0
    with pytest.raises(PolicyDeniedError):
        await delivery.serve(source)


async def test_a_gate_that_closes_cuts_within_a_piece(source: FileSource) -> None:
    delivery = Delivery()
    delivery.closed_after = 2
    answer = await delivery.serve(source)
    received = await until_cut(answer)
    assert b"".join(received) == DATA[: 2 * PIECE_BYTES]
    assert delivery.size_bytes == 2 * PIECE_BYTES


async def test_a_gate_is_asked_again_when_a_piece_took_long(source: FileSource) -> None:
    calls = 0

    def gate() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise PolicyDeniedError("the delivery was cut")

    delivery = Delivery()
    answer = await serve_pull(source, "file", PullRequest(), Passage(gate, delivery.meter))
    with pytest.raises(PolicyDeniedError):
        await everything(answer)
    assert delivery.pieces == 0


async def test_a_changed_file_sends_no_byte(source: FileSource) -> None:
    os.truncate(source.path, 10)
    delivery = Delivery()
    with pytest.raises(IntegrityError):
        await delivery.serve(source)
    assert delivery.size_bytes == 0


async def test_a_file_cut_under_way_breaks_off(source: FileSource) -> None:
    answer = await Delivery().serve(source)
    parts = aiter(answer.body)
    await anext(parts)
    os.truncate(source.path, PIECE_BYTES + 10)
    with pytest.raises(IntegrityError):
        await anext(parts)
    await answer.aclose()


async def test_an_answer_can_be_left_unread(source: FileSource, table: FileSource) -> None:
    for each, form in ((source, "file"), (table, "table")):
        answer = await Delivery().serve(each, form)  # type: ignore[arg-type]
        await answer.aclose()
        await answer.aclose()
        answer = await Delivery().serve(each, form)  # type: ignore[arg-type]
        await anext(aiter(answer.body))
        await answer.aclose()


async def test_a_request_given_up_while_opening_leaves_no_file(source: FileSource) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await Delivery().serve(source)
    assert scope.cancelled_caught


async def test_a_filter_cannot_be_carried_out_on_a_file(table: FileSource) -> None:
    with pytest.raises(PolicyDeniedError) as caught:
        await Delivery().serve(table, "file", restriction=RESTRICTION)
    assert caught.value.code == "pep.unenforceable"
    answer = await Delivery().serve(table, "file", restriction=Restriction(salt=b"s" * 32))
    data = await everything(answer)
    assert data.startswith(b"PAR1")


# ------------------------------------------------------------------ tables


async def test_a_table_leaves_as_an_arrow_stream(table: FileSource) -> None:
    delivery = Delivery()
    answer = await delivery.serve(
        table,
        "table",
        restriction=RESTRICTION,
        request=PullRequest(range="bytes=5-", if_none_match="*"),
    )
    data = await everything(answer)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["Accept-Ranges"] == "none"
    assert not {"ETag", "Repr-Digest", "Content-Length"} & answer.headers.keys()
    received = pa.Table.from_batches(decode([data]))
    assert received.num_rows == delivery.rows == 299_990
    assert delivery.size_bytes == len(data)
    assert b"138" not in received.column("phone")[0].as_py().encode()[:3]


async def test_a_table_without_restriction_is_all_of_it(table: FileSource) -> None:
    answer = await Delivery().serve(table, "table")
    assert sum(batch.num_rows for batch in decode([await everything(answer)])) == 300_000


async def test_the_head_of_a_table_has_no_body(table: FileSource) -> None:
    answer = await Delivery().serve(table, "table", request=PullRequest(method="HEAD"))
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert await everything(answer) == b""


async def test_a_table_stream_is_cut_before_its_end(table: FileSource) -> None:
    delivery = Delivery()
    delivery.closed_after = 2
    answer = await delivery.serve(table, "table")
    received = await until_cut(answer)
    with pytest.raises(IntegrityError):
        list(decode(received))


async def test_what_is_no_table_cannot_be_one(source: FileSource) -> None:
    for each in (source, HttpSource.at("https://x.example/")):
        with pytest.raises(PolicyDeniedError) as caught:
            await Delivery().serve(each, "table")
        assert caught.value.code == "pep.unenforceable"


async def test_a_restriction_that_does_not_fit_is_refused_before_any_byte(
    table: FileSource,
) -> None:
    with pytest.raises(PolicyDeniedError):
        await Delivery().serve(
            table, "table", restriction=Restriction(filters=(parse_where('id = "1"'),))
        )
