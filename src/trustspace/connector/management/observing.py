"""Management of events, reasons, facts about counterparties."""

from typing import Annotated, Any

from fastapi import FastAPI, Query

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Attestation, Limit, Speech, Wait, Who
from trustspace.policy.messages import Language


def add_observing(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base + "/events")
    async def events(
        hosted: Who,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Limit = 100,
        wait: Wait = 0,
    ) -> dict[str, Any]:
        return await plane.events(hosted, after=after, limit=limit, wait=wait)

    @app.get(base + "/decisions")
    async def decisions(hosted: Who, limit: Limit = 100) -> dict[str, Any]:
        return await plane.past_decisions(hosted, limit=limit)

    @app.get(base + "/explain/{subject}")
    async def explain(hosted: Who, subject: str, language: Language = "en") -> dict[str, Any]:
        return await plane.explain(hosted, subject, language=language)

    @app.put(base + "/counterparties/{did}")
    async def attest(hosted: Who, did: str, body: Attestation) -> dict[str, Any]:
        return await plane.attest(hosted, did, body.facts)

    @app.put(base + "/counterparties/{did}/dialect")
    async def speak(hosted: Who, did: str, body: Speech) -> dict[str, Any]:
        return await plane.speaking.choose(hosted, did, body.dialect)

    @app.get(base + "/counterparties/{did}/dialect")
    async def spoken(hosted: Who, did: str) -> dict[str, Any]:
        return plane.speaking.spoken(hosted, did)

    @app.get(base + "/counterparties/{did}")
    async def attested(hosted: Who, did: str) -> dict[str, Any]:
        return await plane.attested(hosted, did)
