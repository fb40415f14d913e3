"""Answers of the HTTP clients: a whole body within a limit, or a body that is still coming.

Example::

    document = response.expect(200).json()
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import anyio

from trustspace.errors import DeadlineError, RemoteProtocolError, StatusError, TransportError
from trustspace.model.strict_json import MAX_KEYS, loads
from trustspace.transport.network import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from datetime import timedelta

    import httpx


@dataclass(frozen=True)
class Response:
    """An answer with its whole body.

    Attributes:
        method: Of the request.
        url: Of the request.
        status: HTTP status.
        headers: By name, case-insensitive.
        body: At most as many bytes as the caller allowed.
    """

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self, *, max_keys: int = MAX_KEYS) -> Any:  # noqa: ANN401 - any JSON value
        """Decode the body, strictly.

        Args:
            max_keys: Most members of all objects together.

        Raises:
            RemoteProtocolError: It is not JSON, or JSON with two readings; tells what was asked.
        """
        try:
            return loads(self.body, max_keys=max_keys)
        except RemoteProtocolError as error:
            found = self.headers.get("content-type", "").partition(";")[0] or "an unnamed type"
            raise RemoteProtocolError(
                f"{self.method} {self.url.partition('?')[0]} was answered with {found[:100]!r}, "
                f"expected JSON. {error}",
                code=error.code,
                hint="look at the address in a browser: is it the counterparty's connector?",
            ) from error

    def expect(self, *statuses: int) -> Self:
        """Return the answer when it has one of these statuses.

        Raises:
            StatusError: It has another; carries the decoded body where it is JSON.
        """
        if self.status in statuses:
            return self
        try:
            body = self.json()
        except RemoteProtocolError:
            body = None
        expected = " or ".join(str(status) for status in statuses)
        raise StatusError(
            f"{self.method} {self.url.partition('?')[0]} was answered {self.status}, "
            f"expected {expected}",
            status=self.status,
            body=body,
            request_id=self.headers.get("x-request-id", ""),
        )


def too_large(max_bytes: int) -> TransportError:
    """Return the error for an answer with more bytes than allowed."""
    return TransportError(f"An answer has more than the allowed {max_bytes} bytes")


class SizeLimit:
    """Refuses a body that is too long, before it is read where its header says so.

    Args:
        response: The answer whose body will be counted.
        max_bytes: Most bytes of the body, or None for any number.

    Raises:
        TransportError: The header announces more.
    """

    def __init__(self, response: httpx.Response, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._received = 0
        announced = response.headers.get("content-length", "")
        self._check(int(announced) if announced.isdecimal() else 0)

    def count(self, part: bytes) -> bytes:
        """Return a part of the body when the body so far is within the limit.

        Raises:
            TransportError: It is not.
        """
        self._received += len(part)
        self._check(self._received)
        return part

    def _check(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            raise too_large(self._max_bytes)


class IncomingStream:
    """An answer whose body is still coming.

    Attributes:
        status: HTTP status.
        headers: By name, case-insensitive.
    """

    def __init__(self, response: httpx.Response, max_bytes: int | None, idle: timedelta) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._limit = SizeLimit(response, max_bytes)
        self._incoming: AsyncIterator[bytes] = aiter(response.stream)  # type: ignore[arg-type] # async
        self._idle = idle

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, in pieces of any size.

        Raises:
            ConnectError: The connection broke before the end.
            DeadlineError: It stood still for longer than ``idle``.
            TransportError: It is larger than ``max_bytes``.
        """
        while True:
            try:
                with anyio.fail_after(self._idle.total_seconds()):
                    part = await anext(self._incoming, None)
            except TimeoutError as error:
                raise DeadlineError(f"An answer stood still for {self._idle}") from error
            if part is None:
                return
            yield self._limit.count(part)


class SyncIncomingStream:
    """The same for synchronous code.

    Attributes:
        status: HTTP status.
        headers: By name, case-insensitive.
    """

    def __init__(self, response: httpx.Response, max_bytes: int | None, idle: timedelta) -> None:
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._limit = SizeLimit(response, max_bytes)
        self._incoming: Iterator[bytes] = iter(response.stream)  # type: ignore[arg-type] # sync
        self._idle = idle

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it comes, in pieces of any size; as `IncomingStream.chunks`."""
        while True:
            with until(time.monotonic() + self._idle.total_seconds()):
                part = next(self._incoming, None)
            if part is None:
                return
            yield self._limit.count(part)
