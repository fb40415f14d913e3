"""Which running connector a command speaks to.

A flag wins over the environment, a URL over a home: ``--url``/``--token`` or ``--home``, then
``TRUSTSPACE_URL``/``TRUSTSPACE_TOKEN``, then ``TRUSTSPACE_HOME``.

Example::

    with Connection(home=Path("garden-home")).client() as client:
        client.agreements()
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace import client as sdk
from trustspace.cli.trace import traced
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from trustspace.client import Client


@dataclass(frozen=True)
class Connection:
    """The options by which every command finds its connector."""

    home: Annotated[
        Path | None,
        typer.Option("--home", help="Home of a running connector (or TRUSTSPACE_HOME)."),
    ] = None
    url: Annotated[
        str | None,
        typer.Option("--url", help="Management URL of a running connector (or TRUSTSPACE_URL)."),
    ] = None
    token: Annotated[
        str | None,
        typer.Option("--token", help="Its management token (or, better, TRUSTSPACE_TOKEN)."),
    ] = None
    participant: Annotated[
        str | None,
        typer.Option("--participant", help="Participant, where the connector hosts several."),
    ] = None
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Write the protocol messages exchanged meanwhile, as JSON lines without secrets.",
        ),
    ] = None

    @property
    def is_named(self) -> bool:
        """Whether anything says which connector."""
        given = (self.home, self.url)
        return any(given) or any(map(os.environ.get, ("TRUSTSPACE_URL", "TRUSTSPACE_HOME")))

    def client(self) -> AbstractContextManager[Client]:
        """Return a client of the connector, for one ``with`` block.

        Raises:
            ConfigurationError: Nothing says which connector.
            TransportError: The home's connector does not run.
        """
        found = self._client()
        return found if self.trace is None else traced(found, self.trace)

    def _client(self) -> Client:
        if self.home is not None and self.url is not None:
            msg = "--home and --url both name a connector"
            raise ConfigurationError(msg, setting="--url", hint="give one of them")
        if self.home is not None:
            return sdk.Client.of_home(self.home, participant=self.participant)
        url = self.url or os.environ.get("TRUSTSPACE_URL")
        if url is not None:
            return sdk.Client(url, self._token(), participant=self.participant)
        if home := os.environ.get("TRUSTSPACE_HOME"):
            return sdk.Client.of_home(Path(home), participant=self.participant)
        msg = "no connector is named"
        hint = "give --home HOME, or --url and --token"
        raise ConfigurationError(msg, setting="--home", hint=hint)

    def _token(self) -> str:
        token = self.token or os.environ.get("TRUSTSPACE_TOKEN")
        if not token:
            msg = "no management token is given"
            hint = "set TRUSTSPACE_TOKEN or give --token; it lies in HOME/management.token"
            raise ConfigurationError(msg, setting="--token", hint=hint)
        return token
