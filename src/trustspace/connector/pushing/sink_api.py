"""Our own sink: where a provider delivers what was agreed, with a token for one transfer.

::

    PUT or POST /{participant}/sink/{pid}     the whole, or with Content-Range the rest
    HEAD        /{participant}/sink/{pid}     Upload-Offset: how much is here, of which Repr-Digest

The answer to a write says what is here. A part is kept for the rest to follow; parts of two
versions are never joined. A file appears when all of it is there and has the digest that was
announced. The sink takes nothing for a transfer that is suspended or over.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from trustspace.connector.messaging.wire_body import BodyError
from trustspace.connector.problems import problem, problem_of
from trustspace.connector.pushing.address import is_sink_token
from trustspace.connector.pushing.attempt import COMPLETE, OFFSET, digest_header, digest_of
from trustspace.connector.transferring.transfer_format import PUSH
from trustspace.dsp.messages import TransferState
from trustspace.errors import (
    IntegrityError,
    InvalidTokenError,
    NotFoundError,
    PolicyDeniedError,
    TrustspaceError,
)
from trustspace.model.participant import Role
from trustspace.store import PushRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.delivering.gates import Gate
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.pushing.incoming import Incoming
    from trustspace.dsp.transfer import TransferProcess
    from trustspace.store import Transaction
    from trustspace.usage.sealed_writer import SealedWriter

logger: logging.Logger = logging.getLogger(__name__)

WRITE_BYTES: Final = 1024 * 1024
"""Bytes that are collected before they are written."""

_PART: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})")


@dataclass(frozen=True)
class _Part:
    """What a write brings.

    Attributes:
        start: First byte; None for an empty write that asks what is here.
        total: Size of the whole; None when it is not told.
    """

    start: int | None = 0
    total: int | None = None
    is_rest: bool = False

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        """Read the headers of a write.

        Raises:
            BodyError: They are malformed.
        """
        length = headers.get("content-length", "")
        given = headers.get("content-range")
        if given is None:
            return cls(total=int(length) if length.isdecimal() else None)
        found = _PART.fullmatch(given)
        if found is None or (found[1] is not None and not int(found[1]) <= int(found[2])):
            raise BodyError("the Content-Range cannot be read", status=400)
        start = None if found[1] is None else int(found[1])
        return cls(start, int(found[3]), is_rest=True)


class SinkApi:
    """Sinks of every hosted participant."""

    def __init__(
        self,
        context: ConnectorContext,
        agreed: Agreements,
        incoming: Incoming,
        duties: DutyPlanner,
    ) -> None:
        self._context = context
        self._agreed = agreed
        self._incoming = incoming
        self._duties = duties

    def routes(self) -> list[Route]:
        """Return the routes of the public listener that belong to sinks."""
        path = "/{participant}/sink/{pid}"
        return [
            Route(path, self._look, methods=["HEAD"]),
            Route(path, self._take, methods=["PUT", "POST"]),
        ]

    async def _look(self, request: Request) -> Response:
        try:
            hosted, transfer, row = await self._admitted(request)
            if row is not None and row.sha256 is not None:
                return _here(200, row.size_bytes, row.sha256, complete=True)
            sink = await anyio.to_thread.run_sync(self._incoming.sink, hosted, transfer)
            try:
                return _here(204, sink.offset, sink.version)
            finally:
                sink.close()
        except TrustspaceError as error:
            return _refused(error)

    async def _take(self, request: Request) -> Response:
        try:
            hosted, transfer, _ = await self._admitted(request)
            if request.headers.get("content-encoding", "identity") != "identity":
                raise BodyError("send the body without Content-Encoding", status=415)
            part = _Part.of(request.headers)
            self._check_size(part.total or 0)
            gate = self._context.gates.open(
                agreement_id=transfer.agreement_id, transfer_pid=transfer.id
            )
            try:
                sink = await anyio.to_thread.run_sync(self._incoming.sink, hosted, transfer)
                try:
                    return await self._received(request, hosted, transfer, part, sink, gate)
                finally:
                    sink.close()
            finally:
                self._context.gates.leave(gate)
        except TrustspaceError as error:
            return _refused(error)

    async def _admitted(self, request: Request) -> tuple[Hosted, TransferProcess, PushRow | None]:
        """Let in who has the token of a transfer that takes data now.

        Raises:
            InvalidTokenError: Nobody can tell from the answer which transfers there are.
            PolicyDeniedError: The transfer or its agreement does not take data.
        """
        hosted = self._context.hosted.get(request.path_params["participant"])
        pid = request.path_params["pid"]
        header = request.headers.get("authorization")
        if hosted is None or not is_sink_token(hosted, pid, header):
            raise InvalidTokenError("the token is not valid for this sink")

        def query(tx: Transaction) -> tuple[TransferProcess, PushRow | None]:
            found = tx.transfers.get(hosted.name, pid, role=Role.CONSUMER)
            if found is None or found.format != PUSH:
                raise InvalidTokenError("the token is not valid for this sink")
            self._agreed.live(tx, hosted, found.agreement_id)
            return found, tx.pushes.get(hosted.name, pid)

        transfer, row = await self._context.store.read(query)
        # The provider may be faster with the data than with the message that starts the transfer.
        if transfer.state not in (TransferState.REQUESTED, TransferState.STARTED):
            state = transfer.state.lower()
            raise PolicyDeniedError(f"the transfer is {state}", code=f"transfer.{state}")
        return hosted, transfer, row

    def _check_size(self, size: int) -> None:
        most = self._context.settings.delivery.sink_bytes
        if size > most:
            raise BodyError(f"the sink takes at most {most} bytes", status=413)

    async def _received(
        self,
        request: Request,
        hosted: Hosted,
        transfer: TransferProcess,
        part: _Part,
        sink: SealedWriter,
        gate: Gate,
    ) -> Response:
        digest = digest_of(request.headers)
        if part.start is None:
            return _here(308, sink.offset, sink.version)
        if not part.is_rest:
            await anyio.to_thread.run_sync(lambda: sink.restart(version=digest))
        elif part.start != sink.offset or sink.version != digest:
            return _here(409, sink.offset, sink.version)
        async for data in self._pieces(request):
            gate.check()
            if part.total is not None and sink.offset + len(data) > part.total:
                raise BodyError("there is more than was announced", status=400)
            self._check_size(sink.offset + len(data))
            await anyio.to_thread.run_sync(sink.write, data)
        if part.total is not None and sink.offset < part.total:
            return _here(202, sink.offset, sink.version)
        written = await anyio.to_thread.run_sync(lambda: sink.commit(sha256=digest))
        row = PushRow(
            hosted.name,
            transfer.id,
            self._context.now(),
            media_type=request.headers.get("content-type", "")[:200],
            size_bytes=written.size_bytes,
            sha256=written.sha256,
        )
        await self._context.store.write(lambda tx: self._arrived(tx, hosted, transfer, row))
        return _here(201, written.size_bytes, written.sha256, complete=True)

    def _arrived(
        self, tx: Transaction, hosted: Hosted, transfer: TransferProcess, row: PushRow
    ) -> None:
        found = tx.pushes.get(hosted.name, transfer.id)
        address = "" if found is None else found.address
        tx.pushes.put(hosted.name, replace(row, address=address))
        body = {
            "transfer": transfer.id,
            "agreement": transfer.agreement_id,
            "counterparty": transfer.counterparty,
            "bytes": row.size_bytes,
            "sha256": row.sha256,
        }
        tx.events.append(hosted.name, "delivery.arrived", body, now=row.updated_at)
        agreement = tx.agreements.get(hosted.name, transfer.agreement_id)
        if agreement is not None:
            use = {"bytes": row.size_bytes}
            self._duties.used(tx, agreement, f"push:{transfer.id}", use=use, now=row.updated_at)

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body in pieces worth writing; who stands still is let go, its part kept."""
        limit = self._context.settings.limits.body_seconds
        collected = bytearray()
        stream = request.stream()
        try:
            while True:
                with anyio.fail_after(limit):
                    data = await anext(stream, None)
                if data is None:
                    break
                collected += data
                if len(collected) >= WRITE_BYTES:
                    yield bytes(collected)
                    collected.clear()
        except TimeoutError as error:
            raise BodyError(f"no data for {limit:g} s", status=408) from error
        except ClientDisconnect as error:
            if collected:
                yield bytes(collected)
            raise BodyError("the connection was closed within the body", status=400) from error
        if collected:
            yield bytes(collected)


def _here(status: int, offset: int, sha256: str | None, *, complete: bool = False) -> Response:
    """Say what is here."""
    headers = {OFFSET: str(offset), COMPLETE: "?1" if complete else "?0"}
    if sha256 is not None and re.fullmatch(r"[0-9a-f]{64}", sha256):
        headers["Repr-Digest"] = digest_header(sha256)
    if status == 308 and offset:
        headers["Range"] = f"bytes=0-{offset - 1}"
    return Response(status_code=status, headers=headers)


def _refused(error: TrustspaceError) -> Response:
    logger.info("nothing taken in: %s", error)
    if isinstance(error, InvalidTokenError | NotFoundError):
        headers = {"WWW-Authenticate": "Bearer"}
        return problem(401, "unauthorized", "the token is not valid for this sink", headers=headers)
    if isinstance(error, PolicyDeniedError) and error.code == "transfer.suspended":
        return problem(409, error.code, str(error))
    if isinstance(error, IntegrityError):
        return problem(422, "integrity", str(error))
    if getattr(error, "setting", "") == "sealed":
        return problem(409, "busy", str(error), hint="try again in a moment")
    return problem_of(error)
