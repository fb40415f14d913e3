"""Management of agreements and their end."""

from typing import Any

from fastapi import FastAPI

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Ending, Limit, Who


def add_agreements(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base + "/agreements")
    async def agreements(
        hosted: Who, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.agreements_page(hosted, limit=limit, cursor=cursor)

    @app.get(base + "/agreements/{agreement_id}")
    async def agreement(hosted: Who, agreement_id: str) -> dict[str, Any]:
        return await plane.agreement(hosted, agreement_id)

    @app.get(base + "/agreements/{agreement_id}/timeline")
    async def timeline(hosted: Who, agreement_id: str) -> dict[str, Any]:
        return await plane.timeline(hosted, agreement_id)

    @app.post(base + "/agreements/{agreement_id}/revoke")
    async def revoke(hosted: Who, agreement_id: str, body: Ending) -> dict[str, Any]:
        return await plane.endings.revoke(hosted, agreement_id, reason=body.reason)

    @app.post(base + "/agreements/{agreement_id}/give-up")
    async def give_up(hosted: Who, agreement_id: str, body: Ending) -> dict[str, Any]:
        return await plane.endings.give_up(hosted, agreement_id, reason=body.reason)

    @app.post(base + "/agreements/{agreement_id}/end")
    async def end(hosted: Who, agreement_id: str, body: Ending) -> dict[str, Any]:
        return await plane.endings.end(hosted, agreement_id, reason=body.reason)

    @app.post(base + "/agreements/{agreement_id}/end/reject")
    async def reject(hosted: Who, agreement_id: str, body: Ending) -> dict[str, Any]:
        return await plane.endings.reject(hosted, agreement_id, reason=body.reason)
