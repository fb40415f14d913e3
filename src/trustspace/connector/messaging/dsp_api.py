"""The protocol endpoints of every hosted participant, mounted from `trustspace.dsp.binding.ROUTES`.

One way for every message: who sends, what it says, then one transaction that uses the token up and
applies the message; only then the answer. Whoever is not a party gets the answer that an unknown id
gets: 404 without a body (DSP 2025-1, HTTPS bindings).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.cataloguing.catalogs import Asked
from trustspace.connector.messaging.refusals import Pids, Refusal, as_told, of_process, refusal
from trustspace.connector.messaging.wire_body import read_json
from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.dataplane.push_target import PushTarget
from trustspace.dsp.binding import (
    CATALOG_REQUEST_PATH,
    ROUTES,
    catalog_error,
    negotiation_error,
    transfer_error,
)
from trustspace.dsp.dialects import recognise
from trustspace.dsp.messages import (
    CatalogRequestMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    Message,
    TransferRequestMessage,
    TransferState,
)
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.wire import emit, parse
from trustspace.errors import StoreError, TrustspaceError
from trustspace.model.participant import Role

if TYPE_CHECKING:
    from trustspace.connector.cataloguing.catalog_page import CatalogPage
    from trustspace.connector.cataloguing.catalogs import Catalogs
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.messaging.outgoing import AnyProcess
    from trustspace.connector.negotiating.negotiations import Negotiations
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.connector.transferring.tokens import TokenDesk
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.identity.identity_provider import Sender
    from trustspace.store import Transaction

logger: logging.Logger = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]
ErrorBody = Callable[[Request, "Sender | None", Refusal], Awaitable[dict[str, Any]]]

RETRY_SECONDS = "1"

ANSWER_LOOKS, ANSWER_PAUSE = 40, 0.05
"""How often, and every how many seconds, it is looked whether our opening message is answered."""


class DspApi:
    """Protocol endpoints of every hosted participant."""

    def __init__(
        self,
        context: ConnectorContext,
        authentication: Authentication,
        catalogs: Catalogs,
        negotiations: Negotiations,
        transfers: Transfers,
        tokens: TokenDesk,
        incoming: Incoming,
    ) -> None:
        self._context = context
        self._authentication = authentication
        self._catalogs = catalogs
        self._negotiations = negotiations
        self._transfers = transfers
        self._tokens = tokens
        self._incoming = incoming

    def routes(self) -> list[Route]:
        """Return the routes of the public listener that belong to the protocol."""
        base = "/{participant}/dsp/2025-1/"
        found = [
            Route(base + CATALOG_REQUEST_PATH, self._catalog, methods=["GET", "POST"]),
            Route(base + "catalog/datasets/{id:path}", self._dataset, methods=["GET"]),
        ]
        seen = set()
        for row in ROUTES:
            if row.path.startswith("catalog/") or (row.method, row.path) in seen:
                continue
            seen.add((row.method, row.path))
            endpoint = self._endpoint(row.path, row.message)
            found.append(Route(base + row.path, endpoint, methods=[row.method]))
        return found

    # --- catalogue -----------------------------------------------------------------------------

    async def _catalog(self, request: Request) -> Response:
        token = request.query_params.get("page")
        if request.method != "POST" and token is None:
            # Only the links between pages can be followed without a message.
            return Response(status_code=405, headers={"Allow": "POST"})

        async def answer(hosted: Hosted, who: Sender) -> Response:
            message = CatalogRequestMessage()
            if request.method == "POST":
                message = parse(await self._read(request, who), CatalogRequestMessage)
            await self._use(hosted, who)
            asked = Asked(message.filter, token, request.headers.get("if-none-match"))
            page = await self._context.store.read(
                lambda tx: self._catalogs.page(tx, hosted, asked, subject=who.id)
            )
            return page.response()

        return await self._answer(request, answer, _catalog_body, unauthorised=401)

    async def _dataset(self, request: Request) -> Response:
        async def answer(hosted: Hosted, who: Sender) -> Response:
            def hop(tx: Transaction) -> CatalogPage:
                self._authentication.use(tx, hosted, who)
                return self._catalogs.dataset(
                    tx,
                    hosted,
                    request.path_params["id"],
                    subject=who.id,
                    known=request.headers.get("if-none-match"),
                )

            return (await self._context.store.write(hop)).response()

        return await self._answer(request, answer, _catalog_body, unauthorised=401)

    # --- negotiations and transfers --------------------------------------------------------------

    def _endpoint(self, path: str, message_type: type[Message] | None) -> Endpoint:
        is_transfer = path.startswith("transfers/")
        error_body = self._process_body(is_transfer=is_transfer)
        if message_type is None:
            apply = self._look
        elif path.endswith(("/request", "/offers")) and "{pid}" not in path:
            apply = self._open
        else:
            apply = self._receive

        async def endpoint(request: Request) -> Response:
            async def answer(hosted: Hosted, who: Sender) -> Response:
                message: Any = None
                if message_type is not None:
                    message = parse(await self._read(request, who), message_type)
                await self._check_addresses(who, message)
                pid = request.path_params.get("pid")

                def hop(tx: Transaction) -> Any:  # noqa: ANN401 - a process of either kind
                    self._authentication.use(tx, hosted, who)
                    return apply(tx, hosted, who, message, pid, is_transfer=is_transfer)

                process = await self._context.decide(hop)
                if process.peer_pid is None and not process.is_terminal:
                    process = await self._answered(hosted, process)
                if is_transfer:
                    self._after(process)
                    self._incoming.follow(hosted, process)
                status = 201 if apply == self._open else 200
                return JSONResponse(emit(process.acknowledgement()), status_code=status)

            return await self._answer(request, answer, error_body, unauthorised=404)

        return endpoint

    async def _check_addresses(self, who: Sender, message: Message | None) -> None:
        """Accept addresses that a message has us call only where they are the sender's.

        Raises:
            RemoteProtocolError: One points to somebody else, or is no address.
        """
        opening = ContractRequestMessage | ContractOfferMessage | TransferRequestMessage
        if isinstance(message, opening) and message.callback_address is not None:
            await self._authentication.check_callback(who, message.callback_address)
        if isinstance(message, TransferRequestMessage) and message.format == PUSH:
            sink = PushTarget.of(message.data_address)
            await self._authentication.check_sink(who.id, sink.url)

    def _process_body(self, *, is_transfer: bool) -> ErrorBody:
        errors = transfer_error if is_transfer else negotiation_error

        async def body(request: Request, who: Sender | None, found: Refusal) -> dict[str, Any]:
            consumer, provider = await self._pids(request, who, is_transfer=is_transfer)
            return errors(found.code, *found.reasons, consumer_pid=consumer, provider_pid=provider)

        return body

    async def _pids(self, request: Request, who: Sender | None, *, is_transfer: bool) -> Pids:
        """Return both pids of a refused request: those of the process only to a party to it."""
        name, pid = request.path_params["participant"], request.path_params.get("pid")
        if who is not None and pid is not None:

            def find(tx: Transaction) -> AnyProcess | None:
                return (tx.transfers if is_transfer else tx.negotiations).get(name, pid)

            with contextlib.suppress(StoreError):
                process = await self._context.store.read(find)
                if process is not None and process.counterparty == who.id:
                    return of_process(process)
        return as_told(pid, getattr(request.state, "document", None))

    def _after(self, transfer: TransferProcess) -> None:
        """Do what a transfer's new state means to deliveries and tokens."""
        if transfer.state is not TransferState.STARTED:
            code = f"transfer.{transfer.state.lower()}"
            self._context.gates.close(transfer_pid=transfer.id, code=code)
        elif transfer.role is Role.CONSUMER:
            self._tokens.remember(transfer)

    def _open(
        self,
        tx: Transaction,
        hosted: Hosted,
        who: Sender,
        message: Any,  # noqa: ANN401 - one of the three opening messages
        pid: str | None,
        *,
        is_transfer: bool,
    ) -> Any:  # noqa: ANN401 - a process of either kind
        del pid
        now = self._context.now()
        if is_transfer:
            return self._transfers.open(tx, hosted, message, sender=who.id, now=now)
        role = Role.PROVIDER if isinstance(message, ContractRequestMessage) else Role.CONSUMER
        return self._negotiations.open(tx, hosted, message, role=role, sender=who.id, now=now)

    def _receive(
        self,
        tx: Transaction,
        hosted: Hosted,
        who: Sender,
        message: Any,  # noqa: ANN401 - any later message
        pid: str | None,
        *,
        is_transfer: bool,
    ) -> Any:  # noqa: ANN401 - a process of either kind
        service = self._transfers if is_transfer else self._negotiations
        now = self._context.now()
        return service.receive(tx, hosted, pid or "", message, sender=who.id, now=now)

    def _look(
        self,
        tx: Transaction,
        hosted: Hosted,
        who: Sender,
        message: Any,  # noqa: ANN401 - None
        pid: str | None,
        *,
        is_transfer: bool,
    ) -> Any:  # noqa: ANN401 - a process of either kind
        del message
        service = self._transfers if is_transfer else self._negotiations
        return service.of_counterparty(tx, hosted, pid or "", sender=who.id)

    async def _answered(self, hosted: Hosted, process: AnyProcess) -> AnyProcess:
        """Wait for the answer to our opening message, which tells the counterparty's pid.

        A counterparty that asks for our process has the message and is just answering it.

        Raises:
            StoreError: The answer does not come.
        """

        def look(tx: Transaction) -> AnyProcess | None:
            if isinstance(process, ContractNegotiation):
                return tx.negotiations.get(hosted.name, process.id)
            return tx.transfers.get(hosted.name, process.id)

        for _ in range(ANSWER_LOOKS):
            await anyio.sleep(ANSWER_PAUSE)
            found = await self._context.store.read(look)
            if found is not None and found.peer_pid is not None:
                return found
        raise StoreError("the counterparty has not answered the opening message yet")

    # --- the one way -----------------------------------------------------------------------------

    async def _read(self, request: Request, who: Sender) -> Any:  # noqa: ANN401 - any JSON value
        body = await read_json(request, self._context.settings.limits)
        self._context.dialects.note(who.id, recognise(body))
        request.state.document = request.state.said.message = body
        return body

    async def _use(self, hosted: Hosted, who: Sender) -> None:
        await self._context.store.write(lambda tx: self._authentication.use(tx, hosted, who))

    async def _answer(
        self,
        request: Request,
        answer: Callable[[Hosted, Sender], Awaitable[Response]],
        error_body: ErrorBody,
        *,
        unauthorised: int,
    ) -> Response:
        """Authenticate, answer, and turn every refusal into what the binding prescribes."""
        now = self._context.now()
        with self._context.trace.receiving(request.method, request.scope["path"], at=now) as said:
            request.state.said = said
            response = await self._answer_or_refuse(
                request, answer, error_body, unauthorised=unauthorised
            )
            said.answered(response.status_code, bytes(response.body))
        return response

    async def _answer_or_refuse(
        self,
        request: Request,
        answer: Callable[[Hosted, Sender], Awaitable[Response]],
        error_body: ErrorBody,
        *,
        unauthorised: int,
    ) -> Response:
        who: Sender | None = None
        try:
            hosted = self._context.participant(request.path_params["participant"])
            request.state.said.between(hosted)
            who = await self._authentication.verify(hosted, request.headers.get("authorization"))
            request.state.said.between(hosted, who.id)
            return await answer(hosted, who)
        except TrustspaceError as error:
            found = refusal(error, unauthorised=unauthorised)
            logger.info(
                "%s refused with %s %s: %s", request.url.path, found.status, found.code, error
            )
        if found.status == 404 == unauthorised:
            return Response(status_code=404)
        headers = {"Retry-After": RETRY_SECONDS} if found.status == 503 else None
        body = await error_body(request, who, found)
        return JSONResponse(body, status_code=found.status, headers=headers)


async def _catalog_body(request: Request, who: Sender | None, found: Refusal) -> dict[str, Any]:
    del request, who
    return catalog_error(found.code, *found.reasons)
