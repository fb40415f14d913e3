"""What a caller of `serve_pull` brings, for the tests."""

from __future__ import annotations

from typing import Any

from trustspace.dataplane.pull import Allowance, Passage, PullAnswer, PullRequest, serve_pull
from trustspace.dataplane.source import AnySource, Form
from trustspace.errors import PolicyDeniedError


class Delivery:
    """What a caller of `serve_pull` brings: a gate that can be closed and a meter."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.rows = 0
        self.pieces = 0
        self.closed_after: int | None = None
        self.allowance: Allowance | None = None

    def gate(self) -> None:
        if self.closed_after is not None and self.pieces >= self.closed_after:
            raise PolicyDeniedError("the delivery was cut", code="agreement.revoked")

    def meter(self, size_bytes: int, rows: int) -> None:
        self.pieces += 1
        self.size_bytes += size_bytes
        self.rows += rows

    async def serve(self, source: AnySource, form: Form = "file", **options: Any) -> PullAnswer:
        request = options.pop("request", PullRequest())
        return await serve_pull(
            source, form, request, Passage(self.gate, self.meter, self.allowance), **options
        )


async def everything(answer: PullAnswer) -> bytes:
    try:
        return b"".join([part async for part in answer.body])
    finally:
        await answer.aclose()
