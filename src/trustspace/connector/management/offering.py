"""Management of what is offered here."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.responses import JSONResponse, Response

from trustspace.connector.cataloguing.publications import About
from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Leaked, Limit, Publication, Who
from trustspace.connector.negotiating.answering import Answering


def add_offering(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}"

    @app.get(base)
    async def participant(hosted: Who) -> dict[str, Any]:
        return plane.about(hosted)

    @app.put(base + "/datasets/{dataset_id:path}")
    async def publish(hosted: Who, dataset_id: str, body: Publication) -> Response:
        about = About(body.title, body.description, tuple(body.keywords), body.creator)
        shown = await plane.publications.publish(
            hosted,
            dataset_id,
            about=about,
            source=body.source,
            policy=body.policy,
            answering=Answering(body.negotiation, body.rounds),
            accept_contractual=body.accept_contractual,
        )
        return JSONResponse(shown, status_code=201 if shown["changed"] else 200)

    @app.post(base + "/watermarks/{dataset_id:path}")
    async def find_watermark(hosted: Who, dataset_id: str, body: Leaked) -> dict[str, Any]:
        return await plane.watermarks.find(hosted, dataset_id, body.path)

    @app.get(base + "/datasets")
    async def datasets(hosted: Who, after: str | None = None, limit: Limit = 100) -> dict[str, Any]:
        return await plane.publications.page(hosted, after=after, limit=limit)

    @app.get(base + "/datasets/{dataset_id:path}")
    async def dataset(hosted: Who, dataset_id: str) -> dict[str, Any]:
        return await plane.publications.show(hosted, dataset_id)

    @app.delete(base + "/datasets/{dataset_id:path}", status_code=204)
    async def withdraw(
        hosted: Who, dataset_id: str, reason: Annotated[str, Query(max_length=2000)] = ""
    ) -> None:
        await plane.publications.withdraw(hosted, dataset_id, reason=reason)
