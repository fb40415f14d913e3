"""Management of duties: what is owed under agreements, and evidence for it."""

from typing import Any

from fastapi import FastAPI

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.duties.owner import Proof
from trustspace.connector.management.bodies import FulfilmentBody, Limit, Who
from trustspace.policy.messages import Language


def add_duties(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base + "/duties")
    async def every(
        hosted: Who,
        state: str | None = None,
        limit: Limit = 100,
        cursor: str | None = None,
        language: Language = "en",
    ) -> dict[str, Any]:
        return await plane.duties.page(
            hosted, state=state, limit=limit, cursor=cursor, language=language
        )

    @app.get(base + "/agreements/{agreement_id}/duties")
    async def duties(
        hosted: Who, agreement_id: str, state: str | None = None, language: Language = "en"
    ) -> dict[str, Any]:
        return await plane.duties.of_agreement(hosted, agreement_id, state=state, language=language)

    @app.post(base + "/agreements/{agreement_id}/duties/{duty_id}/fulfil")
    async def fulfil(
        hosted: Who,
        agreement_id: str,
        duty_id: str,
        body: FulfilmentBody,
        language: Language = "en",
    ) -> dict[str, Any]:
        proof = Proof(body.evidence, body.facts, body.occurrence, body.at)
        return await plane.duties.fulfil(hosted, agreement_id, duty_id, proof, language=language)
