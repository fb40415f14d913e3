"""The async client: datasets published here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trustspace.client.operations.publication import About
    from trustspace.client.values import DatasetInfo
    from trustspace.client.watermark import WatermarkSearch


class AsyncDatasetMethods(AsyncDriver):
    """Datasets published here."""

    async def publish(
        self,
        source: str | Path | Mapping[str, Any],
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **about: Unpack[About],
    ) -> DatasetInfo:
        """Offer a file or a URL's content; as `Client.publish`."""
        exchange = self._operations.publish(
            source, id=id, terms=terms, title=title, headers=headers, **about
        )
        return await self.drive(exchange)

    async def unpublish(self, dataset: str, *, reason: str | None = None) -> None:
        """Withdraw a dataset from the catalogue; as `Client.unpublish`."""
        await self.drive(self._operations.unpublish(dataset, reason=reason))

    async def dataset(self, dataset: str) -> DatasetInfo:
        """Return one published dataset; as `Client.dataset`."""
        return await self.drive(self._operations.dataset(dataset))

    async def find_watermark(self, dataset: str, path: str | Path) -> WatermarkSearch:
        """Say whose copy of a dataset a file is; as `Client.find_watermark`."""
        return await self.drive(self._operations.find_watermark(dataset, path))

    async def datasets(self) -> tuple[DatasetInfo, ...]:
        """Return every dataset published here; as `Client.datasets`."""
        return await self.drive(self._operations.datasets())
