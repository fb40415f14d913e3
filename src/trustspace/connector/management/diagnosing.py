"""Management of what helps when an exchange does not work: messages, and the doctor."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Consultation, Limit, Wait, Who
from trustspace.connector.messaging.trace import shown
from trustspace.policy.messages import Language


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

    @app.post(base + "/doctor", status_code=201)
    async def begin(hosted: Who, body: Consultation, language: Language = "en") -> dict[str, Any]:
        visit = plane.doctor.begin(hosted, body.address, role=body.role, negotiate=body.negotiate)
        return await plane.doctor.look(hosted, visit.id, after=0, wait=0, language=language)

    @app.get(base + "/doctor/{visit}")
    async def look(
        hosted: Who,
        visit: str,
        after: Annotated[int, Query(ge=0)] = 0,
        wait: Wait = 0,
        language: Language = "en",
    ) -> dict[str, Any]:
        return await plane.doctor.look(hosted, visit, after=after, wait=wait, language=language)
