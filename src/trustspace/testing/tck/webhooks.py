"""The two endpoints by which a kit asks the connector under test to begin.

Each is answered at once; the request to the counterparty follows a moment later. The counterparty
is where the webhook says, for a kit has no version document to discover it by.

Example::

    POST /negotiations/requests
    {"providerId": "TCK_PARTICIPANT", "connectorAddress": "http://127.0.0.1:8083",
     "offerId": "offerACNC0101", "datasetId": "ACNC0101"}

    POST /transfers/requests
    {"providerId": "TCK_PARTICIPANT", "connectorAddress": "http://127.0.0.1:8083",
     "agreementId": "ATPC0101", "format": "HttpData-PULL"}
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trustspace.connector.messaging.one_spelling import OneSpelling
from trustspace.connector.messaging.wire_body import BodyError, read_json
from trustspace.errors import RemoteProtocolError, TrustspaceError
from trustspace.model.odrl import Offer
from trustspace.model.value import Value
from trustspace.testing.tck.place import NEGOTIATIONS, TRANSFERS
from trustspace.testing.tck.seed import RULES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from starlette.requests import Request

    from trustspace.connector.context import Hosted
    from trustspace.connector.control_plane import ControlPlane
    from trustspace.store import Transaction

logger: logging.Logger = logging.getLogger(__name__)

Text = Annotated[str, Field(min_length=1, max_length=2_048)]


class _Order(Value):
    counterparty: Text = Field(alias="providerId")
    address: Text = Field(alias="connectorAddress")


class NegotiationOrder(_Order):
    """Asks for a negotiation."""

    offer_id: Text = Field(alias="offerId")
    dataset_id: Text = Field(alias="datasetId")


class TransferOrder(_Order):
    """Asks for a transfer."""

    agreement_id: Text = Field(alias="agreementId")
    format: Text


Order = TypeVar("Order", bound=_Order)


class Webhooks:
    """Begins negotiations and transfers.

    Args:
        plane: The connector's control plane.
        hosted: The consumer.
        delay: How long after its answer to a webhook the connector begins.
    """

    def __init__(self, plane: ControlPlane, hosted: Hosted, *, delay: timedelta) -> None:
        self._plane = plane
        self._hosted = hosted
        self._delay = delay.total_seconds()

    def app(self) -> OneSpelling:
        """Return the application that serves them."""
        routes = [
            Route(NEGOTIATIONS, self._endpoint(NegotiationOrder, self.negotiate), methods=["POST"]),
            Route(TRANSFERS, self._endpoint(TransferOrder, self.transfer), methods=["POST"]),
        ]
        return OneSpelling(Starlette(routes=routes))

    def negotiate(self, tx: Transaction, order: NegotiationOrder) -> None:
        """Ask for an agreement under the very offer id that was given."""
        offer = RULES | {"@id": order.offer_id, "@type": "Offer", "target": order.dataset_id}
        self._plane.negotiations.request(
            tx,
            self._hosted,
            counterparty=order.counterparty,
            base_url=order.address,
            offer=Offer.read(offer),
            now=self._plane.context.now(),
        )

    def transfer(self, tx: Transaction, order: TransferOrder) -> None:
        """Ask for the data of an agreement, at the address where the kit is now.

        Raises:
            NotFoundError: There is no such agreement.
        """
        agreement = self._plane.agreed.get(tx, self._hosted, order.agreement_id)
        negotiation = tx.negotiations.get(self._hosted.name, agreement.negotiation_pid)
        if negotiation is not None:
            moved = negotiation.model_copy(update={"callback_address": order.address})
            tx.negotiations.update(self._hosted.name, moved)
        self._plane.requests.request(
            tx,
            self._hosted,
            order.agreement_id,
            format_=order.format,
            now=self._plane.context.now(),
            # An earlier run of the kit may have left one at rest.
            another=True,
        )

    def _endpoint(
        self, kind: type[Order], begin: Callable[[Transaction, Order], None]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                order = kind.read(await read_json(request, self._plane.context.settings.limits))
            except (BodyError, RemoteProtocolError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
            return Response(
                status_code=202, background=BackgroundTask(self._begin, lambda tx: begin(tx, order))
            )

        return endpoint

    async def _begin(self, hop: Callable[[Transaction], None]) -> None:
        await asyncio.sleep(self._delay)
        try:
            await self._plane.context.store.write(hop)
        except TrustspaceError as error:
            logger.warning("nothing begun: %s", error)
