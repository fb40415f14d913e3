"""A dataset and a catalogue as they stand on the wire (DSP 2025-1, "Catalog", "Dataset").

Beside the protocol's members a dataset carries what DCAT and Dublin Core have names for: title,
description, keywords, creator, the time of its last publication; its distributions carry media type
and size. What is written of a policy is validated once; its datasets differ by little.

Example::

    entries = Entries()
    document["dataset"] = [entries.entry(hosted, row, policy) for row in rows]
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector import views
from trustspace.connector.cataloguing.offers import offer_of
from trustspace.connector.transferring.transfer_format import PULL, PUSH
from trustspace.dataplane.source import API
from trustspace.dsp.wire import emit
from trustspace.model.dataset import Catalog, DataService, Dataset, Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trustspace.connector.context import Hosted
    from trustspace.store.rows import DatasetRow

ENTRIES: Final = 1_000
"""Policies whose entry in a page is remembered."""

FORMATS: Final = (PULL, PUSH)
"""Transfer formats in which every dataset can be had; an interface only in the first."""

NESTED_FORMAT: Final = "Catalog"
"""Format of a distribution that is a catalogue (DSP 2025-1, the example of nested catalogues)."""


class Entries:
    """Writes datasets, remembering what their policies have in common."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def entry(self, hosted: Hosted, row: DatasetRow, policy: Mapping[str, Any]) -> dict[str, Any]:
        """Return a dataset as it stands in a page."""
        key = (hosted.id, row.policy_digest)
        known = self._known.get(key)
        if known is None:
            known = emit(_dataset(row, policy, service_of(hosted).id))
            del known["@context"]  # The catalogue's stands for all of it.
            self._known[key] = known
            if len(self._known) > ENTRIES:
                self._known.popitem(last=False)
        (offer,) = known["hasPolicy"]
        about = _about_distribution(row)
        return known | {
            "@id": row.id,
            "hasPolicy": [offer | {"@id": row.offer_id}],
            "distribution": [each | about for each in _offered(row, known)],
            **_about(row),
        }


def dataset_document(hosted: Hosted, row: DatasetRow, policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset as it stands alone, its data service in full."""
    document = emit(_dataset(row, policy, service_of(hosted)))
    about = _about_distribution(row)
    document["distribution"] = [each | about for each in _offered(row, document)]
    return document | _about(row)


def _offered(row: DatasetRow, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the distributions in which a dataset can be had."""
    found: list[dict[str, Any]] = document["distribution"]
    return [each for each in found if API not in row.forms or each["format"] == PULL]


def service_of(hosted: Hosted) -> DataService:
    """Return the data service of a participant."""
    return DataService.model_validate(
        {"@id": f"{hosted.id}#DataService", "endpointURL": hosted.dsp_url}
    )


def catalog_document(hosted: Hosted, nested: Sequence[Hosted] = ()) -> dict[str, Any]:
    """Return a participant's catalogue without datasets.

    Args:
        hosted: Whose.
        nested: Participants whose catalogues are named in it.
    """
    catalogs = [
        {
            "@id": f"{other.dsp_url}/catalog",
            "participantId": other.id,
            "service": (service_of(other),),
            "distribution": (
                Distribution.model_validate(
                    {"format": NESTED_FORMAT, "accessService": service_of(other).id}
                ),
            ),
            "dct:title": other.name,
        }
        for other in nested
    ]
    return emit(
        Catalog.model_validate(
            {
                "@id": f"{hosted.dsp_url}/catalog",
                "participantId": hosted.id,
                "service": (service_of(hosted),),
                "catalog": tuple(Catalog.model_validate(each) for each in catalogs),
            }
        )
    )


def _dataset(row: DatasetRow, policy: Mapping[str, Any], service: str | DataService) -> Dataset:
    return Dataset.model_validate(
        {
            "@id": row.id,
            "hasPolicy": (offer_of(row, policy),),
            "distribution": tuple(
                Distribution.model_validate({"format": each, "accessService": service})
                for each in FORMATS
            ),
        }
    )


def _about(row: DatasetRow) -> dict[str, Any]:
    found: dict[str, Any] = {"dct:title": row.title, "dct:modified": views.time(row.published_at)}
    if row.description:
        found["dct:description"] = row.description
    if row.creator:
        found["dct:creator"] = row.creator
    if row.keywords:
        found["dcat:keyword"] = list(row.keywords)
    return found


def _about_distribution(row: DatasetRow) -> dict[str, Any]:
    found: dict[str, Any] = {"dcat:mediaType": row.media_type} if row.media_type else {}
    if row.size_bytes is not None:
        found["dcat:byteSize"] = row.size_bytes
    return found
