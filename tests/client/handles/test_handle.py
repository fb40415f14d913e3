"""The governed handle: what it reads and saves, how it opens and closes, and its receipts."""

from __future__ import annotations

import hashlib
import sys

import polars as pl
import pytest
from tests.client.deliveries import ARROW, BODY, FRAME, arrow, digest_header, file, refuse, table

from trustspace.client import AsyncClient
from trustspace.client.handles import delivery as delivery_module
from trustspace.dataplane import data_extra
from trustspace.errors import (
    ConfigurationError,
    ConnectError,
    IntegrityError,
    LocalProtocolError,
    MissingDependencyError,
    PolicyDeniedError,
    StatusError,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient")]


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
    monkeypatch.setattr(delivery_module, "pa", data_extra.OnFirstUse("pyarrow"))
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
