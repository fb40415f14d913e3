"""What has to be there before the kit begins: datasets under fixed offer ids, and agreements.

Publishing gives offers ids of our own, and agreements come of negotiations; the kit's ids are
fixed, so they are written to the store.

Example::

    await store.write(lambda tx: seed(tx, hosted, source, now=now))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trustspace.dsp.messages import NegotiationState
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.wire import timestamp
from trustspace.model.odrl import Agreement, Offer
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.store import AgreementRow, DatasetRow, Transaction
from trustspace.testing.tck.cases import (
    ABSENT,
    CATALOGUE,
    CONSUMED_TRANSFERS,
    KIT,
    PROVIDED_NEGOTIATIONS,
    PROVIDED_TRANSFERS,
    offer_id,
)
from trustspace.testing.tck.place import KIT_ADDRESS

if TYPE_CHECKING:
    from datetime import datetime

    from trustspace.connector.context import Hosted
    from trustspace.dataplane.source import FileSource

RULES: Final = {"permission": [{"action": "use"}]}
"""Terms of every offer and agreement: use, unconditionally."""

GIVEN: Final = "ATP"
"""The dataset of the agreements in which we are the provider."""

TAKEN: Final = "ATPC"
"""The kit's dataset of the agreements in which we are the consumer."""


def seed(tx: Transaction, hosted: Hosted, source: FileSource, *, now: datetime) -> None:
    """Write everything.

    Args:
        tx: The transaction.
        hosted: The connector under test.
        source: What all datasets are delivered from.
        now: Current time.
    """
    terms = tx.policies.put(hosted.name, RULES)
    for dataset_id in (*CATALOGUE.subjects(), *PROVIDED_NEGOTIATIONS.subjects(), GIVEN):
        if dataset_id != ABSENT:
            row = DatasetRow(
                participant=hosted.name,
                id=dataset_id,
                title=dataset_id,
                offer_id=offer_id(dataset_id),
                policy_digest=terms,
                source=source.to_document(),
                media_type=source.media_type,
                forms=source.forms,
                published_at=now,
            )
            tx.datasets.put(hosted.name, row)
    for agreement_id in PROVIDED_TRANSFERS.subjects():
        _conclude(tx, hosted, agreement_id, GIVEN, role=Role.PROVIDER, now=now)
    for agreement_id in CONSUMED_TRANSFERS.subjects():
        _conclude(tx, hosted, agreement_id, TAKEN, role=Role.CONSUMER, now=now)


def _conclude(
    tx: Transaction, hosted: Hosted, agreement_id: str, target: str, *, role: Role, now: datetime
) -> None:
    """Write an agreement with the kit and the negotiation that it is of."""
    pids = {role: f"urn:tck:{agreement_id}:ours", role.other: f"urn:tck:{agreement_id}:theirs"}
    provider, consumer = (hosted.id, KIT) if role is Role.PROVIDER else (KIT, hosted.id)
    agreement = Agreement.read(
        RULES
        | {
            "@id": agreement_id,
            "@type": "Agreement",
            "target": target,
            "assigner": provider,
            "assignee": consumer,
            "timestamp": timestamp(now),
        }
    )
    negotiation = ContractNegotiation(
        id=pids[role],
        role=role,
        consumer_pid=pids[Role.CONSUMER],
        provider_pid=pids[Role.PROVIDER],
        counterparty=KIT,
        callback_address=KIT_ADDRESS,
        state=NegotiationState.FINALIZED,
        dataset_id=target,
        offer=Offer.read(RULES | {"@id": offer_id(target), "@type": "Offer", "target": target}),
        agreement=agreement,
        created_at=now,
        updated_at=now,
    )
    body = agreement.to_wire()
    row = AgreementRow(
        participant=hosted.name,
        id=agreement_id,
        role=role,
        counterparty=KIT,
        dataset_id=target,
        negotiation_pid=negotiation.id,
        body=body,
        digest=digest(body),
        signed_at=now,
    )
    tx.negotiations.insert(hosted.name, negotiation)
    tx.agreements.insert(hosted.name, row)
