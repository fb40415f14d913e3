"""Management of negotiations and agreements."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.idempotency import Keep, once
from trustspace.connector.management.bodies import (
    Key,
    Limit,
    NegotiationRequest,
    NegotiationStep,
    Wait,
    Who,
)
from trustspace.connector.negotiating.agreeing import Manner
from trustspace.connector.negotiating.reuse import Wish


def add_agreeing(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.post(base + "/negotiations", status_code=201)
    async def negotiate(hosted: Who, body: NegotiationRequest, key: Key = None) -> Response:
        async def create(keep: Keep) -> dict[str, Any]:
            wish = Wish(body.address, body.dataset, body.purpose)
            how = Manner(body.offer, body.policy, body.counter_offers, fresh=body.fresh)
            return await plane.agreeing.negotiate(hosted, wish, how, keep=keep)

        return await once(plane.context, hosted, key, body.model_dump(), create, status=201)

    @app.get(base + "/negotiations")
    async def negotiations(
        hosted: Who, state: str | None = None, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.negotiations_page(hosted, state=state, limit=limit, cursor=cursor)

    @app.get(base + "/negotiations/{pid}")
    async def negotiation(hosted: Who, pid: str, wait: Wait = 0) -> dict[str, Any]:
        return await plane.negotiation(hosted, pid, wait=wait)

    @app.post(base + "/negotiations/{pid}/{step}")
    async def step(hosted: Who, pid: str, step: str, body: NegotiationStep) -> dict[str, Any]:
        return await plane.step_negotiation(
            hosted, pid, step, reason=body.reason, policy=body.policy
        )
