"""Management of transfers and what came of deliveries."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.idempotency import Keep, once
from trustspace.connector.management.bodies import (
    Ending,
    Key,
    Limit,
    Receipt,
    TransferOrder,
    Wait,
    Who,
)


def add_delivering(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}/transfers"

    @app.post(base, status_code=201)
    async def transfer(hosted: Who, body: TransferOrder, key: Key = None) -> Response:
        async def create(keep: Keep) -> dict[str, Any]:
            return await plane.request_transfer(
                hosted, body.agreement, format_=body.format, push=body.push(), keep=keep
            )

        return await once(plane.context, hosted, key, body.model_dump(), create, status=201)

    @app.get(base)
    async def transfers(
        hosted: Who, state: str | None = None, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.transfers_page(hosted, state=state, limit=limit, cursor=cursor)

    @app.get(base + "/{pid}")
    async def one(hosted: Who, pid: str, wait: Wait = 0, ended: bool = False) -> dict[str, Any]:
        return await plane.transfer(hosted, pid, wait=wait, ended=ended)

    @app.get(base + "/{pid}/edr")
    async def edr(
        hosted: Who,
        pid: str,
        fresh: bool = False,
    ) -> dict[str, Any]:
        return await plane.edr(hosted, pid, fresh=fresh)

    @app.post(base + "/{pid}/receipts", status_code=204)
    async def receipt(hosted: Who, pid: str, body: Receipt) -> None:
        await plane.receipt(hosted, pid, body.model_dump(exclude_none=True))

    @app.post("/v1/participants/{participant}/agreements/{agreement_id}/release")
    async def release(hosted: Who, agreement_id: str) -> dict[str, Any]:
        return await plane.suspensions.release(hosted, agreement_id)

    @app.post(base + "/{pid}/{step}")
    async def step(hosted: Who, pid: str, step: str, body: Ending) -> dict[str, Any]:
        return await plane.step_transfer(hosted, pid, step, reason=body.reason)
