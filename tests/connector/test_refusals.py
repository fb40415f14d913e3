"""Which status, code and pids a refused counterparty sees."""

from __future__ import annotations

import pytest

from trustspace.connector.messaging.refusals import Refusal, as_told, refusal
from trustspace.connector.messaging.wire_body import BodyError
from trustspace.errors import (
    ConflictError,
    ConnectError,
    InvalidTokenError,
    NotFoundError,
    PolicyDeniedError,
    RemoteProtocolError,
    TrustspaceError,
    UnsupportedTermError,
)


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (InvalidTokenError("x"), (404, "unauthorized", ("the sender could not be identified",))),
        (NotFoundError("none"), (404, "not_found", ("none",))),
        (ConflictError("x"), (503, "unavailable", ("try again in a moment",))),
        (BodyError("large", status=413), (413, "message.body", ("large",))),
        (RemoteProtocolError("no", code="negotiation.state"), (400, "negotiation.state", ("no",))),
        (
            PolicyDeniedError("no", code="p", reasons=({"id": "r"},)),
            (400, "p", ("no", {"id": "r"})),
        ),
        (
            UnsupportedTermError("no", code="policy.unsupported"),
            (400, "policy.unsupported", ("no",)),
        ),
        (ConnectError("secret"), (500, "internal", ("the request could not be handled",))),
    ],
)
def test_each_error_has_one_answer(error: TrustspaceError, found: tuple[object, ...]) -> None:
    assert refusal(error, unauthorised=404) == Refusal(*found)  # type: ignore[arg-type]


def test_pids_are_repeated_where_they_can_stand_in_an_answer() -> None:
    assert as_told("p", {"consumerPid": "c"}) == ("c", "p")
    assert as_told("p", {"consumerPid": "c", "providerPid": "q"}) == ("c", "q")
    assert as_told("p", None) == ("p", "p")
    assert as_told("p", ["consumerPid"]) == ("p", "p")
    for unfit in (1, "", "a\x00", "x" * 2_049, ["c"]):
        consumer, provider = as_told(None, {"consumerPid": unfit})
        assert consumer.startswith("urn:uuid:") is provider.startswith("urn:uuid:") is True
