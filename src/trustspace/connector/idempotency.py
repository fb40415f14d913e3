"""Creating calls happen once per idempotency key, whatever the network loses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from trustspace.errors import ConflictError
from trustspace.model.value import digest
from trustspace.store import IdempotencyRow, Transaction

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted

KEPT = timedelta(hours=24)
"""How long an answer is kept under its key."""


Keep = Callable[[Transaction, dict[str, Any]], None]
"""Keeps the answer of a creating call, in the transaction that creates."""


async def once(
    context: ConnectorContext,
    hosted: Hosted,
    key: str | None,
    request: dict[str, Any],
    create: Callable[[Keep], Awaitable[dict[str, Any]]],
    *,
    status: int,
) -> JSONResponse:
    """Answer a creating call, or give the answer that its key has already.

    The answer is kept in the transaction that creates, so that neither a crash nor a second call
    at the same moment can create twice.

    Raises:
        ConflictError: The key was used for another request.
    """
    asked = "" if key is None else digest(request)
    now = context.now()

    def keep(tx: Transaction, body: dict[str, Any]) -> None:
        if key is not None:
            row = IdempotencyRow(
                participant=hosted.name,
                key=key,
                request_digest=asked,
                status=status,
                body=body,
                expires_at=now + KEPT,
            )
            tx.idempotency.remember(hosted.name, row, now=now)

    async def recall() -> JSONResponse | None:
        if key is None:
            return None
        known = await context.store.read(
            lambda tx: tx.idempotency.recall(hosted.name, key, asked, now=now)
        )
        return None if known is None else JSONResponse(known.body, status_code=known.status)

    if (known := await recall()) is not None:
        return known
    try:
        return JSONResponse(await create(keep), status_code=status)
    except ConflictError:
        if (known := await recall()) is not None:
            return known
        raise
