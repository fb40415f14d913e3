"""The governed handle against a data endpoint that does what a provider, or a network, may do."""

from __future__ import annotations

import base64
import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from trustspace.client import AsyncClient, Client
from trustspace.client import handle as handle_module
from trustspace.client import pull as pull_module
from trustspace.dataplane import data_extra
from trustspace.errors import (
    ConfigurationError,
    ConnectError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    MissingDependencyError,
    PolicyDeniedError,
    RemoteProtocolError,
    StatusError,
)

pytestmark = pytest.mark.anyio

BODY = bytes(range(256)) * 1024
ARROW = "application/vnd.apache.arrow.stream"
FRAME = pl.DataFrame({"name": ["Ada", "Bob", "Cyd"], "price": [12, 7, 15]})
Answer = Callable[[Request], Response]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Keep the pauses of a delivery that goes on short."""
    monkeypatch.setattr(handle_module, "RESTART_PAUSE", handle_module.RESTART_PAUSE / 30)
    monkeypatch.setattr(pull_module, "GRACE", pull_module.GRACE / 10)
    monkeypatch.setattr("trustspace.client.handle.GRACE", pull_module.GRACE)


@pytest.fixture
def client(connector):
    with Client(connector.url, "secret") as client:
        yield client


@pytest.fixture
def handle(client):
    with client.open("urn:uuid:a1") as handle:
        yield handle


def digest_header(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def file(body: bytes = BODY, *, cut_at: int | None = None, digest: str | None = None) -> Answer:
    """A file by range, cut after some bytes of the answer's body."""

    def answer(request: Request) -> Response:
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        start, status = 0, 200
        headers = {"ETag": etag, "Repr-Digest": digest or digest_header(body)}
        if "range" in request.headers and request.headers.get("if-range") == etag:
            start, status = int(request.headers["range"][6:-1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        headers["Content-Length"] = str(len(body) - start)
        return StreamingResponse(pieces(body[start:], cut_at), status, headers)

    return answer


def pieces(body: bytes, cut_at: int | None) -> Iterator[bytes]:
    for begin in range(0, len(body), 10_000):
        if cut_at is not None and begin + 10_000 > cut_at:
            yield body[begin:cut_at]
            raise ConnectionResetError
        yield body[begin : begin + 10_000]


def arrow(frame: pl.DataFrame = FRAME) -> bytes:
    body = io.BytesIO()
    table = frame.to_arrow()
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return body.getvalue()


def table(*, cut_at: int | None = None, body: bytes | None = None) -> Answer:
    stream = arrow() if body is None else body
    return lambda _: StreamingResponse(pieces(stream, cut_at), media_type=ARROW)


def refuse(status: int, code: str, **members: Any) -> Answer:
    document = {"status": status, "code": code, "detail": f"{code}!", **members}
    return lambda _: JSONResponse(document, status_code=status)


# Both forms


def test_read_returns_the_bytes(connector, handle):
    connector.data = [file()]
    assert handle.read() == BODY
    (headers,) = connector.headers
    assert headers["authorization"] == "Bearer token-0"
    assert headers["trustspace-session"] == handle.session
    assert headers["trustspace-action"] == "use"
    assert "range" not in headers


def test_rows_are_read_in_three_forms(connector, handle):
    connector.data = [table()]
    assert handle.to_polars().equals(FRAME)
    assert handle.to_arrow().num_rows == 3
    assert [batch.num_rows for batch in handle.iter_batches()] == [2, 1]
    assert {headers["accept"] for headers in connector.headers} == {ARROW}
    assert {headers["trustspace-session"] for headers in connector.headers} == {handle.session}


def test_an_empty_table_keeps_its_columns(connector, handle):
    connector.data = [table(body=arrow(FRAME.clear()))]
    assert handle.to_polars().schema == FRAME.schema


async def test_the_async_handle_does_the_same(connector, tmp_path):
    connector.data = [table()]
    async with AsyncClient(connector.url, "secret") as client:
        agreement = await client.agreement("urn:uuid:a1")
        async with agreement.open() as data:
            assert (await data.to_polars()).equals(FRAME)
            assert (await data.to_arrow()).num_rows == 3
            assert [batch.num_rows async for batch in data.iter_batches()] == [2, 1]
            assert (await data.save(tmp_path / "x.csv")).rows == 3
            connector.data = [file()]
            assert await data.read() == BODY
            assert not data.closed
            assert data.session == connector.headers[0]["trustspace-session"]
        assert data.closed


async def test_an_async_reader_may_stop_early(connector):
    connector.data = [table()]
    async with AsyncClient(connector.url, "secret") as client, client.open("urn:uuid:a1") as data:
        batches = data.iter_batches()
        assert (await anext(batches)).num_rows == 2
        await batches.aclose()


def test_an_agreement_opens_through_its_client(connector, client):
    connector.data = [file()]
    with client.agreement("urn:uuid:a1").open(purpose="credit-scoring") as data:
        assert data.read() == BODY


# Files on disk


@pytest.mark.parametrize(
    ("name", "read"),
    [("x.parquet", pl.read_parquet), ("x.csv", pl.read_csv), ("x.jsonl", pl.read_ndjson)],
)
def test_save_writes_tables_by_suffix(connector, handle, tmp_path, name, read):
    connector.data = [table()]
    saved = handle.save(tmp_path / name)
    written = (tmp_path / name).read_bytes()
    assert read(tmp_path / name).equals(FRAME)
    assert (saved.bytes, saved.rows) == (len(written), 3)
    assert saved.sha256 == hashlib.sha256(written).hexdigest()
    assert 0 < saved.seconds < 10
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_save_writes_any_other_suffix_as_it_came(connector, handle, tmp_path):
    connector.data = [file()]
    seen = []
    saved = handle.save(
        str(tmp_path / "x.bin"), progress=lambda done, all_: seen.append((done, all_))
    )
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert (saved.bytes, saved.rows) == (len(BODY), None)
    assert saved.sha256 == hashlib.sha256(BODY).hexdigest()
    assert seen[-1] == (len(BODY), len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]


def test_progress_of_a_table_has_no_end(connector, handle, tmp_path):
    connector.data = [table()]
    seen = []
    handle.save(tmp_path / "x.csv", progress=lambda done, all_: seen.append((done, all_)))
    assert [all_ for _, all_ in seen] == [None, None]
    assert seen[0][0] < seen[1][0]


def test_a_file_that_cannot_be_written_says_so(connector, handle, tmp_path):
    connector.data = [file()]
    for target in (tmp_path, tmp_path / "no" / "x.csv", tmp_path / "no" / "x.bin"):
        with pytest.raises(ConfigurationError, match="cannot be written"):
            handle.save(target)


# Cuts


def test_a_cut_file_goes_on_by_range(connector, handle):
    connector.data = [file(cut_at=100_000), file(cut_at=50_000), file()]
    assert handle.read() == BODY
    first, second, third = connector.headers
    assert "range" not in first
    assert second["range"] == "bytes=100000-"
    assert third["range"] == "bytes=150000-"
    assert second["if-range"].startswith('"')
    assert len({headers["trustspace-session"] for headers in connector.headers}) == 1


def test_a_file_that_changed_meanwhile_begins_anew(connector, handle):
    connector.data = [file(cut_at=100_000), file(BODY[::-1])]
    assert handle.read() == BODY[::-1]


def test_a_file_that_brings_nothing_any_more_is_given_up(connector, handle):
    connector.data = [file(cut_at=0)]
    with pytest.raises(ConnectError):
        handle.read()
    assert len(connector.headers) == handle_module.MOST_FRUITLESS + 1


def test_a_range_that_does_not_exist_begins_anew(connector, handle):
    connector.data = [file(cut_at=100_000), refuse(416, "range"), file()]
    assert handle.read() == BODY
    assert "range" not in connector.headers[2]


@pytest.mark.parametrize("content_range", ["bytes 7-9/10", "bytes */10", None])
def test_another_part_than_was_asked_for_is_refused(connector, handle, content_range):
    headers = {"Content-Range": content_range} if content_range else {}
    connector.data = [
        file(cut_at=100_000),
        lambda _: Response(b"xyz", status_code=206, headers=headers),
    ]
    with pytest.raises(RemoteProtocolError, match="another part"):
        handle.read()


def test_a_part_of_a_file_of_unknown_size_is_taken(connector, handle):
    rest = {"Content-Range": f"bytes 100000-{len(BODY) - 1}/*"}
    connector.data = [
        file(cut_at=100_000),
        lambda _: Response(BODY[100_000:], status_code=206, headers=rest),
    ]
    assert handle.read() == BODY


def test_a_cut_table_begins_anew_while_nothing_was_handed_out(connector, handle, tmp_path):
    cut = len(arrow()) - 100
    connector.data = [table(cut_at=cut), table()]
    assert handle.to_polars().equals(FRAME)
    connector.data = [table(cut_at=cut), table()]
    assert handle.save(tmp_path / "x.csv").rows == 3
    assert pl.read_csv(tmp_path / "x.csv").equals(FRAME)


def test_a_table_that_is_cut_each_time_is_given_up(connector, handle):
    connector.data = [table(cut_at=0)]
    with pytest.raises(ConnectError):
        handle.to_arrow()
    assert len(connector.headers) == handle_module.MOST_FRUITLESS + 1


def test_cut_batches_end_in_an_error_and_not_in_fewer_rows(connector, handle):
    connector.data = [table(cut_at=len(arrow()) - 8)]
    batches = handle.iter_batches()
    assert next(batches).num_rows + next(batches).num_rows == 3
    with pytest.raises(ConnectError):
        next(batches)


def test_a_stream_without_its_end_is_not_taken_for_whole(connector, handle):
    connector.data = [table(body=arrow()[:-8])]
    with pytest.raises(IntegrityError):
        handle.to_arrow()


# Interruptions


def test_an_interrupted_file_goes_on_in_another_process(connector, client, tmp_path):
    target = tmp_path / "x.bin"
    connector.data = [file(cut_at=100_000), file(cut_at=0)]
    with client.open("urn:uuid:a1") as first, pytest.raises(ConnectError):
        first.save(target)
    assert not target.exists()
    connector.data = [file()]
    with client.open("urn:uuid:a1") as second:
        assert second.session != first.session
        assert second.save(target).bytes == len(BODY)
        assert second.session == first.session
    assert connector.headers[-1]["range"] == "bytes=100000-"
    assert target.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupted_table_is_one_use_with_its_repetition(connector, client, tmp_path):
    target = tmp_path / "x.csv"
    connector.data = [table()]

    def interrupt(_done, _total):
        raise KeyboardInterrupt

    with client.open("urn:uuid:a1") as first, pytest.raises(KeyboardInterrupt):
        first.save(target, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv.part.session"]
    with client.open("urn:uuid:a1") as second:
        second.save(target)
    assert second.session == first.session
    assert list(tmp_path.iterdir()) == [target]


def test_a_handle_in_use_keeps_its_session(connector, client, tmp_path):
    (tmp_path / "x.bin.part.session").write_text(f"urn:uuid:a1\n{'0' * 36}", encoding="utf-8")
    connector.data = [file()]
    with client.open("urn:uuid:a1") as data:
        session = data.session
        data.read()
        data.save(tmp_path / "x.bin")
        assert data.session == session


@pytest.mark.parametrize("mark", ["urn:uuid:other\n" + "0" * 36, "urn:uuid:a1\nx", "", b"\xff"])
def test_what_is_left_of_something_else_is_not_taken_up(connector, client, tmp_path, mark):
    left = tmp_path / "x.bin.part.session"
    left.write_bytes(mark if isinstance(mark, bytes) else mark.encode())
    connector.data = [file()]
    with client.open("urn:uuid:a1") as data:
        session = data.session
        data.save(tmp_path / "x.bin")
        assert data.session == session
    assert [path.name for path in tmp_path.iterdir()] == ["x.bin"]


@pytest.mark.parametrize("name", ["x.bin", "x.csv"])
def test_a_refused_save_leaves_nothing(connector, handle, tmp_path, name):
    connector.data = [refuse(403, "policy.count")]
    with pytest.raises(PolicyDeniedError):
        handle.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.bin", "x.csv"])
def test_an_agreement_that_ends_meanwhile_leaves_nothing(connector, handle, doc, tmp_path, name):
    def end(request):
        revoked = doc.agreement | {"state": "REVOKED", "reason": "sold"}
        connector.answers["GET agreements/urn:uuid:a1"] = revoked
        cut = file(cut_at=100_000) if name == "x.bin" else table(cut_at=len(arrow()) - 8)
        return cut(request)

    connector.data = [end]
    with pytest.raises(PolicyDeniedError, match="sold"):
        handle.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_wrong_bytes_leave_nothing(connector, handle, tmp_path):
    connector.data = [file(digest=digest_header(b"something else"))]
    with pytest.raises(IntegrityError) as caught:
        handle.save(tmp_path / "x.bin")
    assert caught.value.expected.endswith(hashlib.sha256(b"something else").hexdigest())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IntegrityError):
        handle.read()


@pytest.mark.parametrize("digest", ["md5=:AAAA:", "sha-256=:A:", "garbage"])
def test_a_digest_that_cannot_be_read_is_none(connector, handle, digest):
    connector.data = [file(digest=digest)]
    assert handle.read() == BODY


# Tokens and refusals


def test_a_dead_token_is_replaced_once(connector, handle):
    connector.data = [refuse(401, "unauthorized"), file()]
    assert handle.read() == BODY
    assert [headers["authorization"] for headers in connector.headers] == [
        "Bearer token-0",
        "Bearer token-1",
    ]


def test_a_token_that_stays_dead_is_an_error(connector, handle):
    connector.data = [refuse(401, "unauthorized")]
    with pytest.raises(InvalidTokenError):
        handle.read()
    assert connector.tokens == 1


def test_a_token_is_dead_because_the_agreement_is(connector, handle, doc):
    connector.data = [refuse(401, "unauthorized")]
    asked = []

    def agreement(_request):
        asked.append(1)
        state = "REVOKED" if len(asked) > 1 else "FINALIZED"
        return JSONResponse(doc.agreement | {"state": state, "reason": "sold"})

    connector.answers["GET agreements/urn:uuid:a1"] = agreement
    with pytest.raises(PolicyDeniedError, match="is revoked: sold"):
        handle.read()
    assert handle.closed
    with pytest.raises(PolicyDeniedError, match="is revoked: sold"):
        handle.to_arrow()
    assert len(connector.headers) == 2


def test_an_edr_that_is_refused_is_explained(connector, handle, doc):
    connector.answers["GET transfers/urn:uuid:t1/edr"] = refuse(409, "transfer.SUSPENDED")
    with pytest.raises(LocalProtocolError):
        handle.read()
    connector.answers["GET transfers/urn:uuid:t1"] = doc.transfer | {"state": "SUSPENDED"}
    with pytest.raises(PolicyDeniedError, match="is suspended"):
        handle.read()


def test_a_suspended_delivery_goes_on_when_it_is_resumed(connector, handle, doc):
    suspended = doc.transfer | {"state": "SUSPENDED", "code": "owner", "reasons": ["audit"]}

    def cut(request):
        connector.answers["GET transfers/urn:uuid:t1"] = suspended
        return table(cut_at=len(arrow()) - 8)(request)

    connector.data = [cut, refuse(403, "transfer.suspended"), table()]
    for _ in range(2):
        with pytest.raises(PolicyDeniedError) as caught:
            handle.to_arrow()
        assert caught.value.code == "transfer.suspended"
    connector.answers["GET transfers/urn:uuid:t1"] = doc.transfer
    assert handle.to_arrow().num_rows == 3


def test_a_file_that_the_terms_make_a_table_names_the_table(connector, handle):
    connector.data = [refuse(403, "pep.unenforceable")]
    with pytest.raises(PolicyDeniedError) as caught:
        handle.read()
    assert ".parquet" in caught.value.hint


def test_an_edr_that_is_denied_is_denied(connector, handle):
    connector.answers["GET transfers/urn:uuid:t1/edr"] = refuse(403, "denied")
    with pytest.raises(PolicyDeniedError, match="denied!"):
        handle.read()


def test_a_refusal_carries_the_providers_reasons(connector, handle):
    connector.data = [refuse(403, "odrl.count", reasons=[{"id": "odrl.count"}])]
    with pytest.raises(PolicyDeniedError) as caught:
        handle.to_polars()
    assert caught.value.reasons == ({"id": "odrl.count"},)
    assert not handle.closed


def test_a_refusal_that_ends_the_agreement_ends_the_handle(connector, handle):
    connector.data = [refuse(403, "agreement.revoked"), file()]
    with pytest.raises(PolicyDeniedError):
        handle.read()
    assert handle.closed
    with pytest.raises(PolicyDeniedError, match="revoked"):
        handle.read()
    assert len(connector.headers) == 1


@pytest.mark.parametrize("name", ["agreements/urn:uuid:a1", "transfers/urn:uuid:t1"])
def test_a_cut_stream_is_explained_by_the_own_connector(connector, handle, doc, name):
    def ended(request):
        connector.answers[f"GET {name}"] = (
            doc.agreement | {"state": "REVOKED", "reason": "sold"}
            if name.startswith("agreements")
            else doc.transfer | {"state": "TERMINATED", "reasons": ["sold"]}
        )
        return table(cut_at=len(arrow()) - 8)(request)

    connector.data = [ended]
    with pytest.raises(PolicyDeniedError, match="sold"):
        list(handle.iter_batches())
    assert handle.closed


def test_the_gate_asks_again_while_data_flows(connector, handle, doc, monkeypatch):
    monkeypatch.setattr("trustspace.client.gate.CONFIRMED_FOR", pull_module.GRACE * 0)
    connector.data = [table()]
    batches = handle.iter_batches()
    assert next(batches).num_rows == 2
    connector.answers["GET agreements/urn:uuid:a1"] = doc.agreement | {"state": "EXPIRED"}
    with pytest.raises(PolicyDeniedError, match="is expired"):
        next(batches)
    assert handle.closed


@pytest.mark.parametrize(
    ("form", "hint"), [("read", "to_polars"), ("to_arrow", "read()")], ids=["file", "table"]
)
def test_a_form_that_is_not_to_be_had_names_the_other(connector, handle, form, hint):
    connector.data = [refuse(406, "form")]
    with pytest.raises(StatusError) as caught:
        getattr(handle, form)()
    assert caught.value.status == 406
    assert hint in caught.value.hint


@pytest.mark.parametrize("body", [b"<html>", b"x" * 70_000], ids=["html", "long"])
def test_an_error_that_is_no_problem_document_is_a_status(connector, handle, body):
    connector.data = [lambda _: Response(body, status_code=418)]
    with pytest.raises(StatusError, match="answered 418"):
        handle.to_arrow()


def test_a_server_error_of_the_provider_is_tried_again(connector, handle):
    connector.data = [refuse(503, "unavailable"), file()]
    assert handle.read() == BODY


# Opening and closing


def test_another_purpose_is_refused_before_anything_is_asked(connector, client):
    with pytest.raises(PolicyDeniedError, match="not for 'marketing'") as caught:
        client.open("urn:uuid:a1", purpose="marketing").__enter__()
    assert caught.value.code == "purpose.differs"
    assert "POST transfers" not in connector.asked


def test_an_agreement_that_has_ended_is_not_opened(connector, client, doc):
    connector.answers["GET agreements/urn:uuid:a1"] = doc.agreement | {"state": "REVOKED"}
    with pytest.raises(PolicyDeniedError, match="is revoked"):
        client.open("urn:uuid:a1").__enter__()


def test_a_closed_handle_gives_nothing(connector, client):
    connector.data = [file()]
    with client.open("urn:uuid:a1") as data:
        data.read()
    assert data.closed
    for use in (data.read, data.to_arrow):
        with pytest.raises(LocalProtocolError, match="closed"):
            use()
    assert len(connector.headers) == 1


def test_the_action_is_told(connector, client):
    connector.data = [file()]
    with client.open("urn:uuid:a1", action="distribute") as data:
        data.read()
    assert connector.headers[0]["trustspace-action"] == "distribute"


def test_a_missing_extra_is_noticed_before_the_use_is_counted(connector, handle, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(handle_module, "pa", data_extra.OnFirstUse("pyarrow"))
    with pytest.raises(MissingDependencyError) as caught:
        handle.to_polars()
    assert caught.value.hint == "pip install 'trustspace[data]'"
    assert connector.headers == []


RECEIPT = "POST transfers/urn:uuid:t1/receipts"


def test_a_delivery_is_receipted_once(connector, client):
    connector.data = [file()]
    with client.open("urn:uuid:a1") as data:
        data.read()
    data.close()
    assert connector.asked.count(RECEIPT) == 1
    assert connector.bodies[RECEIPT] == {
        "session": data.session,
        "outcome": "delivered",
        "bytes": len(BODY),
        "rows": 0,
        "sha256": hashlib.sha256(BODY).hexdigest(),
    }


def test_a_refusal_and_a_cut_are_receipted(connector, client):
    connector.data = [refuse(403, "odrl.count", reasons=[{"id": "odrl.count"}])]
    with client.open("urn:uuid:a1") as data, pytest.raises(PolicyDeniedError):
        data.read()
    assert connector.bodies[RECEIPT]["outcome"] == "refused"
    assert connector.bodies[RECEIPT]["reasons"] == [{"id": "odrl.count"}]
    connector.data = [table(cut_at=len(arrow()) - 8)]
    with client.open("urn:uuid:a1") as data, pytest.raises(ConnectError):
        list(data.iter_batches())
    assert connector.bodies[RECEIPT]["outcome"] == "cut"
    assert connector.bodies[RECEIPT]["rows"] == 3


def test_nothing_is_receipted_when_nothing_was_asked_or_decided(connector, client):
    with client.open("urn:uuid:a1"):
        pass
    client.open("urn:uuid:a1").close()
    connector.data = [refuse(406, "form")]
    with client.open("urn:uuid:a1") as data, pytest.raises(StatusError):
        data.read()
    assert RECEIPT not in connector.asked


def test_a_receipt_that_is_not_taken_does_not_fail_the_delivery(connector, client, caplog):
    connector.data = [file()]
    connector.answers[RECEIPT] = refuse(404, "not_found")
    with client.open("urn:uuid:a1") as data:
        assert data.read() == BODY
    assert "not taken" in caplog.text
