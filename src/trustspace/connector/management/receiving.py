"""Management of what providers pushed to our own sink."""

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.management.bodies import Who
from trustspace.connector.pushing.attempt import digest_header


def add_receiving(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""
    base = "/v1/participants/{participant}/transfers"

    @app.get(base + "/{pid}/content")
    async def content(hosted: Who, pid: str) -> Response:
        row, pieces = await plane.incoming.read(hosted, pid)
        headers = {
            "Content-Length": str(row.size_bytes),
            "Repr-Digest": digest_header(row.sha256 or ""),
        }
        media_type = row.media_type or "application/octet-stream"
        return StreamingResponse(pieces, media_type=media_type, headers=headers)

    @app.delete(base + "/{pid}/content", status_code=204)
    async def discard(hosted: Who, pid: str) -> None:
        shown = await plane.transfer(hosted, pid, wait=0)
        await run_sync(plane.incoming.discard, hosted, shown["agreement"], pid)
