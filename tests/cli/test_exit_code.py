from __future__ import annotations

import pytest

from trustspace.cli.exit_code import document, exit_code, words
from trustspace.errors import (
    ConfigurationError,
    ConflictError,
    ConnectError,
    DeadlineError,
    EgressDeniedError,
    IntegrityError,
    InvalidTokenError,
    LocalProtocolError,
    MissingDependencyError,
    NotFoundError,
    PolicyDeniedError,
    PolicyError,
    RemoteProtocolError,
    StatusError,
    StoreError,
    TransportError,
    TrustspaceError,
    UnsupportedTermError,
    UntrustedIssuerError,
)

REASON = {
    "id": "odrl.purpose",
    "src": "/permission/0/constraint/0",
    "left": "odrl:purpose",
    "op": "isAnyOf",
    "expected": ["research"],
}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (MissingDependencyError("x", extra="data"), 2),
        (PolicyError("x", code="policy.limit"), 2),
        (UnsupportedTermError("x", code="policy.unsupported"), 2),
        (LocalProtocolError("x"), 2),
        (ConflictError("x"), 2),
        (InvalidTokenError("x"), 2),
        (StatusError("x", status=406), 2),
        (PolicyDeniedError("x"), 3),
        (StatusError("x", status=500), 4),
        (TransportError("x"), 4),
        (ConnectError("x"), 4),
        (DeadlineError("x"), 4),
        (EgressDeniedError("x"), 4),
        (RemoteProtocolError("x"), 4),
        (UntrustedIssuerError("x"), 4),
        (StoreError("x"), 4),
        (TrustspaceError("x"), 4),
        (NotFoundError("x"), 5),
        (IntegrityError("x", expected="a", found="b"), 6),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    assert exit_code(error) == code


def test_words_say_what_and_what_to_do_next():
    assert list(words(NotFoundError("no dataset 'x'", hint="see datasets"))) == [
        "no dataset 'x'; see datasets"
    ]
    assert list(words(NotFoundError("no dataset 'x'"))) == ["no dataset 'x'"]


def test_words_say_where_in_a_policy():
    error = PolicyError("expected a time", code="policy.datatype", location="/until", hint="add Z")
    assert list(words(error)) == ["/until: expected a time; add Z"]


def test_words_do_not_say_the_help_twice():
    error = PolicyDeniedError("purpose must be x - ask for x", hint="ask for x")
    assert list(words(error)) == ["purpose must be x - ask for x"]


def test_words_give_each_reason_a_line():
    reasons = (REASON, REASON | {"actual": "marketing", "src": ""}, {"id": "a", "text": "no"})
    assert list(words(PolicyDeniedError("refused", reasons=(*reasons, {"id": "b"}))))[1:] == [
        "  /permission/0/constraint/0: odrl:purpose isAnyOf ['research']",
        "  odrl.purpose: odrl:purpose isAnyOf ['research'] (found marketing)",
        "  a: no",
        "  b: no further words",
    ]


def test_the_document_has_what_scripts_need():
    assert document(PolicyDeniedError("refused", code="c", reasons=(REASON,), hint="h")) == {
        "error": "refused",
        "hint": "h",
        "code": "c",
        "location": "",
        "reasons": [REASON],
    }
    assert document(NotFoundError("gone")) == {"error": "gone", "hint": ""}
