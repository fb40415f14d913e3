"""Waiting beside a delivery until the right to it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import anyio

from trustspace.errors import PolicyDeniedError, TrustspaceError

if TYPE_CHECKING:
    from trustspace.connector.context import Hosted
    from trustspace.connector.delivering.deliveries import Deliveries
    from trustspace.connector.delivering.grant import Grant

logger: logging.Logger = logging.getLogger(__name__)


async def until_over(deliveries: Deliveries, hosted: Hosted, grant: Grant) -> Grant:
    """Wait until the gate of a grant closes, or its lease ends and is not renewed.

    Returns:
        The grant as it was renewed last.
    """
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    forget = grant.gate.on_close(lambda: loop.call_soon_threadsafe(closed.set))
    try:
        while True:
            with anyio.move_on_after(deliveries.seconds_left(grant)):
                await closed.wait()
            if grant.gate.code is not None:
                return grant
            closed.clear()
            try:
                grant = await deliveries.renew(hosted, grant)
            except TrustspaceError as error:
                logger.info("lease not renewed: %s", error)
                if isinstance(error, PolicyDeniedError):
                    grant.gate.close(error.code)
                return grant
    finally:
        forget()
