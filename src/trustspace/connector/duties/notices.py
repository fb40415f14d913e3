"""Notices of uses to an address that the owner configured, signed and sent through the guard.

Without such an address they go to the counterparty's connector, as all messages about duties. The
body is JSON; the ``Authorization`` header holds a token of ours whose claim ``digest`` is the
SHA-256 of the body, so that whoever keeps both has a signed notice.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from trustspace.connector.context import new_pid
from trustspace.errors import StatusError
from trustspace.identity.identity_provider import bearer_header
from trustspace.identity.token import issue
from trustspace.model.value import canonical

if TYPE_CHECKING:
    from trustspace.connector.context import ConnectorContext, Hosted
    from trustspace.store import AgreementRow, DutyRow
    from trustspace.transport.http_client import GuardedClient

MAX_ANSWER: Final = 64 * 1024


class Notices:
    """Sends notices to the owner's address.

    Args:
        context: The connector.
        client: Calls addresses; its guard decides which.
    """

    def __init__(self, context: ConnectorContext, client: GuardedClient) -> None:
        self._context = context
        self._client = client

    def address_of(self, row: DutyRow) -> str:
        """Return where a duty's notice goes, empty for the counterparty's connector."""
        return self._context.settings.duties.notice_url if row.action == "ts:notify" else ""

    async def send(self, hosted: Hosted, agreement: AgreementRow, row: DutyRow) -> str:
        """Send the notice of one use; returns its id.

        Raises:
            StatusError: Whoever is there did not take it.
            TransportError: The guard refuses the address, or nobody answers.
        """
        url = self.address_of(row)
        name = new_pid()
        notice: dict[str, Any] = {
            "@id": name,
            "@type": "UseNotice",
            "agreement": agreement.id,
            "dataset": agreement.dataset_id,
            "consumer": agreement.counterparty,
            "provider": hosted.id,
            "session": row.occurrence,
            "at": row.created_at.isoformat(),
        }
        body = canonical(notice)
        token = issue(
            hosted.key,
            issuer=hosted.id,
            audience=url,
            now=self._context.now(),
            claims={"digest": f"sha256:{hashlib.sha256(body).hexdigest()}"},
        )
        response = await self._client.request(
            "POST",
            url,
            headers={"Authorization": bearer_header(token), "Content-Type": "application/json"},
            content=body,
            max_bytes=MAX_ANSWER,
            deadline=timedelta(seconds=self._context.settings.exchange.answer_seconds),
        )
        if response.status not in range(200, 300):
            raise StatusError(
                f"the address for notices answered {response.status}", status=response.status
            )
        return name
