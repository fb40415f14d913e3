"""Where a connector under test listens, how it is called, and the kit's configuration for it.

Example::

    place = Place(port=8282, webhook_port=8687)
    place.base_url                                 # 'http://127.0.0.1:8282/connector/dsp/2025-1'
    print(properties(place))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from trustspace.dsp.binding import VERSION
from trustspace.identity.did import did_web
from trustspace.testing.tck.cases import (
    CATALOGUE,
    CONSUMED_NEGOTIATIONS,
    CONSUMED_TRANSFERS,
    FORMAT,
    KIT,
    PROVIDED_NEGOTIATIONS,
    PROVIDED_TRANSFERS,
    offer_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "connector"
"""Participant context of the connector under test, the first segment of its paths."""

NEGOTIATIONS: Final = "/negotiations/requests"
TRANSFERS: Final = "/transfers/requests"
"""Paths of the webhooks."""

KIT_ADDRESS: Final = "http://127.0.0.1:8083"
"""Where the kit listens by default."""

KIT_WAIT: Final = 10
"""Seconds that the kit waits for a message by default."""


@dataclass(frozen=True)
class Place:
    """Where a connector under test is found.

    Attributes:
        host: Host name or loopback address that it listens on and is called by.
        port: Port of its protocol endpoints.
        webhook_port: Port of the webhooks.
        id: Its participant id; the DID of its address when empty.
    """

    host: str = "127.0.0.1"
    port: int = 8282
    webhook_port: int = 8687
    id: str = ""

    @property
    def address(self) -> str:
        """Root URL, under which the version document lies."""
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """Base URL of its protocol endpoints."""
        return f"{self.address}/{NAME}/dsp/{VERSION}"

    @property
    def webhooks(self) -> str:
        """Root URL of the webhooks."""
        return f"http://{self.host}:{self.webhook_port}"

    @property
    def participant_id(self) -> str:
        """Its participant id.

        Raises:
            ConfigurationError: It has none, and no DID can be made of the host.
        """
        return self.id or did_web(self.host, self.port, NAME)


def properties(place: Place, *, kit: str = KIT_ADDRESS, wait: int = KIT_WAIT) -> str:
    """Return the kit's properties file.

    Args:
        place: Where the connector is.
        kit: URL under which the kit listens for the connector's messages.
        wait: Seconds that the kit waits for each message.
    """
    lines = [*_connection(place, kit, wait), *_subjects()]
    return "".join(f"{key}={_escaped(value)}\n" for key, value in lines)


def _connection(place: Place, kit: str, wait: int) -> Iterator[tuple[str, str]]:
    listening = urlsplit(kit)
    connector = "dataspacetck.dsp.connector"
    yield "dataspacetck.debug", "false"
    yield "dataspacetck.ansi", "false"
    yield "dataspacetck.host", listening.hostname or ""
    yield "dataspacetck.port", str(listening.port or 80)
    yield "dataspacetck.callback.address", kit.rstrip("/")
    yield "dataspacetck.dsp.default.wait", str(wait)
    yield "dataspacetck.dsp.local.connector", "false"
    yield f"{connector}.agent.id", place.participant_id
    yield f"{connector}.http.url", place.base_url
    yield f"{connector}.http.base.url", place.address
    yield f"{connector}.http.headers.authorization", f'{{"clientId":"{KIT}"}}'
    yield f"{connector}.negotiation.initiate.url", place.webhooks + NEGOTIATIONS
    yield f"{connector}.transfer.initiate.url", place.webhooks + TRANSFERS


def _subjects() -> Iterator[tuple[str, str]]:
    for group in (CATALOGUE, PROVIDED_NEGOTIATIONS, CONSUMED_NEGOTIATIONS):
        for case, subject in group.cases():
            yield f"{case}_DATASETID", subject
            if group is PROVIDED_NEGOTIATIONS:
                yield f"{case}_OFFERID", offer_id(subject)
    for group in (PROVIDED_TRANSFERS, CONSUMED_TRANSFERS):
        for case, subject in group.cases():
            yield f"{case}_AGREEMENTID", subject
            yield f"{case}_FORMAT", FORMAT


def _escaped(value: str) -> str:
    """Write a value so that Java reads it back as it is (``java.util.Properties``)."""
    text = value.replace("\\", "\\\\")
    units = text.encode("utf-16-be")
    pairs = (units[index : index + 2] for index in range(0, len(units), 2))
    return "".join(
        chr(pair[1]) if b" " < pair[1:] <= b"~" and not pair[0] else _unit(pair) for pair in pairs
    )


def _unit(pair: bytes) -> str:
    return f"\\u{pair.hex()}"
