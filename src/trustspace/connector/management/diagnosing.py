"""Management of what helps when an exchange does not work: messages of the last moments."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Limit, Who
from trustspace.connector.trace import shown


def add_diagnosing(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base + "/messages")
    async def messages(
        hosted: Who,
        after: Annotated[
            int | None, Query(ge=0, description="Without it only the present position.")
        ] = None,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        trace = plane.context.trace
        if after is None:
            return {"items": [], "next": trace.position, "missed": 0}
        found = trace.after(hosted.name, after, limit)
        reached = found[-1].seq if len(found) == limit else max(after, trace.position)
        return {
            "items": [shown(said) for said in found],
            "next": reached,
            "missed": trace.missed(after),
        }
