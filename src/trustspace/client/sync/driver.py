"""How the sync client reaches a running connector: one exchange after the other.

Example::

    with Client("http://127.0.0.1:41235", token) as client:
        agreement = client.negotiate("https://garden.example", "rose-prices", purpose="research")
        with agreement.open() as data:
            frame = data.to_polars()
"""

from __future__ import annotations

import contextlib
import inspect
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Self, TypeVar

from trustspace.client.bound import BoundAgreement
from trustspace.client.exchange import Exchange, Request, Response, Wait
from trustspace.client.haggling import Answer, Consult
from trustspace.client.handles.kept_data import KeptData
from trustspace.client.home import RunningConnector
from trustspace.client.management import DEFAULT_TIMEOUT, LONGEST_ANSWER_BYTES, Management
from trustspace.client.operations import Operations
from trustspace.client.pull import DataEndpoints
from trustspace.errors import ConfigurationError, ConnectError, TransportError
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    import os

    from trustspace.client.values import Agreement
    from trustspace.transport.guard import EgressPolicy

T = TypeVar("T")


class Driver:
    """Speaks to a running connector in the name of one of its participants.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.
        sealed: Folder in which what is kept of deliveries lies, sealed.

    Every method raises `TransportError` when the connector does not answer, and what
    `trustspace.client.problem` makes of an error it answers.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        participant: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        egress: EgressPolicy | None = None,
        start_hint: str = "",
        sealed: str | os.PathLike[str] | None = None,
    ) -> None:
        self._management = Management(url, token, timeout, start_hint)
        self._operations = Operations(participant)
        self._http = SyncGuardedClient(self._management.egress)
        self._endpoints = DataEndpoints(egress)
        self._kept = KeptData(sealed)

    @classmethod
    def of_home(
        cls,
        home: str | os.PathLike[str],
        *,
        participant: str | None = None,
        timeout: timedelta = DEFAULT_TIMEOUT,
        egress: EgressPolicy | None = None,
    ) -> Self:
        """Return a client of the connector that runs in a home.

        Args:
            home: The connector's folder.
            participant: As for the class.
            timeout: As for the class.
            egress: As for the class.

        Raises:
            ConfigurationError: The folder is no home.
            TransportError: Its connector does not run; the hint is the command that starts it.
        """
        running = RunningConnector.of_home(home)
        return cls(
            running.url,
            running.token,
            participant=participant,
            timeout=timeout,
            egress=egress,
            start_hint=running.start_hint,
            sealed=home,
        )

    def close(self) -> None:
        """Close every connection; handles that are open fail from now on."""
        self._http.close()
        self._endpoints.close()
        self._kept.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def drive(self, exchange: Exchange[T]) -> T:
        """Run an operation to its result."""
        with contextlib.closing(exchange):
            try:
                step = next(exchange)
                while True:
                    try:
                        answer = self._perform(step)
                    except Exception as error:
                        if not isinstance(error, TransportError) and not isinstance(step, Consult):
                            raise
                        step = exchange.throw(error)
                    else:
                        step = exchange.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    def _perform(self, step: Request | Wait | Consult) -> Response | Answer | None:
        if isinstance(step, Consult):
            return _answer(step)
        if isinstance(step, Wait):
            time.sleep(step.duration.total_seconds())
            return None
        start = time.monotonic()
        try:
            answer = self._http.request(
                step.method,
                self._management.url_of(step),
                headers=self._management.headers_of(step),
                json=step.body,
                max_bytes=LONGEST_ANSWER_BYTES,
                deadline=self._management.deadline_of(step),
            )
        except ConnectError as error:
            error.hint = error.hint or self._management.start_hint
            raise
        elapsed = timedelta(seconds=time.monotonic() - start)
        return self._management.read(answer.status, answer.headers, answer.body, elapsed)

    def _bind(self, agreement: Agreement) -> BoundAgreement:
        return BoundAgreement.of(agreement, self)


def _answer(question: Consult) -> Answer:
    answer = question.strategy(question.offer)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        msg = "a strategy that is a coroutine function needs the async client"
        raise ConfigurationError(msg, setting="strategy", hint="write it without async")
    return answer
