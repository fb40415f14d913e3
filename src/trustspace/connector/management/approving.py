"""Management of what waits for a person, and of offers to consumers."""

from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.idempotency import Keep, once
from trustspace.connector.management.bodies import Key, Limit, NegotiationStep, Proposal, Who
from trustspace.connector.negotiating.approvals import Decision


def add_approving(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base + "/approvals")
    async def approvals(
        hosted: Who, limit: Limit = 100, cursor: str | None = None
    ) -> dict[str, Any]:
        return await plane.approvals.page(hosted, limit=limit, cursor=cursor)

    @app.get(base + "/approvals/{pid}")
    async def approval(hosted: Who, pid: str) -> dict[str, Any]:
        return await plane.approvals.entry(hosted, pid)

    @app.post(base + "/approvals/{pid}/{decision}")
    async def decide(
        hosted: Who, pid: str, decision: Decision, body: NegotiationStep
    ) -> dict[str, Any]:
        return await plane.approvals.decide(
            hosted, pid, decision, reason=body.reason, policy=body.policy
        )

    @app.post(base + "/offers", status_code=201)
    async def offer(hosted: Who, body: Proposal, key: Key = None) -> Response:
        async def create(keep: Keep) -> dict[str, Any]:
            return await plane.proposals.offer(
                hosted,
                body.address,
                body.dataset,
                purpose=body.purpose,
                policy=body.policy,
                keep=keep,
            )

        return await once(plane.context, hosted, key, body.model_dump(), create, status=201)
