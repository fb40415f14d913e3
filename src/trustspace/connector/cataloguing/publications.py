"""What the owner offers: datasets under terms, published, shown and withdrawn.

Everything that could go wrong at delivery is tried at publication: terms the engine cannot
evaluate, columns the table does not have, a mask on a file that is no table.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from trustspace.connector import views
from trustspace.connector.cataloguing.inheritable import inheritable
from trustspace.connector.cataloguing.offers import offer_of
from trustspace.connector.cataloguing.watermarks import read_watermark, watermark_of
from trustspace.connector.negotiating.answering import Answering
from trustspace.connector.terms_shown import accepted_names, dataset_terms, delivering
from trustspace.dataplane.api_source import ApiSource
from trustspace.dataplane.restriction import Restriction
from trustspace.dataplane.source import AnySource, FileSource, HttpSource, read_source
from trustspace.dataplane.table import Table
from trustspace.errors import ConfigurationError, NotFoundError, PolicyError
from trustspace.model.odrl import Offer
from trustspace.model.value import digest
from trustspace.policy.facts import TABLES
from trustspace.policy.ledger import ledger, require
from trustspace.policy.lower import lower
from trustspace.policy.terms import read_terms
from trustspace.policy.vocabulary import spelled
from trustspace.store import DatasetRow, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.policy.decision import PolicyIR
    from trustspace.policy.ledger import Delivering

MAX_ID = 512
"""Longest dataset id in characters; it stands in URLs."""

MAX_DESCRIPTION = 10_000
MAX_KEYWORD = 100
MAX_KEYWORDS = 50

TRIAL_SALT = bytes(32)
"""Salt of the trial at publication, of which nothing leaves."""


@dataclass(frozen=True)
class About:
    """What a catalogue says of a dataset beside its terms.

    Attributes:
        title: A few words; the id by default.
        description: More words.
        keywords: Words to be found by.
        creator: Who made the data, a name or a URI.

    Raises:
        ConfigurationError: Something is too long, or a keyword has control characters.
    """

    title: str | None = None
    description: str = ""
    keywords: tuple[str, ...] = ()
    creator: str = ""

    def __post_init__(self) -> None:
        for name, text, longest in (
            ("title", self.title or "", MAX_ID),
            ("description", self.description, MAX_DESCRIPTION),
            ("creator", self.creator, MAX_ID),
            *(("keywords", word, MAX_KEYWORD) for word in self.keywords),
        ):
            if len(text) > longest or "\x00" in text:
                raise ConfigurationError(
                    f"the {name} has {len(text)} characters",
                    setting=name,
                    hint=f"use at most {longest}, none of them NUL",
                )
        if len(self.keywords) > MAX_KEYWORDS or not all(
            word and word.isprintable() for word in self.keywords
        ):
            raise ConfigurationError(
                "the keywords cannot be used",
                setting="keywords",
                hint=f"give at most {MAX_KEYWORDS} words or short phrases in printable characters",
            )


class Publications:
    """Datasets of every hosted participant."""

    def __init__(self, context: ConnectorContext) -> None:
        self._context = context

    async def publish(
        self,
        hosted: Hosted,
        dataset_id: str,
        *,
        about: About,
        source: Mapping[str, Any],
        policy: Mapping[str, Any],
        answering: Answering | None = None,
        accept_contractual: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Offer a dataset; the same again changes nothing.

        Args:
            hosted: The provider.
            dataset_id: Id under which it is offered.
            about: Words for the catalogue.
            source: ``{"kind": "file", "path"}``, ``{"kind": "http", "url", "headers"?}``, or
                ``{"kind": "api", "url", "headers"?, "methods"?, "paths"?}``.
            policy: An ODRL policy, or the keyword arguments of `trustspace.terms`. It may inherit
                from terms that this participant offers other datasets under.
            answering: How requests are answered; by policy alone when it is left out.
            accept_contractual: Terms that may be promises and nothing more.

        Raises:
            ConfigurationError: Id, source or an accepted term cannot be used.
            PolicyError: The terms cannot be evaluated, or not be carried out on this source; or
                one would be a promise only, which is not accepted (``policy.contractual``).
        """
        if not 0 < len(dataset_id) <= MAX_ID or not dataset_id.isprintable():
            raise ConfigurationError(
                f"{dataset_id[:40]!r} cannot be a dataset id",
                setting="id",
                hint=f"use 1 to {MAX_ID} printable characters, best a URI",
            )
        terms = read_terms(policy, await inheritable(self._context, hosted, policy))
        rules = _lowered(terms, dataset_id)
        found = await anyio.to_thread.run_sync(_look, dict(source))
        forms = await anyio.to_thread.run_sync(_tried_forms, found, rules)
        accepted = accepted_names(accept_contractual)
        self._require(hosted, rules, delivering(found, forms), accepted)
        now = self._context.now()
        answering = answering or Answering()

        def hop(tx: Transaction) -> dict[str, Any]:
            policy_digest = tx.policies.put(hosted.name, terms)
            row = DatasetRow(
                participant=hosted.name,
                id=dataset_id,
                title=about.title or dataset_id,
                offer_id=_offer_id(hosted, dataset_id, policy_digest),
                policy_digest=policy_digest,
                source=found.to_document(),
                media_type=found.media_type,
                forms=forms,
                published_at=now,
                description=about.description,
                keywords=about.keywords,
                creator=about.creator,
                size_bytes=_size(found, forms),
                negotiation=answering.negotiation,
                rounds=answering.rounds,
                accept_contractual=accepted,
            )
            before = tx.datasets.get(hosted.name, dataset_id)
            if before is not None and _same(before, row):
                return self._shown(before, terms, changed=False)
            tx.datasets.put(hosted.name, row)
            body = {
                "dataset": dataset_id,
                "offer": row.offer_id,
                "policy_digest": policy_digest,
                "source_digest": digest(row.source),
                "answering": row.negotiation,
                "accept_contractual": list(accepted),
            }
            tx.events.append(hosted.name, "dataset.published", body, now=now)
            return self._shown(row, terms, changed=True)

        return await self._context.store.write(hop)

    async def try_terms(
        self, hosted: Hosted, dataset_id: str, policy: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return terms that a dataset can be offered under, having tried them on its source.

        Args:
            hosted: The provider.
            dataset_id: Which dataset.
            policy: An ODRL policy, or the keyword arguments of `trustspace.terms`.

        Raises:
            NotFoundError: There is no such dataset.
            PolicyError: The terms cannot be evaluated, or not be carried out on this source; or
                one would be a promise that was not accepted for this dataset.
        """
        terms = read_terms(policy, await inheritable(self._context, hosted, policy))
        row = await self._context.store.read(lambda tx: tx.datasets.get(hosted.name, dataset_id))
        if row is None:
            raise NotFoundError(f"there is no dataset {dataset_id!r}")
        source = read_source(row.source)
        rules = _lowered(terms, dataset_id)
        forms = await anyio.to_thread.run_sync(_tried_forms, source, rules)
        self._require(hosted, rules, delivering(source, forms), row.accept_contractual)
        return terms

    async def withdraw(self, hosted: Hosted, dataset_id: str, *, reason: str = "") -> None:
        """Take a dataset off the catalogue; agreements over it stand.

        Args:
            hosted: The provider.
            dataset_id: Which dataset.
            reason: Why, for the log.

        Raises:
            NotFoundError: It is not on offer.
        """
        now = self._context.now()

        def hop(tx: Transaction) -> None:
            tx.datasets.withdraw(hosted.name, dataset_id, now=now)
            body = {"dataset": dataset_id} | ({"reason": reason} if reason else {})
            tx.events.append(hosted.name, "dataset.withdrawn", body, now=now)

        await self._context.store.write(hop)

    async def show(self, hosted: Hosted, dataset_id: str) -> dict[str, Any]:
        """Show one dataset, withdrawn ones too.

        Raises:
            NotFoundError: There is none.
        """

        def query(tx: Transaction) -> dict[str, Any]:
            row = tx.datasets.get(hosted.name, dataset_id)
            policy = None if row is None else tx.policies.get(hosted.name, row.policy_digest)
            if row is None or policy is None:
                raise NotFoundError(f"there is no dataset {dataset_id!r}")
            return self._shown(row, policy.body, changed=False)

        return await self._context.store.read(query)

    async def page(self, hosted: Hosted, *, after: str | None, limit: int) -> dict[str, Any]:
        """Show the datasets on offer, by id."""

        def query(tx: Transaction) -> dict[str, Any]:
            policies = {row.digest: row.body for row in tx.datasets.distinct_policies(hosted.name)}
            rows = tx.datasets.page(hosted.name, after, limit + 1)
            items = [
                self._shown(row, policies[row.policy_digest], changed=False) for row in rows[:limit]
            ]
            return {"items": items, "next": rows[limit - 1].id if len(rows) > limit else None}

        return await self._context.store.read(query)

    def _require(
        self, hosted: Hosted, rules: PolicyIR, how: Delivering, accepted: Sequence[str]
    ) -> None:
        if self._context.settings.policy.is_strict(hosted.name):
            require(ledger(rules, delivering=how), accepted)

    def _shown(self, row: DatasetRow, terms: Mapping[str, Any], *, changed: bool) -> dict[str, Any]:
        source = read_source(row.source)
        file = source if isinstance(source, FileSource) else None
        columns = None
        if file is not None and file.layout is not None:
            columns = [{"name": one.name, "type": one.type} for one in file.layout.columns]
        return {
            "id": row.id,
            "title": row.title,
            "description": row.description or None,
            "keywords": list(row.keywords),
            "creator": row.creator or None,
            "media_type": row.media_type,
            "offer": row.offer_id,
            "policy": offer_of(row, terms).to_wire(),
            "policy_digest": row.policy_digest,
            "forms": list(row.forms),
            "negotiation": row.negotiation,
            "rounds": row.rounds,
            "size": None if file is None else file.size_bytes,
            "sha256": None if file is None else file.sha256,
            "columns": columns,
            "changed": changed,
            "published_at": views.time(row.published_at),
            "withdrawn_at": views.time(row.withdrawn_at),
            "terms": dataset_terms(row, terms),
            "accept_contractual": list(row.accept_contractual),
        }


def restrictions(rules: PolicyIR, source: AnySource) -> list[Restriction]:
    """Return what each permission of a policy leaves of a table."""
    mark = watermark_of(source, TRIAL_SALT)
    return [
        Restriction(rule.filters, rule.columns, rule.masks, TRIAL_SALT, mark)
        for rule in rules.permissions
    ]


def _lowered(terms: Mapping[str, Any], dataset_id: str) -> PolicyIR:
    offer = Offer.model_validate(dict(terms) | {"@id": "urn:trustspace:terms", "@type": "Offer"})
    return lower(offer, kind="offer", target=dataset_id)


def _look(source: dict[str, Any]) -> AnySource:
    """Look at a source; reads all of a file for its digest."""
    match source:
        case {"kind": "file", "path": str(path), **rest} if not rest.keys() - {"watermark"}:
            return FileSource.at(path, watermark=read_watermark(rest.get("watermark")))
        case {"kind": "http", "url": str(url), **rest} if not rest.keys() - {
            "headers",
            "media_type",
        }:
            return HttpSource.at(url, **rest)
        case {"kind": "api", "url": str(url), **rest} if not rest.keys() - {
            "headers",
            "methods",
            "paths",
        }:
            return ApiSource.at(url, **rest)
    raise ConfigurationError(
        "the source is neither a file nor a URL nor an interface",
        setting="source",
        hint='give {"kind": "file", "path": …}, {"kind": "http", "url": …, "headers"?: {…}} or '
        '{"kind": "api", "url": …, "headers"?: {…}, "methods"?: […], "paths"?: […]}',
    )


def _tried_forms(source: AnySource, rules: PolicyIR) -> tuple[str, ...]:
    """Return the forms in which the terms let the source leave, having tried them."""
    _check_duties(rules)
    shaping = [one for one in restrictions(rules, source) if not one.is_empty]
    if not shaping:
        return source.forms
    if not isinstance(source, FileSource) or source.layout is None:
        raise PolicyError(
            "the terms filter, mask or watermark, but the source cannot be read as a table",
            code="pep.unenforceable",
            hint="publish Parquet, CSV, JSON lines or Arrow, or leave them out",
        )
    with source.open() as file:
        for restriction in shaping:
            Table(file, source.layout).stream(restriction)
    return ("table",)


def _check_duties(rules: PolicyIR) -> None:
    """Refuse duties that have to be done with each use and cannot be: nothing would ever leave."""
    for duty in rules.obligations:
        if duty.when == "during" and duty.action not in TABLES.duties:
            raise PolicyError(
                f"{spelled(duty.action)!r} cannot be done here with a delivery",
                code="pep.unenforceable",
                location=duty.src,
                hint=f"possible are: {', '.join(sorted(map(spelled, TABLES.duties)))}",
            )


def _size(source: AnySource, forms: tuple[str, ...]) -> int | None:
    """Return the bytes that a consumer would get, which for a table depend on the terms."""
    return source.size_bytes if isinstance(source, FileSource) and "file" in forms else None


def _offer_id(hosted: Hosted, dataset_id: str, policy_digest: str) -> str:
    """Return an offer id that changes with the terms and belongs to one dataset only."""
    name = f"{hosted.id} {dataset_id} {policy_digest}"
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"


def _same(before: DatasetRow, after: DatasetRow) -> bool:
    return before.withdrawn_at is None and all(
        getattr(before, name) == getattr(after, name) for name in _COMPARED
    )


_COMPARED = (
    "title",
    "description",
    "keywords",
    "creator",
    "offer_id",
    "policy_digest",
    "source",
    "media_type",
    "forms",
    "negotiation",
    "rounds",
    "accept_contractual",
)
