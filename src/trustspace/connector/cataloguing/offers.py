"""The offer of a dataset: its stored policy under the dataset's own offer id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trustspace.model.odrl import Offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.store import DatasetRow


def offer_of(row: DatasetRow, policy: Mapping[str, Any], *, target: str | None = None) -> Offer:
    """Return a dataset's offer; inside a catalogue it has no target (DSP 2025-1, "Offer")."""
    body = dict(policy) | {"@id": row.offer_id, "@type": "Offer"}
    if target is not None:
        body["target"] = target
    return Offer.model_validate(body)
