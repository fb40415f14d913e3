"""The sync client of a running connector.

Example::

    with Client("http://127.0.0.1:41235", token) as client:
        agreement = client.negotiate("https://garden.example", "rose-prices", purpose="research")
        with agreement.open() as data:
            frame = data.to_polars()
"""

from __future__ import annotations

import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from trustspace.client.bound import BoundAgreement
from trustspace.client.exchange import Exchange, Request, Response, Wait
from trustspace.client.handle import Handle
from trustspace.client.home import RunningConnector
from trustspace.client.management import DEFAULT_TIMEOUT, LONGEST_ANSWER_BYTES, Management
from trustspace.client.operations import EventPages, Operations
from trustspace.client.operations.negotiation import NEGOTIATION_DEADLINE
from trustspace.client.pull import DataEndpoints
from trustspace.client.values import Agreement, Transfer, id_of
from trustspace.errors import ConnectError, TransportError
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trustspace.client.values import (
        CatalogView,
        CounterpartyFacts,
        DatasetInfo,
        Event,
        Explanation,
        Negotiation,
        ParticipantInfo,
    )
    from trustspace.transport.guard import EgressPolicy

T = TypeVar("T")


class Client:
    """Speaks to a running connector in the name of one of its participants.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.

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
    ) -> None:
        self._management = Management(url, token, timeout, start_hint)
        self._operations = Operations(participant)
        self._http = SyncGuardedClient(self._management.egress)
        self._endpoints = DataEndpoints(egress)

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
        )

    def close(self) -> None:
        """Close every connection; handles that are open fail from now on."""
        self._http.close()
        self._endpoints.close()

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
                    except TransportError as error:
                        step = exchange.throw(error)
                    else:
                        step = exchange.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    def _perform(self, step: Request | Wait) -> Response | None:
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

    def participant(self) -> ParticipantInfo:
        """Return the participant in whose name this client speaks.

        Raises:
            NotFoundError: The connector hosts no participant of that name.
            ConfigurationError: None was named and the connector hosts several.
        """
        return self.drive(self._operations.participant())

    def participants(self) -> tuple[ParticipantInfo, ...]:
        """Return every participant that the connector hosts."""
        return self.drive(self._operations.participants())

    def host(self, name: str) -> ParticipantInfo:
        """Let the connector host another participant, with a key and a DID of its own.

        Args:
            name: Its short name, ``[a-z0-9][a-z0-9-]*``.

        Raises:
            ConflictError: It hosts one of that name.
        """
        return self.drive(self._operations.host(name))

    def publish(
        self,
        source: str | Path,
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> DatasetInfo:
        """Offer a file or the content of a URL; the same again changes nothing.

        Args:
            source: Path that the connector can read, or an ``http(s)`` URL it will fetch.
            id: Dataset id in the catalogue.
            terms: What `trustspace.terms` returns, its keyword arguments, or an ODRL policy.
            title: Words for the catalogue.
            headers: Sent to the URL by the connector only; they never reach a consumer.

        Raises:
            PolicyError: The terms cannot be read, or a term cannot be evaluated.
        """
        exchange = self._operations.publish(
            source, id=id, terms=terms, title=title, headers=headers
        )
        return self.drive(exchange)

    def unpublish(self, dataset: str) -> None:
        """Withdraw a dataset from the catalogue; agreements in force stay.

        Raises:
            NotFoundError: No such dataset.
        """
        self.drive(self._operations.unpublish(dataset))

    def dataset(self, dataset: str) -> DatasetInfo:
        """Return one published dataset.

        Raises:
            NotFoundError: No such dataset.
        """
        return self.drive(self._operations.dataset(dataset))

    def datasets(self) -> tuple[DatasetInfo, ...]:
        """Return every dataset published here."""
        return self.drive(self._operations.datasets())

    def catalog(self, address: str, *, limit: int | None = None) -> CatalogView:
        """Return what a counterparty offers to us.

        Args:
            address: Its root URL or its DID.
            limit: Most datasets to return; None means what the connector returns by itself.

        Raises:
            ConnectError: The counterparty cannot be reached.
            RemoteProtocolError: It answered an error or nothing that can be read.
        """
        return self.drive(self._operations.catalog(address, limit=limit))

    def negotiate(
        self,
        address: str,
        dataset: str,
        *,
        purpose: str | None = None,
        offer: str | None = None,
        deadline: timedelta = NEGOTIATION_DEADLINE,
    ) -> BoundAgreement:
        """Negotiate until there is an agreement or a refusal.

        Args:
            address: The provider's root URL or DID.
            dataset: Dataset id in its catalogue.
            purpose: What the data is for; narrows the offer.
            offer: Id of the offer; None means the dataset's first.
            deadline: Longest time to wait; after it the negotiation is terminated.

        Raises:
            PolicyDeniedError: The other side refused; carries its reasons.
            DeadlineError: No outcome within the deadline.
            NotFoundError: The counterparty does not offer the dataset to us.
        """
        exchange = self._operations.negotiate(
            address, dataset, purpose=purpose, offer=offer, deadline=deadline
        )
        return self._bind(self.drive(exchange))

    def negotiations(self) -> tuple[Negotiation, ...]:
        """Return every negotiation, either role."""
        return self.drive(self._operations.negotiations())

    def negotiation(self, negotiation: str) -> Negotiation:
        """Return one negotiation.

        Raises:
            NotFoundError: No such negotiation.
        """
        return self.drive(self._operations.negotiation(negotiation))

    def terminate_negotiation(self, negotiation: str, *, reason: str | None = None) -> Negotiation:
        """Terminate a negotiation that has no outcome yet.

        Raises:
            LocalProtocolError: It is over already.
        """
        return self.drive(self._operations.terminate_negotiation(negotiation, reason=reason))

    def agreements(self) -> tuple[BoundAgreement, ...]:
        """Return every agreement, either role."""
        return tuple(map(self._bind, self.drive(self._operations.agreements())))

    def agreement(self, agreement: str) -> BoundAgreement:
        """Return one agreement.

        Raises:
            NotFoundError: No such agreement.
        """
        return self._bind(self.drive(self._operations.agreement(agreement)))

    def revoke(self, agreement: Agreement | str, *, reason: str | None = None) -> BoundAgreement:
        """End an agreement: running streams are cut within a second, transfers terminated.

        Args:
            agreement: The agreement or its id.
            reason: Words for the counterparty.

        Raises:
            NotFoundError: No such agreement.
        """
        return self._bind(self.drive(self._operations.revoke(id_of(agreement), reason=reason)))

    def open(
        self, agreement: Agreement | str, *, purpose: str | None = None, action: str = "use"
    ) -> Handle:
        """Return a governed handle of an agreement's data, to be used in a ``with`` block.

        Args:
            agreement: The agreement or its id.
            purpose: What the data is for; refused unless it is what was agreed.
            action: The ODRL action that the use amounts to.
        """
        return Handle(
            id_of(agreement),
            drive=self.drive,
            operations=self._operations,
            endpoints=self._endpoints,
            purpose=purpose,
            action=action,
        )

    def transfers(self) -> tuple[Transfer, ...]:
        """Return every transfer, either role."""
        return self.drive(self._operations.transfers())

    def transfer(self, transfer: str) -> Transfer:
        """Return one transfer.

        Raises:
            NotFoundError: No such transfer.
        """
        return self.drive(self._operations.transfer(transfer))

    def suspend(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Suspend a transfer; running streams are cut.

        Raises:
            LocalProtocolError: The protocol forbids it in the transfer's state; so for the rest.
        """
        return self.drive(self._operations.step(id_of(transfer), "suspend", reason=reason))

    def resume(self, transfer: Transfer | str) -> Transfer:
        """Resume a suspended transfer."""
        return self.drive(self._operations.step(id_of(transfer), "resume"))

    def complete(self, transfer: Transfer | str) -> Transfer:
        """Complete a transfer: no more data is wanted."""
        return self.drive(self._operations.step(id_of(transfer), "complete"))

    def terminate(self, transfer: Transfer | str, *, reason: str | None = None) -> Transfer:
        """Terminate a transfer."""
        return self.drive(self._operations.step(id_of(transfer), "terminate", reason=reason))

    def explain(self, id: str, *, language: str = "en") -> Explanation:  # noqa: A002
        """Explain a negotiation, transfer, agreement or decision.

        Args:
            id: Its id.
            language: ``en`` or ``zh``.

        Raises:
            NotFoundError: Nothing has that id.
        """
        return self.drive(self._operations.explain(id, language=language))

    def events(self, after: int = 0, *, follow: bool = False) -> Iterator[Event]:
        """Yield the events of the log, oldest first.

        Args:
            after: Sequence number of the last event seen.
            follow: Wait for new ones instead of ending; the caller ends it.
        """
        pages = EventPages(self._operations, after, follow=follow)
        while not pages.ended:
            yield from self.drive(pages.next())

    def attest(self, did: str, facts: Mapping[str, str]) -> CounterpartyFacts:
        """Attest facts about a counterparty, for example ``{"spatial": "CN-SH"}``."""
        return self.drive(self._operations.attest(did, facts))

    def attested(self, did: str) -> CounterpartyFacts:
        """Return what has been attested about a counterparty.

        Raises:
            NotFoundError: Nothing has.
        """
        return self.drive(self._operations.attested(did))

    def _bind(self, agreement: Agreement) -> BoundAgreement:
        return BoundAgreement.of(agreement, self)
