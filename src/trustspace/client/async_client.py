"""The async client of a running connector; every operation is that of the sync client, awaited.

Example::

    async with AsyncClient("http://127.0.0.1:41235", token) as client:
        agreement = await client.negotiate("https://garden.example", "rose-prices")
        async with agreement.open() as data:
            frame = await data.to_polars()
"""

from __future__ import annotations

from trustspace.client.aio.agreements import AsyncAgreementMethods
from trustspace.client.aio.approvals import AsyncApprovalMethods
from trustspace.client.aio.catalogue import AsyncCatalogueMethods
from trustspace.client.aio.datasets import AsyncDatasetMethods
from trustspace.client.aio.diagnosis import AsyncDiagnosisMethods
from trustspace.client.aio.duties import AsyncDutyMethods
from trustspace.client.aio.negotiations import AsyncNegotiationMethods
from trustspace.client.aio.participants import AsyncParticipantMethods
from trustspace.client.aio.receiving import AsyncReceivingMethods
from trustspace.client.aio.records import AsyncRecordMethods
from trustspace.client.aio.rules import AsyncRuleMethods
from trustspace.client.aio.transfers import AsyncTransferMethods


class AsyncClient(
    AsyncAgreementMethods,
    AsyncApprovalMethods,
    AsyncCatalogueMethods,
    AsyncDatasetMethods,
    AsyncDiagnosisMethods,
    AsyncDutyMethods,
    AsyncNegotiationMethods,
    AsyncParticipantMethods,
    AsyncReceivingMethods,
    AsyncRecordMethods,
    AsyncRuleMethods,
    AsyncTransferMethods,
):
    """Speaks to a running connector in the name of one of its participants; as `Client`.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.
    """
