"""The governed handles for asynchronous code: the same handles, their blocking work in a thread.

Example::

    async with client.open(agreement) as data:
        async for batch in data.iter_batches():
            ...
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack

import anyio.to_thread

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator

    from trustspace.client.calling import CallOptions
    from trustspace.client.handles.delivery import Progress
    from trustspace.client.handles.handle import Handle
    from trustspace.client.handles.kept_handle import KeptHandle
    from trustspace.client.handles.rows import Rows
    from trustspace.client.values import Saved
    from trustspace.transport.http_response import Response


class AsyncRows:
    """Governed rows; as `Rows`.

    Args:
        rows: What does the work.
    """

    def __init__(self, rows: Rows) -> None:
        self._made_of = rows

    async def iter_batches(self) -> AsyncGenerator[Any, None]:
        """Yield the record batches one by one; as `Rows.iter_batches`."""
        batches = self._made_of.iter_batches()
        try:
            while (batch := await anyio.to_thread.run_sync(next, batches, None)) is not None:
                yield batch
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(batches.close)

    async def to_arrow(self) -> Any:  # noqa: ANN401 - a pyarrow.Table
        """Return all rows as a `pyarrow.Table`; as `Rows.to_arrow`."""
        return await anyio.to_thread.run_sync(self._made_of.to_arrow)

    async def to_polars(self) -> Any:  # noqa: ANN401 - a polars.DataFrame
        """Return all rows as a `polars.DataFrame`; as `Rows.to_polars`."""
        return await anyio.to_thread.run_sync(self._made_of.to_polars)

    async def to_pandas(self) -> Any:  # noqa: ANN401 - a pandas.DataFrame
        """Return all rows as a `pandas.DataFrame`; as `Rows.to_pandas`."""
        return await anyio.to_thread.run_sync(self._made_of.to_pandas)


class AsyncHandle(AsyncRows):
    """The data of one agreement; as `Handle`.

    Args:
        handle: What does the work.
    """

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self._handle = handle

    @property
    def session(self) -> str:
        """Id under which the provider counts this open."""
        return self._handle.session

    @property
    def attribution(self) -> str | None:
        """Whom to attribute the data to; as `Handle.attribution`."""
        return self._handle.attribution

    @property
    def closed(self) -> bool:
        """Whether no data leaves any more."""
        return self._handle.closed

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self._handle.__enter__)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let no data out any more; as `Handle.close`."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._handle.close)

    def sql(self, text: str, *parameters: Any) -> AsyncRows:  # noqa: ANN401 - any value
        """Return a query over the whole table; as `Handle.sql`."""
        return AsyncRows(self._handle.sql(text, *parameters))

    async def read(self) -> bytes:
        """Return the file's bytes; as `Handle.read`."""
        return await anyio.to_thread.run_sync(self._handle.read)

    async def call(self, method: str, path: str = "/", **request: Unpack[CallOptions]) -> Response:
        """Call the interface that the agreement is about; as `Handle.call`."""
        return await anyio.to_thread.run_sync(partial(self._handle.call, method, path, **request))

    async def save(
        self, path: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> Saved:
        """Write the data to a file; as `Handle.save`. ``progress`` is called in a thread."""
        return await anyio.to_thread.run_sync(partial(self._handle.save, path, progress=progress))


class AsyncKeptHandle(AsyncRows):
    """What is kept of one agreement; as `KeptHandle`.

    Args:
        handle: What does the work.
    """

    def __init__(self, handle: KeptHandle) -> None:
        super().__init__(handle)
        self._handle = handle

    @property
    def session(self) -> str:
        """Id under which the own connector counts this use."""
        return self._handle.session

    @property
    def closed(self) -> bool:
        """Whether no data leaves any more."""
        return self._handle.closed

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self._handle.__enter__)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let no data out any more; as `KeptHandle.close`."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._handle.close)

    def sql(self, text: str, *parameters: Any) -> AsyncRows:  # noqa: ANN401 - any value
        """Return a query over the rows; as `KeptHandle.sql`."""
        return AsyncRows(self._handle.sql(text, *parameters))

    async def read(self) -> bytes:
        """Return the file's bytes; as `KeptHandle.read`."""
        return await anyio.to_thread.run_sync(self._handle.read)

    async def save(self, path: str | os.PathLike[str]) -> Saved:
        """Take a plain copy out; as `KeptHandle.save`."""
        return await anyio.to_thread.run_sync(self._handle.save, path)
