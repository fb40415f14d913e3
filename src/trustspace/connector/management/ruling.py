"""Management of the rules: which are in force, others to take or to try, OPA's bundle."""

import base64
import binascii
import hashlib
from typing import Annotated, Any, ClassVar

from fastapi import FastAPI, Header, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from trustspace.connector.control_plane import ControlPlane
from trustspace.connector.deciding.policy_engine import BUNDLE_PATH
from trustspace.errors import ConfigurationError
from trustspace.policy.messages import Language

Last = Annotated[int, Query(ge=1, le=100_000)]


class Module(BaseModel):
    """A rule module, base64."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    module: str

    def content(self) -> bytes:
        """Return its bytes.

        Raises:
            ConfigurationError: It is not base64.
        """
        try:
            return base64.b64decode(self.module, validate=True)
        except binascii.Error as error:
            raise ConfigurationError("the module is not base64", setting="module") from error


def add_ruling(app: FastAPI, plane: ControlPlane) -> None:
    """Add the routes."""

    @app.get("/v1/policy")
    async def status() -> dict[str, Any]:
        return await plane.rollout.status()

    @app.put("/v1/policy")
    async def load(body: Module) -> dict[str, Any]:
        return await plane.rollout.load(body.content())

    @app.delete("/v1/policy")
    async def restore() -> dict[str, Any]:
        return await plane.rollout.restore()

    @app.post("/v1/policy/shadow")
    async def shadow(body: Module, last: Last = 1_000, language: Language = "en") -> dict[str, Any]:
        return await plane.rollout.shadow(body.content(), last=last, language=language)

    @app.get(BUNDLE_PATH)
    async def bundle(
        if_none_match: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        content = plane.rollout.bundle()
        tag = f'"sha256:{hashlib.sha256(content).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="application/gzip", headers=headers)
