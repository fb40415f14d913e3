"""The parts that see to duties, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.connector.duties.api import DutyApi
from trustspace.connector.duties.notices import Notices
from trustspace.connector.duties.owner import OwnerDuties
from trustspace.connector.duties.settlement import Settlement
from trustspace.connector.duties.telling import Telling
from trustspace.connector.duties.worker import DutyWorker

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.duties.copies import Deleting
    from trustspace.connector.duties.planner import DutyPlanner
    from trustspace.connector.messaging.authentication import Authentication
    from trustspace.connector.negotiating.agreements import Agreements
    from trustspace.connector.transferring.transfers import Transfers
    from trustspace.transport.http_client import GuardedClient


@dataclass(frozen=True)
class DutyParts:
    """What sees to the duties of one running connector.

    Attributes:
        telling: Messages about duties, both ways.
        owner: The owner's side.
        api: The endpoint for counterparties.
        worker: Carries out what is due.
    """

    telling: Telling
    owner: OwnerDuties
    api: DutyApi
    worker: DutyWorker

    @classmethod
    def of(
        cls,
        context: ConnectorContext,
        planner: DutyPlanner,
        agreed: Agreements,
        transfers: Transfers,
        deleting: Deleting,
        authentication: Authentication,
        client: GuardedClient,
    ) -> DutyParts:
        """Put the parts together; for one event loop."""
        settlement = Settlement(context, planner, transfers)
        telling = Telling(context, planner, settlement)
        notices = Notices(context, client)
        return cls(
            telling,
            OwnerDuties(context, agreed, settlement, telling),
            DutyApi(context, authentication, telling, deleting.proofs),
            DutyWorker(context, planner, settlement, telling, deleting.places, notices),
        )
