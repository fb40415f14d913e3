"""The provider's side of a catalogue: publish and withdraw.

Example::

    client.drive(Operations().publish("roses.parquet", id="rose-prices", terms={"count": 3}))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.operations.participant import ParticipantOperations
from trustspace.client.values import DatasetInfo
from trustspace.client.watermark import WatermarkSearch
from trustspace.errors import ConfigurationError
from trustspace.policy.terms import inherited, read_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trustspace.model.value import JsonObject


class About(TypedDict, total=False):
    """What a catalogue says of a dataset beside its title, and how requests are answered.

    Attributes:
        description: More words than the title.
        keywords: Words to be found by.
        creator: Who made the data, a name or a URI.
        negotiation: How requests are answered: ``automatic``, by policy alone; ``approval``, by a
            person once policy allows it; ``counter``, with the offer when they ask for more.
        rounds: How often one negotiation is answered with the offer; 3 by default.
        accept_contractual: Terms that may be promises and nothing more, by name; others of that
            kind are refused.
        watermark: How copies of a table are told apart: ``{"identity": ["id"], "steps":
            {"price": "0.01"}, "share"?: 4}``, marker records ``{"records": 3, "template":
            {"note": "… {token}"}}``, or both. It leaves as a table only then.
    """

    description: str
    keywords: Sequence[str]
    creator: str
    negotiation: Literal["automatic", "approval", "counter"]
    rounds: int
    accept_contractual: Sequence[str]
    watermark: Mapping[str, Any]


class PublicationOperations(ParticipantOperations):
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
    ) -> Exchange[DatasetInfo]:
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
        body: JsonObject = {"source": _source(source, headers), "policy": _policy(terms)}
        if (watermark := about.pop("watermark", None)) is not None:
            body["source"] |= {"watermark": dict(watermark)}
        if title is not None:
            body["title"] = title
        body |= {
            name: list(value) if isinstance(value, list | tuple) else value
            for name, value in about.items()
        }
        path = yield from self._path("datasets", id)
        response = yield from call(Request("PUT", path, body=body))
        return DatasetInfo.read(response.document)

    def unpublish(self, dataset: str, *, reason: str | None = None) -> Exchange[None]:
        """Withdraw a dataset from the catalogue; agreements in force stay.

        Args:
            dataset: Dataset id.
            reason: Why, for the own log.

        Raises:
            NotFoundError: No such dataset.
        """
        path = yield from self._path("datasets", dataset)
        query = {} if reason is None else {"reason": reason}
        yield from call(Request("DELETE", path, query=query))

    def dataset(self, dataset: str) -> Exchange[DatasetInfo]:
        """Return one published dataset.

        Raises:
            NotFoundError: No such dataset.
        """
        path = yield from self._path("datasets", dataset)
        response = yield from call(Request("GET", path))
        return DatasetInfo.read(response.document)

    def find_watermark(self, dataset: str, path: str | Path) -> Exchange[WatermarkSearch]:
        """Say whose copy of a dataset a file is.

        Args:
            dataset: Dataset id.
            path: The file; the connector must be able to read it.

        Raises:
            NotFoundError: No such dataset.
            ConfigurationError: Its copies are not told apart, or there is no such file.
            PolicyDeniedError: The file lacks the columns that identify a row.
        """
        where = yield from self._path("watermarks", dataset)
        body: JsonObject = {"path": str(Path(path).expanduser().absolute())}
        response = yield from call(Request("POST", where, body=body))
        return WatermarkSearch.read(response.document)

    def datasets(self) -> Exchange[tuple[DatasetInfo, ...]]:
        """Return every dataset published here."""
        items = yield from self._collect("datasets", cursor="after")
        return tuple(DatasetInfo.read(item) for item in items)


def _policy(terms: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return terms as they are sent: the connector knows what they may inherit from."""
    return terms if inherited(terms) else read_terms(terms)


def _source(
    source: str | Path | Mapping[str, Any], headers: Mapping[str, str] | None
) -> JsonObject:
    if isinstance(source, Mapping):
        return dict(source) | ({"headers": dict(headers)} if headers else {})
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        return {"kind": "http", "url": source} | ({"headers": dict(headers)} if headers else {})
    if not isinstance(source, str | Path):
        msg = f"a running connector publishes a path or a URL, not a {type(source).__name__}"
        hint = "write the frame to a Parquet file, or publish it through Connector.local"
        raise ConfigurationError(msg, setting="source", hint=hint)
    return {"kind": "file", "path": str(Path(source).expanduser().absolute())}
