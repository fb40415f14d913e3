"""The protocol messages of the last moments, in memory, for whoever wants to see what was said.

Each request to or from a counterparty is kept with its answer: references to what was made anyway,
in a ring whose number and weight are bounded, so that a connector that nobody looks at pays
microseconds.
Headers are not kept at all. What is read from the ring has no secrets: values of data addresses,
tokens and the queries of URLs are gone (`redacted`).

Example::

    with trace.sending(hosted, "POST", url, audience=did, message=body, at=now) as said:
        response = await client.request("POST", url, json=body)
        said.answered(response.status, response.body)
    trace.after("garden", 0)
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from trustspace.errors import RemoteProtocolError, TrustspaceError
from trustspace.model import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from trustspace.connector.context import Hosted

MAX_MESSAGES = 1_000
MAX_WEIGHT = 16 * 1024 * 1024
"""Bytes of all kept messages and answers together, roughly as they lie in memory."""
MAX_ONE = 1024 * 1024
"""Bytes of one message, likewise; of a larger one only what names it is kept."""
MAX_ANSWER_BYTES = 65_536
"""Larger answers, such as catalogues, are only counted."""

REDACTED: Final = "(redacted)"

_NODE_BYTES: Final = 64
_NAMING: Final = ("@type", "@id", "consumerPid", "providerPid")
_SECRET_KEY: Final = re.compile(
    r"authorization|token|secret|password|private|credential", re.IGNORECASE
)
_LOCAL_NAME: Final = re.compile(r"[:/#]")
_PLAIN_IN_ADDRESS: Final = frozenset(
    {"@type", "@id", "@context", "type", "endpointType", "endpoint", "name"}
)
# A signed token in compact form: its first two parts are JSON objects in base64url.
_SIGNED: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_USER_INFO: Final = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(slots=True)
class Said:
    """One request and what came of it.

    Attributes:
        seq: Its number; grows in the order in which requests ended.
        at: When it began.
        direction: ``out`` when we sent it.
        participant: Name of our participant; empty when the request named none of ours.
        own_id: DID of our participant.
        counterparty: DID of the other side, or None when it did not prove who it is.
        status: Status of the answer, or None when there was none.
        message: The request's body.
        answer: Bytes of the answer's body.
        error: What happened instead of an answer.
    """

    at: datetime
    direction: Literal["in", "out"]
    method: str
    url: str
    participant: str = ""
    own_id: str = ""
    counterparty: str | None = None
    message: Any = None
    status: int | None = None
    answer: bytes = b""
    error: str = ""
    seq: int = 0
    weight: int = 0

    def between(self, hosted: Hosted, counterparty: str | None = None) -> None:
        """Note whose messages these are."""
        self.participant, self.own_id = hosted.name, hosted.id
        self.counterparty = counterparty

    def answered(self, status: int, answer: bytes) -> None:
        """Note the answer."""
        self.status, self.answer = status, answer


class Trace:
    """The ring."""

    def __init__(self) -> None:
        self._ring: deque[Said] = deque()
        self._weight = 0
        self._seq = 0

    @contextlib.contextmanager
    def sending(
        self,
        hosted: Hosted,
        method: str,
        url: str,
        *,
        audience: str,
        message: Mapping[str, Any] | None,
        at: datetime,
    ) -> Iterator[Said]:
        """Keep a request of ours when the block ends; the block notes the answer."""
        said = Said(at, "out", method, url, message=message)
        said.between(hosted, audience)
        try:
            yield said
        except TrustspaceError as error:
            said.error = str(error)
            raise
        finally:
            self._keep(said)

    @contextlib.contextmanager
    def receiving(self, method: str, url: str, *, at: datetime) -> Iterator[Said]:
        """Keep a counterparty's request when the block ends; the block notes whose and what."""
        said = Said(at, "in", method, url)
        try:
            yield said
        finally:
            if said.participant:
                self._keep(said)

    @property
    def position(self) -> int:
        """Number of the last request that was kept."""
        return self._seq

    def after(self, participant: str, seq: int, limit: int = MAX_MESSAGES) -> list[Said]:
        """Return a participant's requests after a number, in the order in which they ended."""
        found = [said for said in self._ring if said.seq > seq and said.participant == participant]
        return found[:limit]

    def missed(self, seq: int) -> int:
        """Return how many requests after a number are kept no longer."""
        oldest = self._ring[0].seq if self._ring else self._seq + 1
        return max(0, oldest - seq - 1)

    def _keep(self, said: Said) -> None:
        weight = _weight(said.message, MAX_ONE)
        if weight > MAX_ONE:
            said.message = _named(said.message)
            weight = _NODE_BYTES
        said.weight = weight + min(len(said.answer), MAX_ANSWER_BYTES)
        if len(said.answer) > MAX_ANSWER_BYTES:
            said.error = f"an answer of {len(said.answer)} bytes is not kept"
            said.answer = b""
        self._seq += 1
        said.seq = self._seq
        self._ring.append(said)
        self._weight += said.weight
        while self._weight > MAX_WEIGHT or len(self._ring) > MAX_MESSAGES:
            self._weight -= self._ring.popleft().weight


def shown(said: Said) -> dict[str, Any]:
    """Show a request as JSON, without secrets."""
    return {
        "seq": said.seq,
        "at": said.at.isoformat().replace("+00:00", "Z"),
        "direction": said.direction,
        "participant": said.own_id,
        "counterparty": said.counterparty,
        "method": said.method,
        "url": redacted(said.url),
        "status": said.status,
        "message": redacted(said.message),
        "answer": redacted(_read(said.answer)),
    } | ({"error": said.error} if said.error else {})


def redacted(value: Any, *, is_address: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value without secrets.

    Args:
        value: The value; it is not changed.
        is_address: It lies within a data address, of which only what names things is kept.
    """
    if isinstance(value, dict):
        return {key: _member(key, item, is_address=is_address) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, is_address=is_address) for item in value]
    if isinstance(value, str):
        return REDACTED if is_address else _without_tokens(value)
    return value


def _member(key: str, value: Any, *, is_address: bool) -> Any:  # noqa: ANN401 - any JSON value
    name = _LOCAL_NAME.split(key)[-1]
    if is_address and name in _PLAIN_IN_ADDRESS:
        return redacted(value)
    if _SECRET_KEY.search(name) is not None:
        return redacted(value, is_address=True)
    return redacted(value, is_address=is_address or name == "dataAddress")


def _without_tokens(text: str) -> str:
    text = _SIGNED.sub(REDACTED, text)
    if "://" in text:
        text = _USER_INFO.sub("", text)
        address, mark, _ = text.partition("?")
        text = f"{address}?{REDACTED}" if mark and " " not in address else text
    return text


def _read(answer: bytes) -> Any:  # noqa: ANN401 - any JSON value
    if not answer:
        return None
    try:
        return strict_json.loads(answer)
    except RemoteProtocolError:
        return f"no JSON: {answer[:200].decode('utf-8', 'replace')}"


def _named(message: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what names a message that is too large to be kept."""
    if not isinstance(message, dict):
        return None
    return {
        key: value[:200] if isinstance(value, str) else None
        for key in _NAMING
        if (value := message.get(key)) is not None
    } | {"omitted": True}


def _weight(value: Any, limit: int) -> int:  # noqa: ANN401 - any JSON value
    """Estimate the bytes of a JSON value in memory; stops beyond a limit."""
    total = 0
    waiting = [value]
    while waiting and total <= limit:
        item = waiting.pop()
        total += _NODE_BYTES
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, dict):
            waiting += item.values()
            total += _NODE_BYTES * len(item)
        elif isinstance(item, list | tuple):
            waiting += item
    return total
