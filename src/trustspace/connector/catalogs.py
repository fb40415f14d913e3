"""The catalogue as one requester sees it, page by page (DSP 2025-1, "Catalog").

What is hidden in the list is hidden one by one as well: both ask the same question, once per
policy and requester, however many datasets share the policy. What is written on the wire is
validated once per policy too: its datasets differ only by id, offer id and title.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.connector.offers import offer_of
from trustspace.connector.transfer_format import PULL
from trustspace.dsp.binding import CATALOG_REQUEST_PATH
from trustspace.dsp.wire import emit
from trustspace.errors import NotFoundError, RemoteProtocolError
from trustspace.model.dataset import Catalog, DataService, Dataset, Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.connector.decision_point import DecisionPoint
    from trustspace.model.participant import ParticipantId
    from trustspace.store import Transaction
    from trustspace.store.rows import DatasetRow

PAGE = 100
"""Datasets on one page."""

ENTRIES = 1_000
"""Policies whose entry in a page is remembered."""


@dataclass(frozen=True)
class CatalogPage:
    """One page as it goes on the wire, and the links to its neighbours, by relation."""

    document: dict[str, Any]
    links: tuple[tuple[str, str], ...]


class Catalogs:
    """What this connector offers, to whom."""

    def __init__(self, context: ConnectorContext, decide: DecisionPoint) -> None:
        self._context = context
        self._decide = decide
        self._entries: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def page(
        self, tx: Transaction, hosted: Hosted, *, subject: ParticipantId, token: str | None
    ) -> CatalogPage:
        """Return one page.

        Args:
            tx: The transaction.
            hosted: Whose catalogue.
            subject: Who asks.
            token: Continuation token of a link; None for the first page.

        Raises:
            RemoteProtocolError: The token is not one of ours.
        """
        after = _read_token(token)
        now = self._context.now()
        policies = {row.digest: row.body for row in tx.datasets.distinct_policies(hosted.name)}
        visible = [
            digest
            for digest, body in policies.items()
            if self._decide.visible(tx, hosted, body, digest, subject=subject, now=now)
        ]
        rows = tx.datasets.page(hosted.name, after or None, PAGE + 1, policies=visible)
        service = DataService.model_validate(
            {"@id": f"{hosted.id}#DataService", "endpointURL": hosted.dsp_url}
        )
        shown = rows[:PAGE]
        document = emit(
            Catalog.model_validate(
                {
                    "@id": f"{hosted.dsp_url}/catalog",
                    "participantId": hosted.id,
                    "service": (service,),
                }
            )
        )
        if shown:
            document["dataset"] = [
                self._entry(hosted, row, policies[row.policy_digest], service.id) for row in shown
            ]
        links = []
        if len(rows) > PAGE:
            links.append(("next", _link(hosted, shown[-1].id)))
        if after:
            before = tx.datasets.page_before(hosted.name, after, PAGE, policies=visible)
            links.append(("previous", _link(hosted, before)))
        return CatalogPage(document, tuple(links))

    def _entry(
        self, hosted: Hosted, row: DatasetRow, policy: Mapping[str, Any], service: str
    ) -> dict[str, Any]:
        """Return a dataset as it stands in a page."""
        key = (hosted.name, row.policy_digest)
        known = self._entries.get(key)
        if known is None:
            known = emit(_dataset(row, policy, service))
            del known["@context"]  # The catalogue's stands for all of it.
            self._entries[key] = known
            if len(self._entries) > ENTRIES:
                self._entries.popitem(last=False)
        (offer,) = known["hasPolicy"]
        return known | {
            "@id": row.id,
            "hasPolicy": [offer | {"@id": row.offer_id}],
            "dct:title": row.title,
        }

    def dataset(
        self, tx: Transaction, hosted: Hosted, dataset_id: str, *, subject: ParticipantId
    ) -> Dataset:
        """Return one dataset.

        Raises:
            NotFoundError: There is none, it is withdrawn, or not for the one who asks.
        """
        row = tx.datasets.get(hosted.name, dataset_id)
        absent = NotFoundError("there is no such dataset")
        if row is None or row.withdrawn_at is not None:
            raise absent
        policy = tx.policies.get(hosted.name, row.policy_digest)
        now = self._context.now()
        if policy is None or not self._decide.visible(
            tx, hosted, policy.body, policy.digest, subject=subject, now=now
        ):
            raise absent
        service = DataService.model_validate(
            {"@id": f"{hosted.id}#DataService", "endpointURL": hosted.dsp_url}
        )
        return _dataset(row, policy.body, service)


def _dataset(row: DatasetRow, policy: Mapping[str, Any], service: str | DataService) -> Dataset:
    return Dataset.model_validate(
        {
            "@id": row.id,
            "hasPolicy": (offer_of(row, policy),),
            "distribution": (
                Distribution.model_validate({"format": PULL, "accessService": service}),
            ),
            "dct:title": row.title,
        }
    )


def _link(hosted: Hosted, after: str) -> str:
    """Return the URL of the page that follows a dataset; the empty id is the first page."""
    token = base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")
    return f"{hosted.dsp_url}/{CATALOG_REQUEST_PATH}?page={token}"


def _read_token(token: str | None) -> str:
    """Return after which dataset a page begins; the empty id is the beginning."""
    if token is None:
        return ""
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise RemoteProtocolError("the page is unknown", code="catalog.page") from error
