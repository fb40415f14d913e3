from __future__ import annotations

from typing import Any

import pytest

from trustspace.client.problem import error_of
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    NotFoundError,
    PolicyDeniedError,
    RemoteProtocolError,
    StatusError,
    UnsupportedTermError,
)

REASON = {"id": "odrl.purpose", "src": "/permission/0", "left": "purpose", "op": "eq"}


def error(status: int, **problem: Any) -> Any:
    return error_of("GET x", status=status, document={"status": status, **problem})


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, "unauthorized", InvalidTokenError),
        (404, "not_found", NotFoundError),
        (409, "conflict", ConflictError),
        (409, "", ConflictError),
        (409, "transfer.SUSPENDED", LocalProtocolError),
        (400, "invalid", ConfigurationError),
        (422, "invalid", ConfigurationError),
        (422, "address.denied", EgressDeniedError),
        (501, "extra.missing", ConfigurationError),
        (503, "unavailable", StatusError),
        (422, "policy.unsupported", UnsupportedTermError),
        (422, "policy.datetime.no_zone", UnsupportedTermError),
        (403, "denied", PolicyDeniedError),
        (403, "policy.count", PolicyDeniedError),
        (502, "counterparty.catalog", RemoteProtocolError),
        (404, "counterparty.catalog", RemoteProtocolError),
        (502, "unreachable", ConnectError),
        (504, "unreachable", DeadlineError),
        (409, "integrity.changed", IntegrityError),
        (500, "", StatusError),
    ],
)
def test_code_and_status_decide_the_class(status, code, expected):
    found = error(status, code=code, detail="what", hint="do this")
    assert type(found) is expected
    assert str(found).startswith("what")
    assert found.hint == "do this"


def test_a_refusal_carries_its_reasons():
    found = error(403, code="denied", reasons=[REASON, "no"])
    assert isinstance(found, PolicyDeniedError)
    assert found.code == "denied"
    assert found.reasons == (REASON, {"id": "denied", "text": "no"})


def test_a_refusal_without_a_code_takes_the_first_reasons():
    assert error(403, reasons=[REASON]).code == "odrl.purpose"
    assert error(403).code == "policy.denied"


def test_an_unsupported_term_says_where():
    found = error(422, code="policy.unsupported", location="/permission/0/constraint/1")
    assert isinstance(found, UnsupportedTermError)
    assert found.location == "/permission/0/constraint/1"


def test_a_wrong_digest_says_both():
    found = error(409, code="integrity", expected="aa", found="bb")
    assert (found.expected, found.found) == ("aa", "bb")


def test_a_refused_token_says_where_the_right_one_is():
    assert "management.token" in error(401).hint


@pytest.mark.parametrize("document", [None, "<html>", ["x"]])
def test_a_body_that_is_no_problem_document_is_still_an_error(document):
    found = error_of("GET x", status=503, document=document, request_id="r1")
    assert isinstance(found, StatusError)
    assert str(found) == "GET x answered 503"
    assert (found.status, found.body, found.request_id) == (503, document, "r1")
    assert found.retryable
