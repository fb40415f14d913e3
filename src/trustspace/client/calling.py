"""Calls of a published interface: what is sent, and which answer is whose.

An answer that the interface gave is returned whatever its status; what the provider's connector
says instead of it is an error like any other refusal of data.

Example::

    answer = handle.call("GET", "/score", params={"company": "acme"})
    answer.expect(200).json()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from json import dumps
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack
from urllib.parse import quote, urlencode

from trustspace.errors import ConfigurationError, TransportError
from trustspace.transport.http_response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.transport.http_response import SyncIncomingStream

LONGEST_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""An answer is read into memory up to here."""

FROM_INTERFACE: Final = "trustspace-answer"
"""Header of an answer that is the interface's own."""


class CallOptions(TypedDict, total=False):
    """What a call may have beside method and path.

    Attributes:
        params: Query parameters.
        json: Body as JSON.
        content: Body as bytes.
        headers: Further headers; the provider passes on what describes the content.
    """

    params: Mapping[str, Any]
    json: Any
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        method: HTTP method.
        target: Path and query, encoded.
        headers: Further headers.
        content: Body, or None.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @classmethod
    def of(cls, method: str, path: str, **options: Unpack[CallOptions]) -> Call:
        """Make a call of what a caller writes.

        Raises:
            ConfigurationError: The path is relative, or there are two bodies.
        """
        json, content = options.get("json"), options.get("content")
        params = options.get("params")
        if path and not path.startswith("/"):
            raise ConfigurationError(
                f"{path!r} does not begin with a slash",
                setting="path",
                hint="write the path below the interface's base, for example /score",
            )
        if json is not None and content is not None:
            raise ConfigurationError("a call has one body: json or content", setting="json")
        # A percent sign stays, so that a path that is encoded already means what it says.
        target = quote(path if path != "/" else "", safe="/%!$&'()*+,=:@~")
        if params:
            target += f"?{urlencode(params, doseq=True)}"
        more = dict(options.get("headers", {}))
        if json is not None:
            more.setdefault("Content-Type", "application/json")
            content = dumps(json, ensure_ascii=False, allow_nan=False).encode()
        return cls(method.upper(), target, more, content)

    def is_answered_by(self, answer: SyncIncomingStream) -> bool:
        """Whether an answer is the interface's own; other connectors mark nothing."""
        return FROM_INTERFACE in answer.headers or 200 <= answer.status < 300


def read_answer(call: Call, answer: SyncIncomingStream, *, pieces: Any) -> Response:  # noqa: ANN401 - bytes, one by one
    """Read an answer whole.

    Raises:
        TransportError: It is too long.
    """
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > LONGEST_ANSWER_BYTES:
            raise TransportError(f"an answer has more than {LONGEST_ANSWER_BYTES} bytes")
    return Response(call.method, call.target, answer.status, dict(answer.headers), bytes(body))
