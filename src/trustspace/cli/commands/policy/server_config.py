"""``trustspace policy server-config``: how an OPA server is told to load the rules."""

import hashlib
import hmac
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def server_config(
    home: Annotated[
        Path, typer.Option("--home", help="Home of a running connector.", envvar="TRUSTSPACE_HOME")
    ],
    *,
    output: Output,
) -> None:
    """Print the configuration with which an OPA server loads the connector's rules.

    Use it with: opa run --server --config-file FILE
    """
    running = import_module("trustspace.client.home").RunningConnector.of_home(home)
    digest = hashlib.sha256(running.token.encode()).hexdigest()
    token = hmac.new(digest.encode(), b"policy bundle", hashlib.sha256).hexdigest()
    output.document(
        {
            "services": {
                "trustspace": {
                    "url": running.url,
                    "credentials": {"bearer": {"token": token}},
                }
            },
            "bundles": {
                "trustspace": {
                    "service": "trustspace",
                    "resource": "v1/policy/bundle.tar.gz",
                    "polling": {"min_delay_seconds": 1, "max_delay_seconds": 3},
                }
            },
        }
    )
