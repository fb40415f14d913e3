"""What a peer does differently, as data: one row per kind of connector.

Reading is lenient for everybody (`trustspace.model.jsonld`). A dialect holds what is left: what we
send otherwise, how fast, and what we let pass that the protocol forbids. It is chosen per peer: by
the owner, else by what the peer was seen to say, else it is `STRICT`. The table is documented in
``docs/reference/peers.md``.

Example::

    dialect = recognise(document) or STRICT
    emit(message, dialect=dialect)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trustspace.model.contexts import EDC_CONTEXT, EDC_NAMESPACE, named_contexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trustspace.dsp.messages import ProtocolVersion
    from trustspace.model.data_address import DataAddress


@dataclass(frozen=True)
class Dialect:
    """How a kind of connector speaks.

    Attributes:
        name: Under which settings name it.
        context: Context in a message that shows it.
        version_path: Path of an anonymous entry of a version document that shows it.
        step_pause: How long to wait before a message that follows one of the peer's.
        conflict_pauses: After which times a message answered 409 is repeated before ordinary
            back-off; the peer has not saved its own step yet.
        forgiving: A repeated message may have an ``@id`` of its own, and a provider may send
            another agreement before the end, which voids the first.
        policies_without_rules: Its owners mean "no conditions" by a policy without any rule.
        text_reasons: Reasons are strings.
        bare_token: Data is fetched with the token alone in ``Authorization``.
        superfluous_address: A request for a pull may bring a data address, which means nothing.
        waits_for_restart: A consumer that resumes has thrown its token away, and waits for a start
            of the provider's that brings another one.
        page_size: Datasets on a page, asked for by its own query in the catalogue request; None
            where pages are linked as the protocol says.
        searches_catalog: A dataset that cannot be had by itself is looked for in the catalogue.
    """

    name: str
    context: str | None = None
    version_path: str | None = None
    step_pause: timedelta = timedelta(0)
    conflict_pauses: tuple[timedelta, ...] = ()
    forgiving: bool = False
    policies_without_rules: bool = False
    text_reasons: bool = False
    bare_token: bool = False
    superfluous_address: bool = False
    waits_for_restart: bool = False
    page_size: int | None = None
    searches_catalog: bool = False


STRICT: Final = Dialect("strict")
"""The specification, and nothing else."""

EDC: Final = Dialect(
    "edc",
    context=EDC_CONTEXT,
    version_path="/2025-1",
    # Measured with EDC 0.14.1: it refuses what comes before its own step is saved.
    step_pause=timedelta(milliseconds=20),
    conflict_pauses=tuple(timedelta(milliseconds=pause) for pause in (20, 20, 40, 80)),
    forgiving=True,
    policies_without_rules=True,
    text_reasons=True,
    bare_token=True,
    superfluous_address=True,
    waits_for_restart=True,
    page_size=50,
    searches_catalog=True,
)
"""Connectors built on Eclipse Dataspace Components, at DSP 2025-1."""

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {dialect.name: dialect for dialect in (STRICT, EDC)}
)
"""Every dialect by its name."""


def recognise(document: object) -> Dialect | None:
    """Return the dialect that a message shows by its contexts, or None when it shows none."""
    if not isinstance(document, Mapping):
        return None
    named = named_contexts(document)
    return _first(lambda dialect: dialect.context is not None and dialect.context in named)


def recognise_versions(entries: Iterable[ProtocolVersion]) -> Dialect | None:
    """Return the dialect that a version document shows: nobody named, at the path it is known for.

    Args:
        entries: Its entries in our version of the protocol.
    """
    anonymous = {
        entry.path
        for entry in entries
        if entry.service_id is None and entry.identifier_type is None and entry.auth is None
    }
    return _first(lambda dialect: dialect.version_path in anonymous)


def recognise_address(address: DataAddress) -> Dialect | None:
    """Return the dialect that a data address shows: no endpoint but under a full name."""
    names = {entry.name for entry in address.properties}
    return EDC if address.endpoint is None and f"{EDC_NAMESPACE}endpoint" in names else None


def as_text(reason: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a reason in one line of text."""
    if not isinstance(reason, Mapping):
        return str(reason)
    if isinstance(reason.get("text"), str):
        return str(reason["text"])
    said = [reason.get(name) for name in ("left", "op", "expected")]
    words = " ".join(str(word) for word in said if word is not None)
    return ": ".join(part for part in (str(reason.get("id", "")), words) if part)


def query_of_page(offset: int, limit: int) -> dict[str, Any]:
    """Return the query by which Eclipse connectors are asked for a page of their catalogue.

    Names are written out, so that they mean the same under the protocol's context alone.
    """
    return {
        "@type": f"{EDC_NAMESPACE}QuerySpec",
        f"{EDC_NAMESPACE}offset": offset,
        f"{EDC_NAMESPACE}limit": limit,
    }


def _first(shows: Callable[[Dialect], bool]) -> Dialect | None:
    return next((dialect for dialect in DIALECTS.values() if shows(dialect)), None)
