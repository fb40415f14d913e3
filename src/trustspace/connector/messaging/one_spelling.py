"""One spelling of each path: peers write ``//`` and trailing slashes, routes do not.

Works on the raw path, because ids inside it are percent-encoded and may hold slashes themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


AS_SENT = "trustspace.path_as_sent"
"""Member of the scope with the raw path before this; what is passed on is judged by that."""


class OneSpelling:
    """Takes empty segments out of a request's path before it is routed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request under the path without empty segments."""
        if scope["type"] == "http":
            raw = scope.get("raw_path") or scope["path"].encode()
            segments = [part for part in raw.split(b"?")[0].split(b"/") if part]
            clean = b"/" + b"/".join(segments)
            path = unquote(clean.decode("latin-1"))
            scope = {**scope, "raw_path": clean, "path": path, AS_SENT: raw.split(b"?")[0]}
        await self._app(scope, receive, send)
