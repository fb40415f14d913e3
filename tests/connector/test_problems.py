"""Every error has one status, one code and nothing private."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from starlette.responses import JSONResponse

from trustspace import errors
from trustspace.connector.messaging.wire_body import BodyError
from trustspace.connector.problems import MEDIA_TYPE, problem, problem_of
from trustspace.errors import TrustspaceError


def _body(response: JSONResponse) -> dict[str, Any]:
    assert response.media_type == MEDIA_TYPE
    found: dict[str, Any] = json.loads(bytes(response.body))
    assert found["status"] == response.status_code
    assert found["type"] == "about:blank"
    assert found["title"] == found["code"]
    return found


CASES: list[tuple[TrustspaceError, int, str]] = [
    (errors.ConfigurationError("m", setting="s"), 422, "invalid"),
    (errors.MissingDependencyError("m", extra="data"), 501, "extra.missing"),
    (errors.LocalProtocolError("m", code="negotiation.state"), 409, "negotiation.state"),
    (errors.RemoteProtocolError("m", code="json.syntax"), 502, "counterparty.malformed"),
    (errors.PolicyError("m", code="policy.limit"), 422, "policy.limit"),
    (errors.UnsupportedTermError("m", code="policy.unsupported"), 422, "policy.unsupported"),
    (errors.PolicyDeniedError("m", code="agreement.revoked"), 403, "agreement.revoked"),
    (errors.IdentityError("m"), 502, "counterparty.identity"),
    (errors.InvalidTokenError("m"), 502, "counterparty.identity"),
    (errors.ExpiredTokenError("m"), 502, "counterparty.identity"),
    (errors.UntrustedIssuerError("m"), 502, "counterparty.identity"),
    (errors.TransportError("m"), 502, "unreachable"),
    (errors.ConnectError("m"), 502, "unreachable"),
    (errors.DeadlineError("m"), 504, "unreachable"),
    (errors.EgressDeniedError("m"), 422, "address.denied"),
    (errors.StatusError("m", status=418), 502, "counterparty.refused"),
    (errors.IntegrityError("m", expected="a", found="b"), 409, "integrity"),
    (errors.StoreError("m"), 503, "unavailable"),
    (errors.NotFoundError("m"), 404, "not_found"),
    (errors.ConflictError("m"), 409, "conflict"),
    (BodyError("m", status=413), 413, "invalid"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=lambda value: str(value)[:40])
def test_an_error_has_one_answer(error: TrustspaceError, status: int, code: str) -> None:
    error.hint = "do this"
    found = _body(problem_of(error))
    assert (found["status"], found["code"]) == (status, code)
    parts = [found["detail"]]
    if "expected" in found:
        parts.append(f"expected {found['expected']}, found {found['found']}")
    assert ": ".join(parts) == str(error)
    assert found["hint"] == "do this"


def test_no_error_of_the_tree_is_forgotten() -> None:
    def below(kind: type[TrustspaceError]) -> set[type[TrustspaceError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(TrustspaceError) if kind.__module__ == errors.__name__}
    told = {type(error) for error, _, _ in CASES}
    assert ours - told == {TrustspaceError, errors.ProtocolError}


def test_a_denial_tells_its_reasons_and_a_bad_policy_its_place() -> None:
    reasons = [{"id": "constraint.unmet", "src": "/permission/0"}]
    denied = errors.PolicyDeniedError("m", code="constraint.unmet", reasons=reasons)
    assert _body(problem_of(denied))["reasons"] == reasons
    bad = errors.PolicyError("m", code="policy.limit", location="/permission/0/action")
    found = _body(problem_of(bad))
    assert found["location"] == "/permission/0/action"
    assert "reasons" not in found


def test_a_fault_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        found = _body(problem_of(TrustspaceError("secret 4711")))
    assert found["status"] == 500
    assert "4711" not in json.dumps(found)
    assert "secret 4711" in caplog.text


def test_headers_are_sent_with_it() -> None:
    found = problem(401, "unauthorized", "no", headers={"WWW-Authenticate": "Bearer"})
    assert found.headers["www-authenticate"] == "Bearer"
    assert _body(found)["hint"] == ""
