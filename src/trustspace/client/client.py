"""The sync client of a running connector.

Example::

    with Client("http://127.0.0.1:41235", token) as client:
        agreement = client.negotiate("https://garden.example", "rose-prices", purpose="research")
        with agreement.open() as data:
            frame = data.to_polars()
"""

from __future__ import annotations

from trustspace.client.sync.agreements import AgreementMethods
from trustspace.client.sync.approvals import ApprovalMethods
from trustspace.client.sync.catalogue import CatalogueMethods
from trustspace.client.sync.datasets import DatasetMethods
from trustspace.client.sync.diagnosis import DiagnosisMethods
from trustspace.client.sync.duties import DutyMethods
from trustspace.client.sync.negotiations import NegotiationMethods
from trustspace.client.sync.participants import ParticipantMethods
from trustspace.client.sync.receiving import ReceivingMethods
from trustspace.client.sync.records import RecordMethods
from trustspace.client.sync.rules import RuleMethods
from trustspace.client.sync.transfers import TransferMethods


class Client(
    AgreementMethods,
    ApprovalMethods,
    CatalogueMethods,
    DatasetMethods,
    DiagnosisMethods,
    DutyMethods,
    NegotiationMethods,
    ParticipantMethods,
    ReceivingMethods,
    RecordMethods,
    RuleMethods,
    TransferMethods,
):
    """Speaks to a running connector in the name of one of its participants.

    Args:
        url: Management URL of the connector.
        token: Its management token.
        participant: Name of the participant; None means the only one it hosts.
        timeout: Longest time for one answer.
        egress: Where data may be fetched from; None means public addresses, or for a connector
            in development this machine too.
        start_hint: What to tell when nothing listens at the URL.
        sealed: Folder in which what is kept of deliveries lies, sealed.

    Every method raises `TransportError` when the connector does not answer, and what
    `trustspace.client.problem` makes of an error it answers.
    """
