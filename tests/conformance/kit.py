"""The kit's side of one case: its endpoint, its own state, its patience.

Handlers are registered step by step, as a case goes on. A message that comes before its handler is
answered 404; one that comes before the kit's own state has moved is dropped (negotiations) or
answered 409, which uses the handler up (transfers). The kit's state moves when it has the answer to
its own message, and a case notices a new state by looking every 100 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tests.conformance.messages import Json, encoded
from tests.conformance.schemas import Schemas
from tests.conformance.wire import Answer, Client, Reply, serving

POLL_SECONDS = 0.1
RETRY_SECONDS = (0.2, 0.4)
"""Before the second and the third attempt at a message that should succeed and was refused."""


class CaseFailedError(Exception):
    """The connector did not do what a case asks for."""


class IllegalTransitionError(Exception):
    """A message came that does not fit the kit's state."""


@dataclass(frozen=True)
class Configuration:
    """The kit's properties file.

    Attributes:
        values: Values by key.
        schemas: What messages are held to.
    """

    values: Mapping[str, str]
    schemas: Schemas

    @classmethod
    def read(cls, text: str, schemas: Schemas) -> Configuration:
        """Read a properties file."""
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        return cls(dict(line.split("=", 1) for line in lines), schemas)

    def of(self, key: str) -> str:
        """Return what is configured of the connector."""
        return self.values[f"dataspacetck.dsp.connector.{key}"]

    @property
    def wait(self) -> float:
        """Seconds that a case waits for a message."""
        return float(self.values["dataspacetck.dsp.default.wait"])


@dataclass(frozen=True)
class Expectation:
    """A registered handler.

    Attributes:
        path: Expression over the whole path.
        kind: Class of the message that comes there.
        apply: Moves the kit and returns the body of its answer, or None for an empty one.
        is_fallible: Whether a message at the wrong time uses the handler up.
    """

    path: str
    kind: str
    apply: Callable[[Json], Json | None]
    is_fallible: bool = False


class Kit:
    """What all cases share.

    Args:
        case: Id of the case.
        configuration: The properties file.
    """

    transitions: ClassVar[Mapping[str, str]] = {}
    """States that may follow, by state; the empty state is before the first message."""

    def __init__(self, case: str, configuration: Configuration) -> None:
        self.case = case
        self.configuration = configuration
        self.state = ""
        self.address = ""
        self.client = Client(configuration.of("http.headers.authorization"))
        self._order = random.Random(case)  # noqa: S311 - an order, not a secret
        self._expected: list[Expectation] = []
        self._lost: list[str] = []
        self._fault: str | None = None

    def configured(self, what: str) -> str:
        """Return an id of this case."""
        return self.configuration.values[f"{self.case}_{what}"]

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen for the connector's messages while the block runs."""
        async with serving(self._serve) as port:
            # With and without a slash at the end, which must make no difference.
            self.address = f"http://127.0.0.1:{port}{self._order.choice(['', '/'])}"
            try:
                yield
            finally:
                await self.client.aclose()

    # --- what the connector sends -----------------------------------------------------------------

    def expect(self, expectation: Expectation) -> None:
        """Register a handler; from now on its message is heard."""
        self._expected.append(expectation)

    async def until(self, state: str) -> None:
        """Wait until the kit is in a state, looking every 100 ms.

        Raises:
            CaseFailedError: It does not come to it in time, or a message was malformed.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.configuration.wait
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._fault is not None:
                raise CaseFailedError(self._fault)
            if self.state == state:
                return
            if loop.time() > end:
                lost = f"; not listened to: {', '.join(self._lost)}" if self._lost else ""
                raise CaseFailedError(
                    f"{state} did not come, the kit stayed in {self.state or 'no state'}{lost}"
                )

    def move(self, state: str) -> None:
        """Change the kit's own state.

        Raises:
            IllegalTransitionError: It does not follow.
        """
        if state not in self.transitions.get(self.state, "").split():
            raise IllegalTransitionError(f"{self.state or 'nothing'} is not followed by {state}")
        self.state = state

    async def _serve(self, path: str, body: bytes) -> Reply | None:
        clean = path.rstrip("/")
        found = next((one for one in self._expected if re.fullmatch(one.path, clean)), None)
        if found is None:
            self._lost.append(clean)
            return Reply(404, b"No handler registered on this endpoint")
        document = self._read(body, found)
        if document is None:
            return None
        try:
            answer = found.apply(document)
        except IllegalTransitionError as error:
            self._lost.append(f"{clean} ({error})")
            if not found.is_fallible:
                return None
            self._expected.remove(found)
            return Reply(409, b"{}")
        self._expected.remove(found)
        return Reply(body=None if answer is None else encoded(answer, self._order))

    def _read(self, body: bytes, found: Expectation) -> Json | None:
        """Return a message, or None when it is not as the official schemas say."""
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        faults = self.configuration.schemas.faults(document)
        if not faults and document["@type"] != found.kind:
            faults = [f"found {document['@type']}"]
        if faults:
            self._fault = f"a message is no {found.kind}: {'; '.join(faults)}"
            return None
        known: Json = document
        return known

    def same(self, document: Json, **expected: str) -> None:
        """Hold members of a message to what is known; another value drops the connection."""
        for name, value in expected.items():
            if document.get(name) != value:
                self._fault = f"{document['@type']} has {name} {document.get(name)!r}, not {value}"
                raise IllegalTransitionError(self._fault)

    # --- what the kit sends -----------------------------------------------------------------------

    async def pause(self) -> None:
        """Let 100 ms pass."""
        await asyncio.sleep(POLL_SECONDS)

    async def post(
        self, url: str, document: Json, *, refused: bool = False, is_plain: bool = False
    ) -> Answer:
        """Send a message.

        Args:
            url: Where to.
            document: The message.
            refused: Whether the connector must refuse it.
            is_plain: Whether it is a webhook, whose answer is not looked at.

        Raises:
            CaseFailedError: The connector does not answer as it should.
        """
        body = encoded(document, self._order)
        url += self._order.choice(["", "/"])
        for seconds in (*RETRY_SECONDS, None):
            answer = await self._send("POST", url, body)
            is_again = 400 <= answer.status < 500 and answer.status != 404 and not refused
            if seconds is None or not is_again:
                break
            await asyncio.sleep(seconds)
        what = f"{document.get('@type', 'webhook')} to {url}"
        if refused:
            if answer.status == 404 or not 400 <= answer.status < 500:
                raise CaseFailedError(f"{what} must be refused (not with 404), got {answer.status}")
        elif not 200 <= answer.status < 300:
            raise CaseFailedError(f"{what} got {answer.status}: {answer.body[:300]!r}")
        if answer.body and not is_plain:
            self._checked(answer, what)
        return answer

    async def get(self, url: str, *, refused: bool = False) -> Json:
        """Ask once.

        Raises:
            CaseFailedError: The answer is no success, or not as the official schemas say.
        """
        answer = await self._send("GET", url)
        if not refused and not 200 <= answer.status < 300:
            raise CaseFailedError(f"GET {url} got {answer.status}: {answer.body[:300]!r}")
        return self._checked(answer, f"GET {url}")

    def document(self, answer: Answer) -> Json:
        """Return an answer's body as JSON.

        Raises:
            CaseFailedError: It is none.
        """
        try:
            found: Json = json.loads(answer.body)
        except ValueError:
            raise CaseFailedError(f"an answer is no JSON: {answer.body[:300]!r}") from None
        return found

    def _checked(self, answer: Answer, what: str) -> Json:
        document = self.document(answer)
        faults = self.configuration.schemas.faults(document)
        if faults:
            raise CaseFailedError(f"the answer to {what} is malformed: {'; '.join(faults)}")
        return document

    async def _send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return await self.client.send(method, url, body)
        except (OSError, TimeoutError) as error:
            raise CaseFailedError(f"{method} {url}: {type(error).__name__} {error}") from error
