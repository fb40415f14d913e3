"""What everybody may read of a connector: which versions it speaks, whose it is, where it is.

Served without any proof of identity (DSP 2025-1, "Exposure of Versions"). A request to a version
that is not spoken is answered with those that are; that a participant is here stands in the version
document anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from trustspace.connector.context import DSP_PATH, ConnectorContext, Hosted
from trustspace.dsp.binding import VERSION, VERSION_PATH, version_document
from trustspace.dsp.messages import ProtocolAuth, ProtocolVersion
from trustspace.identity.did import Service, build_document
from trustspace.policy.vocabulary import TRUSTSPACE_NAMESPACE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

DID_CACHE = "max-age=60"
"""How long others may keep a DID document."""


class Announcements:
    """Version and DID documents of every hosted participant."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context

    def routes(self) -> list[Route]:
        """Return the routes; they belong behind those of the protocol."""
        base = DSP_PATH.rpartition("/")[0]
        anything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [
            Route(f"/{VERSION_PATH}", self._versions, methods=["GET"]),
            Route(f"/{{participant}}/{VERSION_PATH}", self._versions, methods=["GET"]),
            Route("/{participant}/did.json", self._did_document, methods=["GET"]),
            _OtherVersions(
                f"/{{participant}}{base}/{{rest:path}}", self._unspoken, methods=anything
            ),
        ]

    async def _versions(self, request: Request) -> Response:
        name = request.path_params.get("participant")
        hosted = self._context.hosted
        if name is not None and name not in hosted:
            return Response(status_code=404)
        asked = [hosted[name]] if name else hosted.values()
        root = f"/{name}" if name else ""
        return JSONResponse(version_document([_version(one, root) for one in asked]))

    async def _did_document(self, request: Request) -> Response:
        hosted = self._context.hosted.get(request.path_params["participant"])
        if hosted is None or not hosted.id.startswith("did:"):
            return Response(status_code=404)
        services = [
            Service.of(hosted.id, "CatalogService", f"{hosted.dsp_url}/catalog"),
            Service.of(hosted.id, "DataService", f"{hosted.address}/{hosted.name}/{VERSION_PATH}"),
        ]
        document = build_document(hosted.id, hosted.key, services)
        return JSONResponse(document.to_wire(), headers={"Cache-Control": DID_CACHE})

    async def _unspoken(self, request: Request) -> Response:
        """Say which version is spoken to whoever asks for another one."""
        hosted = self._context.hosted.get(request.path_params["participant"])
        if hosted is None:
            return Response(status_code=404)
        spoken = version_document([_version(hosted, f"/{hosted.name}")])
        reason = f"this connector speaks version {VERSION} only, at {hosted.dsp_url}"
        body = spoken | {"code": "version.unspoken", "reason": [reason]}
        return JSONResponse(body, status_code=404)


class _OtherVersions(Route):
    """Leaves alone what is below the version that is spoken, so that it is refused there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        rest = child.get("path_params", {}).get("rest", "")
        return (Match.NONE, {}) if rest.partition("/")[0] == VERSION else (match, child)


def _version(hosted: Hosted, root: str) -> ProtocolVersion:
    """Return a participant's entry of the version document under a root."""
    entry: dict[str, Any] = {
        "version": VERSION,
        "path": hosted.dsp_url.removeprefix(hosted.address + root),
        "binding": "HTTPS",
        "serviceId": hosted.id,
        "profile": [TRUSTSPACE_NAMESPACE],
    }
    if hosted.id.startswith("did:web:"):
        entry |= {
            "identifierType": "did:web",
            "auth": ProtocolAuth(protocol="did:web", version="1"),
        }
    return ProtocolVersion.model_validate(entry)
