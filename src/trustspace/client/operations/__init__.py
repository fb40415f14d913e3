"""Every operation of the SDK, written once as a generator (see `trustspace.client.exchange`).

The two clients have a method of the same name for each; the method drives the generator.

Example::

    operations = Operations()
    agreement = client.drive(operations.negotiate("https://garden.example", "rose-prices"))
"""

from __future__ import annotations

from trustspace.client.operations.approval import ApprovalOperations
from trustspace.client.operations.catalogue import CatalogueOperations
from trustspace.client.operations.diagnosis import DiagnosisOperations
from trustspace.client.operations.duty import DutyOperations
from trustspace.client.operations.negotiation import NegotiationOperations
from trustspace.client.operations.publication import PublicationOperations
from trustspace.client.operations.receiving import ReceivingOperations
from trustspace.client.operations.record import EventPages
from trustspace.client.operations.rules import RuleOperations
from trustspace.client.operations.using import UseOperations

__all__ = ["EventPages", "Operations"]


class Operations(
    ApprovalOperations,
    CatalogueOperations,
    DiagnosisOperations,
    DutyOperations,
    NegotiationOperations,
    PublicationOperations,
    ReceivingOperations,
    RuleOperations,
    UseOperations,
):
    """All operations in the name of one participant of a connector."""
