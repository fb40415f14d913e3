"""A page of somebody else's catalogue, dataset by dataset.

One dataset that cannot be read does not lose the others: it is left out and told with the reason.
Nested catalogues are read as well: what stands in them belongs to their participant and is
negotiated at their service; those that are only named are told, to be fetched.

Example::

    page = read_page(document, provider="did:web:farm.example", base="https://farm.example/dsp")
    page.datasets[0].dataset.id, page.skipped, page.nested
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trustspace.connector.cataloguing.catalog_changes import CHANGES, REMOVED
from trustspace.dsp.catalog_query import Described
from trustspace.dsp.wire import parse
from trustspace.errors import ProtocolError, RemoteProtocolError
from trustspace.model import jsonld
from trustspace.model.dataset import Catalog, DataService, Dataset

MAX_DEPTH: Final = 4
"""How deep catalogues may nest in one page."""

_DATASETS: Final = ("dataset", "dcat:dataset", "http://www.w3.org/ns/dcat#dataset")
_CATALOGS: Final = ("catalog", "dcat:catalog", "http://www.w3.org/ns/dcat#catalog")
_DCT: Final = ("dct:", "http://purl.org/dc/terms/")
_DCAT: Final = ("dcat:", "http://www.w3.org/ns/dcat#")
_EDC: Final = ("edc:", "https://w3id.org/edc/v0.0.1/ns/", "")


@dataclass(frozen=True)
class Found:
    """A dataset in a catalogue of somebody else.

    Attributes:
        provider: Whose it is.
        base: Base URL at which it is negotiated.
    """

    dataset: Dataset
    provider: str
    base: str


@dataclass(frozen=True)
class Named:
    """A nested catalogue that has to be fetched.

    Attributes:
        provider: Whose it is; None where the page does not tell.
        base: Base URL of its endpoints.
    """

    provider: str | None
    base: str


@dataclass
class ForeignPage:
    """What a page says.

    Attributes:
        skipped: What could not be read: ``id`` and ``reason`` of each.
        removed: Ids that a feed of changes tells as gone.
        cursor: Where the feed of changes goes on; None on pages without.
        lacks_rules: Whether whoever wrote it means "no conditions" by an offer without rules.
        context: JSON-LD contexts of the page, which hold for all that stands in it.
    """

    datasets: list[Found] = field(default_factory=list)
    nested: list[Named] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    cursor: str | None = None
    lacks_rules: bool = False
    context: object = None

    def compact(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what stands in the page in the protocol's compact form."""
        if "@context" in item:
            return jsonld.read(item, context_required=False)
        return jsonld.read({"@context": self.context, **item})


def read_page(
    document: Any,  # noqa: ANN401 - any JSON value
    *,
    provider: str,
    base: str,
    lacks_rules: bool = False,
) -> ForeignPage:
    """Read a page.

    Args:
        document: Decoded JSON.
        provider: Whose catalogue it is.
        base: Base URL of the provider's endpoints.
        lacks_rules: Whether the provider means "no conditions" by an offer without rules.

    Raises:
        RemoteProtocolError: It is no catalogue at all.
    """
    shell = shell_of(document)
    page = ForeignPage(lacks_rules=lacks_rules, context=document["@context"])
    services = {service.id: service.endpoint_url for service in shell.services}
    _read(document, page, provider, base, services, depth=0)
    removed = document.get(REMOVED)
    page.removed = [name for name in _items(removed) if isinstance(name, str)]
    cursor = document.get(CHANGES)
    page.cursor = cursor if isinstance(cursor, str) else None
    return page


def shell_of(document: object) -> Catalog:
    """Return a catalogue without what stands in it: whose it is and where it is served.

    Raises:
        RemoteProtocolError: It is no catalogue at all.
    """
    if not isinstance(document, Mapping):
        raise RemoteProtocolError("a catalogue is a JSON object", code="catalog.malformed")
    return parse(_without_lists(document), Catalog)


def described(dataset: Dataset) -> Described:
    """Return what can be asked and sought of a dataset."""
    extra = dataset.model_extra or {}
    distribution = (dataset.distributions[0].model_extra or {}) if dataset.distributions else {}
    size = _one(distribution, "byteSize", _DCAT)
    return Described(
        id=dataset.id,
        title=_text(_one(extra, "title", _DCT)) or _text(_one(extra, "name", _EDC)),
        description=_text(_one(extra, "description", (*_DCT, *_EDC))),
        creator=_text(_one(extra, "creator", _DCT)),
        media_type=_text(_one(distribution, "mediaType", _DCAT))
        or _text(_one(extra, "contenttype", _EDC)),
        keywords=tuple(filter(None, map(_text, _items(_one(extra, "keyword", _DCAT))))),
        formats=tuple(dict.fromkeys(entry.format for entry in dataset.distributions)),
        byte_size=size if isinstance(size, int) else None,
        policies=tuple(offer.to_wire() for offer in dataset.offers),
    )


def shown(found: Found) -> dict[str, Any]:
    """Return a dataset as the owner sees it."""
    about = described(found.dataset)
    return {
        "id": about.id,
        "title": about.title or None,
        "description": about.description or None,
        "keywords": list(about.keywords),
        "creator": about.creator or None,
        "media_type": about.media_type or None,
        "size": about.byte_size,
        "offers": list(about.policies),
        "formats": list(about.formats),
        "participant_id": found.provider,
        "address": found.base,
    }


def _read(
    node: Mapping[str, Any],
    page: ForeignPage,
    provider: str,
    base: str,
    services: Mapping[str, str],
    *,
    depth: int,
) -> None:
    for item in _all(node, _DATASETS):
        if _is_catalog(item):
            _read_nested(item, page, provider, base, services, depth=depth + 1)
            continue
        try:
            dataset = _dataset(item, page)
        except ProtocolError as error:
            page.skipped.append({"id": _id(item), "reason": str(error)})
            continue
        page.datasets.append(Found(dataset, provider, base))
    for item in _all(node, _CATALOGS):
        _read_nested(item, page, provider, base, services, depth=depth + 1)


def _read_nested(
    item: object,
    page: ForeignPage,
    provider: str,
    base: str,
    services: Mapping[str, str],
    *,
    depth: int,
) -> None:
    try:
        if depth > MAX_DEPTH or not isinstance(item, Mapping):
            raise RemoteProtocolError(
                f"a nested catalogue is an object, at most {MAX_DEPTH} deep", code="catalog.nested"
            )
        shell = Catalog.read(page.compact(_without_lists(item)))
    except ProtocolError as error:
        page.skipped.append({"id": _id(item), "reason": str(error)})
        return
    known = {**services, **{one.id: one.endpoint_url for one in shell.services}}
    whose = shell.participant_id or provider
    at = shell.services[0].endpoint_url if shell.services else base
    for entry in shell.distributions:
        service = entry.access_service
        url = service.endpoint_url if isinstance(service, DataService) else known.get(service)
        if url is not None:
            page.nested.append(Named(shell.participant_id, url))
    _read(item, page, whose, at, known, depth=depth)


def _dataset(item: object, page: ForeignPage) -> Dataset:
    if not isinstance(item, Mapping):
        raise RemoteProtocolError("a dataset is an object", code="message.malformed")
    dataset = Dataset.read(page.compact(item))
    if page.lacks_rules:
        return dataset
    offers = tuple(offer for offer in dataset.offers if any(True for _ in offer.rules()))
    if not offers:
        raise RemoteProtocolError("its offers have no rules at all", code="catalog.no_rules")
    return dataset.model_copy(update={"offers": offers})


def _is_catalog(item: object) -> bool:
    kinds = _items(item.get("@type")) if isinstance(item, Mapping) else []
    return any(isinstance(kind, str) and kind.endswith("Catalog") for kind in kinds)


def _without_lists(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in (*_DATASETS, *_CATALOGS)}


def _all(node: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    for name in names:
        yield from _items(node.get(name))


def _items(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _id(item: object) -> str | None:
    name = item.get("@id") if isinstance(item, Mapping) else None
    return name[:500] if isinstance(name, str) else None


def _one(members: Mapping[str, Any], name: str, prefixes: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON value
    """Return a member under the first of its spellings that is there."""
    return next((members[p + name] for p in prefixes if p + name in members), None)


def _text(value: object) -> str:
    """Return a text that may be wrapped as a literal, or be one of several."""
    if isinstance(value, list | tuple):
        return _text(value[0]) if value else ""
    if isinstance(value, Mapping):
        return _text(value.get("@value", value.get("@id")))
    return value if isinstance(value, str) else ""
