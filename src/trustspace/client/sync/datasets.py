"""The sync client: datasets published here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trustspace.client.operations.publication import About
    from trustspace.client.values import DatasetInfo
    from trustspace.client.watermark import WatermarkSearch


class DatasetMethods(Driver):
    """Datasets published here."""

    def publish(
        self,
        source: str | Path | Mapping[str, Any],
        *,
        id: str,  # noqa: A002 - the public face: publish("roses.parquet", id="rose-prices")
        terms: Mapping[str, Any],
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        **about: Unpack[About],
    ) -> DatasetInfo:
        """Offer a file or the content of a URL; the same again changes nothing.

        Args:
            source: Path that the connector can read, an ``http(s)`` URL it will fetch, or a source
                as the management API takes it, for example an interface that consumers call:
                ``{"kind": "api", "url": …, "headers"?, "methods"?, "paths"?}``.
            id: Dataset id in the catalogue.
            terms: What `trustspace.terms` returns, its keyword arguments, or an ODRL policy.
            title: Words for the catalogue.
            headers: Sent to the URL by the connector only; they never reach a consumer.
            about: ``description``, ``keywords`` and ``creator`` for the catalogue; how requests are
                answered: ``negotiation="automatic"``, ``"approval"`` or ``"counter"``, and
                ``rounds``; ``accept_contractual=["distribute"]`` for terms that may be promises;
                ``watermark={…}`` so that a copy names its recipient.

        Raises:
            PolicyError: The terms cannot be read, a term cannot be evaluated, or one would be a
                promise and nothing more, which is not accepted (``policy.contractual``).
        """
        exchange = self._operations.publish(
            source, id=id, terms=terms, title=title, headers=headers, **about
        )
        return self.drive(exchange)

    def unpublish(self, dataset: str, *, reason: str | None = None) -> None:
        """Withdraw a dataset from the catalogue; agreements in force stay.

        Args:
            dataset: Dataset id.
            reason: Why, for the own log.

        Raises:
            NotFoundError: No such dataset.
        """
        self.drive(self._operations.unpublish(dataset, reason=reason))

    def dataset(self, dataset: str) -> DatasetInfo:
        """Return one published dataset.

        Raises:
            NotFoundError: No such dataset.
        """
        return self.drive(self._operations.dataset(dataset))

    def find_watermark(self, dataset: str, path: str | Path) -> WatermarkSearch:
        """Say whose copy of a dataset a file is.

        Args:
            dataset: Dataset id.
            path: The file; the connector must be able to read it.

        Raises:
            NotFoundError: No such dataset.
            ConfigurationError: Its copies are not told apart, or there is no such file.
            PolicyDeniedError: The file lacks the columns that identify a row.
        """
        return self.drive(self._operations.find_watermark(dataset, path))

    def datasets(self) -> tuple[DatasetInfo, ...]:
        """Return every dataset published here."""
        return self.drive(self._operations.datasets())
