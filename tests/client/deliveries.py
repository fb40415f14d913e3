"""What a data endpoint answers: files and tables, whole and cut, and refusals."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

BODY = bytes(range(256)) * 1024
ARROW = "application/vnd.apache.arrow.stream"
FRAME = pl.DataFrame({"name": ["Ada", "Bob", "Cyd"], "price": [12, 7, 15]})
Answer = Callable[[Request], Response]


def digest_header(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def file(body: bytes = BODY, *, cut_at: int | None = None, digest: str | None = None) -> Answer:
    """A file by range, cut after some bytes of the answer's body."""

    def answer(request: Request) -> Response:
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        start, status = 0, 200
        headers = {"ETag": etag, "Repr-Digest": digest or digest_header(body)}
        if "range" in request.headers and request.headers.get("if-range") == etag:
            start, status = int(request.headers["range"][6:-1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        headers["Content-Length"] = str(len(body) - start)
        return StreamingResponse(pieces(body[start:], cut_at), status, headers)

    return answer


def pieces(body: bytes, cut_at: int | None) -> Iterator[bytes]:
    for begin in range(0, len(body), 10_000):
        if cut_at is not None and begin + 10_000 > cut_at:
            yield body[begin:cut_at]
            raise ConnectionResetError
        yield body[begin : begin + 10_000]


def arrow(frame: pl.DataFrame = FRAME) -> bytes:
    body = io.BytesIO()
    table = frame.to_arrow()
    with pa.ipc.new_stream(body, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return body.getvalue()


def table(*, cut_at: int | None = None, body: bytes | None = None) -> Answer:
    stream = arrow() if body is None else body
    return lambda _: StreamingResponse(pieces(stream, cut_at), media_type=ARROW)


def refuse(status: int, code: str, **members: Any) -> Answer:
    document = {"status": status, "code": code, "detail": f"{code}!", **members}
    return lambda _: JSONResponse(document, status_code=status)
