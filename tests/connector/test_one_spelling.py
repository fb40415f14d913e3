"""Paths that peers write in several ways are one path, and an id may hold any character."""

from __future__ import annotations

from typing import Any

import pytest

from trustspace.connector.messaging.one_spelling import OneSpelling

pytestmark = pytest.mark.anyio


async def _seen(scope: dict[str, Any]) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def app(inner: Any, receive: Any, send: Any) -> None:
        del receive, send
        seen.update(inner)

    async def nothing(*_: Any) -> Any:
        return None

    await OneSpelling(app)(scope, nothing, nothing)
    return seen


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/garden/dsp", "/garden/dsp"),
        (b"//garden///dsp/", "/garden/dsp"),
        (b"/", "/"),
        (b"/data/a%2Fb", "/data/a/b"),
        (b"/data/a%2F%2Fb/?x=/", "/data/a//b"),
        (b"/data/%E7%8E%AB", "/data/玫"),
    ],
)
async def test_empty_segments_are_left_out(raw: bytes, path: str) -> None:
    seen = await _seen({"type": "http", "raw_path": raw, "path": "untouched"})
    assert seen["path"] == path


async def test_a_server_that_tells_no_raw_path_is_served_as_well() -> None:
    assert (await _seen({"type": "http", "path": "/a//b"}))["path"] == "/a/b"


async def test_what_is_no_request_is_passed_on() -> None:
    assert await _seen({"type": "lifespan"}) == {"type": "lifespan"}
