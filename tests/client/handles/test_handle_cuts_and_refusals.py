"""The governed handle when the network cuts a delivery or the provider refuses it."""

from __future__ import annotations

import polars as pl
import pytest
from starlette.responses import JSONResponse, Response
from tests.client.deliveries import BODY, FRAME, arrow, file, refuse, table

from trustspace.client import pull as pull_module
from trustspace.client.handles import delivery as delivery_module
from trustspace.errors import (
    ConnectError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    PolicyDeniedError,
    RemoteProtocolError,
    StatusError,
)

pytestmark = pytest.mark.usefixtures("impatient")


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
    assert len(connector.headers) == delivery_module.MOST_FRUITLESS + 1


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
    assert len(connector.headers) == delivery_module.MOST_FRUITLESS + 1


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
    monkeypatch.setattr("trustspace.client.handles.gate.CONFIRMED_FOR", pull_module.GRACE * 0)
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
