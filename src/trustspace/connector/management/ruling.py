"""Management of the rules: the bundle that an OPA server loads."""

from typing import Annotated

from fastapi import FastAPI, Header
from starlette.responses import Response

from trustspace.connector.deciding.policy_engine import BUNDLE_PATH
from trustspace.policy.source_bundle import revision_of, rules_folder, source_bundle


def add_ruling(app: FastAPI) -> None:
    """Add the routes."""

    @app.get(BUNDLE_PATH)
    async def bundle(
        if_none_match: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        folder = rules_folder()
        tag = f'"{revision_of(folder)}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(source_bundle(folder), media_type="application/gzip", headers=headers)
