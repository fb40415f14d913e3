"""What the management interface tells of crawls and of the index, as frozen values.

Example::

    crawl = Crawl.read({"id": "urn:uuid:c1", "done": True, "datasets": 7})
    crawl.done  # True
"""

from __future__ import annotations

from typing import Literal

from trustspace.client.values import Instant
from trustspace.model.value import JsonObject, Value


class CrawledCatalog(Value):
    """What a crawl of one catalogue came to.

    Attributes:
        source: Base URL of the catalogue.
        provider: Whose it is.
        parent: Source of the catalogue that names it, or empty.
        how: By ``changes``, by reading ``everything``, or it was ``unchanged``.
        datasets: Datasets of it in the index.
        size_bytes: Bytes of the bodies sent and received.
        skipped: What could not be read: ``id`` and ``reason`` of each.
    """

    source: str
    provider: str
    parent: str = ""
    how: Literal["changes", "everything", "unchanged"]
    datasets: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    pages: int = 0
    size_bytes: int = 0
    skipped: tuple[JsonObject, ...] = ()


class Crawl(Value):
    """A crawl, going on or done.

    Attributes:
        datasets: Datasets of its catalogues in the index.
        errors: Addresses that could not be crawled: ``address``, ``error``, ``hint`` of each.
    """

    id: str
    done: bool
    addresses: tuple[str, ...] = ()
    datasets: int = 0
    catalogs: tuple[CrawledCatalog, ...] = ()
    errors: tuple[JsonObject, ...] = ()


class IndexSource(Value):
    """A catalogue in the index.

    Attributes:
        source: Base URL of the catalogue.
        participant_id: Whose it is.
        parent: Source of the catalogue that names it, or None.
        crawled_at: When it was last crawled.
        changed_at: When a crawl last changed anything.
    """

    source: str
    participant_id: str
    parent: str | None = None
    datasets: int = 0
    skipped: tuple[JsonObject, ...] = ()
    crawled_at: Instant | None = None
    changed_at: Instant | None = None
