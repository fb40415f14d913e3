"""Calls to counterparties: every one through the guarded client, with our identity, in time.

Only here does the connector speak to somebody else's connector; what an answer means is decided by
the caller.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from httpx import URL

from trustspace.connector.crawling.foreign_catalog import ForeignPage, read_page, shell_of
from trustspace.connector.duties.message import DUTY
from trustspace.connector.ending.message import AGREEMENT
from trustspace.connector.settings import UNSAFE
from trustspace.dsp.binding import (
    base_of,
    catalog_request_path,
    dataset_path,
    join,
    negotiation_path,
    transfer_path,
)
from trustspace.dsp.dialects import STRICT, query_of_page, recognise
from trustspace.dsp.messages import CatalogRequestMessage
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.wire import emit, parse
from trustspace.errors import (
    ConfigurationError,
    IdentityError,
    NotFoundError,
    ProtocolError,
    RemoteProtocolError,
    StatusError,
    TransportError,
)
from trustspace.model import jsonld, strict_json
from trustspace.model.dataset import Dataset
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.messaging.outgoing import AnyProcess
    from trustspace.connector.transferring.tokens import TokenDesk
    from trustspace.dsp.dialects import Dialect
    from trustspace.model.participant import ParticipantId
    from trustspace.store.rows import OutboxRow
    from trustspace.transport.discovery import Counterparty, Discovery
    from trustspace.transport.http_client import GuardedClient
    from trustspace.transport.http_response import Response

CATALOG_BYTES = 32 * 1024 * 1024
"""Largest catalogue page that is read, in bytes."""

MAX_PAGES = 1_000

M = TypeVar("M")


@dataclass
class Peers:
    """Everything this connector asks of other connectors."""

    context: ConnectorContext
    client: GuardedClient
    authentication: Authentication
    tokens: TokenDesk
    discovery: Discovery = field(init=False)
    """Set once it is there; finding a counterparty may take asking it."""
    _bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    async def post(self, row: OutboxRow, *, seconds: float) -> Response:
        """Send a stored message.

        Raises:
            NotFoundError: Its participant is no longer hosted here.
            TransportError: No answer, or the counterparty does not know such messages.
        """
        hosted = self.context.participant(row.participant)
        if row.process_kind in (AGREEMENT, DUTY):
            await self._check_profile(row.audience)
        # A start message carries a token that is stored nowhere; over retries it stays the same.
        body = self._bodies.get(row.message_id) or self.tokens.complete(hosted, row)
        dialect = self.context.dialects.of(row.participant, row.audience, row.url)
        if dialect.step_pause and not _opens(row):
            await anyio.sleep(dialect.step_pause.total_seconds())
        # A counterparty that has not saved its own step has in a moment, sooner than back-off.
        for pause in (*dialect.conflict_pauses, None):
            response = await self._request(
                hosted, "POST", row.url, audience=row.audience, body=body, seconds=seconds
            )
            if pause is None or response.status != 409 or _opens(row):
                break
            await anyio.sleep(pause.total_seconds())
        if response.status < 500:
            self._bodies.pop(row.message_id, None)
        else:
            self._bodies[row.message_id] = body
        return response

    async def _check_profile(self, audience: str) -> None:
        """Let the messages of our profile go only to who announces it.

        Raises:
            TransportError: The counterparty does not, or does not say.
        """
        try:
            counterparty = await self.discovery.discover(audience)
        except (IdentityError, ProtocolError, ConfigurationError) as error:
            raise TransportError(f"{audience} is not known: {error}") from error
        if TRUSTSPACE_NAMESPACE not in counterparty.profiles:
            raise TransportError(f"{audience} does not announce the profile of this message")

    async def state_of(
        self, participant: str, process: AnyProcess, *, seconds: float
    ) -> str | None:
        """Ask the counterparty in which state it holds a process; None when it does not say.

        Raises:
            NotFoundError: The participant is no longer hosted here.
            TransportError: No answer.
        """
        if process.peer_pid is None:
            return None
        is_negotiation = isinstance(process, ContractNegotiation)
        path = (negotiation_path if is_negotiation else transfer_path)(process.peer_pid)
        response = await self._request(
            self.context.participant(participant),
            "GET",
            join(process.callback_address, path),
            audience=process.counterparty,
            seconds=seconds,
        )
        body = json_or_none(response)
        if response.status != 200 or not isinstance(body, Mapping):
            return None
        state = body.get("state")
        return state if isinstance(state, str) else None

    async def state_after(self, row: OutboxRow, *, seconds: float) -> str | None:
        """Ask for the state of a stored message's process; None when it cannot be learnt."""
        find = (
            (lambda tx: tx.negotiations.get(row.participant, row.process_pid))
            if row.process_kind == ContractNegotiation.kind
            else (lambda tx: tx.transfers.get(row.participant, row.process_pid))
        )
        process = await self.context.store.read(find)
        if process is None:
            return None
        try:
            return await self.state_of(row.participant, process, seconds=seconds)
        except (NotFoundError, TransportError):
            return None

    async def _pages(
        self, hosted: Hosted, counterparty: Counterparty
    ) -> AsyncIterator[ForeignPage]:
        """Yield the pages of a counterparty's catalogue, each fetched when it is wanted.

        Raises:
            StatusError: The counterparty refused.
            RemoteProtocolError: Its answer is no catalogue.
            TransportError: No answer.
        """
        url: str | None = join(counterparty.base, catalog_request_path())
        offset = 0
        for _ in range(MAX_PAGES):
            if url is None:
                break
            size = self._dialect(hosted, counterparty).page_size
            message = CatalogRequestMessage(
                filter=() if size is None else (query_of_page(offset, size),)
            )
            response = await self._request(
                hosted,
                "POST",
                url,
                audience=counterparty.id,
                body=emit(message),
                seconds=self.context.settings.exchange.answer_seconds,
                max_bytes=CATALOG_BYTES,
            )
            document = _checked(response, "the catalogue")
            self.context.dialects.note(counterparty.id, recognise(document))
            dialect = self._dialect(hosted, counterparty)
            read = partial(
                read_page,
                provider=counterparty.id,
                base=counterparty.base,
                lacks_rules=dialect.policies_without_rules,
            )
            page = _told(read, document, "the catalogue")
            yield page
            number = len(page.datasets) + len(page.skipped)
            offset += number
            if dialect.page_size is None:
                url = next_link(response, url)
            elif number < dialect.page_size:
                break

    async def participant_at(self, hosted: Hosted, base: str) -> tuple[ParticipantId, Dialect]:
        """Ask whose catalogue is at a base, and how whoever answers speaks.

        Raises:
            StatusError: The answer is a refusal.
            RemoteProtocolError: It is no catalogue, or tells nobody's name.
            TransportError: No answer.
        """
        url = join(base, catalog_request_path())
        response = await self._request(
            hosted,
            "POST",
            url,
            audience=base,
            body=emit(CatalogRequestMessage()),
            seconds=self.context.settings.exchange.answer_seconds,
            max_bytes=CATALOG_BYTES,
        )
        document = _checked(response, f"the catalogue at {base}")
        found = _told(shell_of, document, f"the catalogue at {base}").participant_id
        if found is None:
            raise RemoteProtocolError(
                f"the catalogue at {base} has no participantId", code="catalog.malformed"
            )
        return found, recognise(document) or STRICT

    async def dataset(self, hosted: Hosted, counterparty: Counterparty, dataset_id: str) -> Dataset:
        """Fetch one dataset of a counterparty's catalogue.

        Raises:
            NotFoundError: It has none of this id for us.
            StatusError: The counterparty refused.
            RemoteProtocolError: Its answer is no dataset.
            TransportError: No answer.
        """
        response = await self._request(
            hosted,
            "GET",
            join(counterparty.base, dataset_path(dataset_id)),
            audience=counterparty.id,
            seconds=self.context.settings.exchange.answer_seconds,
        )
        if response.status != 200 and self._dialect(hosted, counterparty).searches_catalog:
            async for page in self._pages(hosted, counterparty):
                for found in page.datasets:
                    if found.dataset.id == dataset_id and found.base == counterparty.base:
                        return found.dataset
            raise _absent(counterparty, dataset_id)
        if response.status == 404:
            raise _absent(counterparty, dataset_id)
        document = _checked(response, "the dataset")
        self.context.dialects.note(counterparty.id, recognise(document))
        return _told(partial(parse, expected=Dataset), document, "the dataset")

    async def fresh_token(self, hosted: Hosted, url: str, *, audience: str) -> Mapping[str, Any]:
        """Ask the provider for a fresh EDR token.

        Raises:
            StatusError: The provider refused: the transfer is not running, or not ours.
            RemoteProtocolError: The answer is malformed.
            TransportError: No answer.
        """
        response = await self._request(
            hosted,
            "POST",
            url,
            audience=audience,
            body={},
            seconds=self.context.settings.exchange.answer_seconds,
        )
        body = _checked(response, "a fresh token")
        if not isinstance(body, Mapping):
            raise RemoteProtocolError("a token answer is an object", code="token.malformed")
        return body

    def _dialect(self, hosted: Hosted, counterparty: Counterparty) -> Dialect:
        self.context.dialects.note(counterparty.id, counterparty.dialect)
        return self.context.dialects.of(hosted.name, counterparty.id, counterparty.base)

    def proof(self, hosted: Hosted, url: str, *, audience: ParticipantId) -> str:
        """Return the ``Authorization`` header for a call."""
        if self.context.settings.identity == UNSAFE:
            audience = base_of(url)  # Whoever believes everybody is told the address called.
        return self.authentication.issue(hosted, audience)

    async def _request(
        self,
        hosted: Hosted,
        method: str,
        url: str,
        *,
        audience: str,
        seconds: float,
        body: Mapping[str, Any] | None = None,
        max_bytes: int = 1024 * 1024,
    ) -> Response:
        now = self.context.now()
        with self.context.trace.sending(
            hosted, method, url, audience=audience, message=body, at=now
        ) as said:
            response = await self.client.request(
                method,
                url,
                headers={
                    "Authorization": self.proof(hosted, url, audience=audience),
                    "Accept": "application/json",
                },
                json=body,
                max_bytes=max_bytes,
                deadline=timedelta(seconds=seconds),
            )
            said.answered(response.status, response.body)
        return response


def _opens(row: OutboxRow) -> bool:
    """Say whether a message opens a process, which its receiver does not know yet."""
    return not ("consumerPid" in row.body and "providerPid" in row.body)


def _absent(counterparty: Counterparty, dataset_id: str) -> NotFoundError:
    return NotFoundError(
        f"{counterparty.id} offers us no dataset {dataset_id!r}",
        hint="look at its catalogue for the ids that it offers",
    )


def json_or_none(response: Response) -> Any:  # noqa: ANN401 - any JSON value
    """Return an answer's JSON body in the compact form, or None: acknowledgements may have none."""
    try:
        body = strict_json.loads(response.body) if response.body else None
    except RemoteProtocolError:
        return None
    try:
        return jsonld.read(body, context_required=False) if isinstance(body, dict) else body
    except RemoteProtocolError:
        return body


def _checked(response: Response, what: str) -> Any:  # noqa: ANN401 - any JSON value
    if response.status not in (200, 201):
        raise StatusError(
            f"the counterparty answered {response.status} when asked for {what}",
            status=response.status,
            body=json_or_none(response),
            hint=_hint(response.status),
        )
    return response.json()


def _told(read: Callable[[object], M], document: object, what: str) -> M:
    """Read an answer; an error says which answer it was."""
    try:
        return read(document)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(
            f"{what} of the counterparty cannot be read: {error}", code=error.code, hint=error.hint
        ) from error


def _hint(status: int) -> str:
    if status in (401, 403, 404):
        return "check that both sides know each other's DID"
    if status in range(300, 400):
        return "redirects are not followed: use the address that it redirects to"
    return ""


def next_link(response: Response, url: str) -> str | None:
    """Return the URL of a catalogue's next page (RFC 8288), on the same origin only."""
    for entry in response.headers.get("link", "").split(","):
        target, _, parameters = entry.partition(">")
        if 'rel="next"' in parameters or "rel=next" in parameters:
            found = URL(url).join(target.strip().removeprefix("<"))
            return str(found) if found.netloc == URL(url).netloc else None
    return None
