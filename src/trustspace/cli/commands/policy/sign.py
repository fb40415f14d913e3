"""``trustspace policy sign`` and ``policy verify``: whose module it is, and whether it is whole."""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output

BUNDLE = typer.Argument(metavar="BUNDLE", help="A module, as policy build writes it.")
SCOPE = typer.Option(help="What the module is for, for example the name of a site.")


@dataclass(frozen=True)
class Stated:
    """What a signature says beside when it expires."""

    serial: Annotated[
        int | None,
        typer.Option(help="Grows with each module that is let out; default: seconds since 1970."),
    ] = None
    scope: Annotated[str, SCOPE] = ""
    key_id: Annotated[str, typer.Option(help="Name of the key.")] = ""
    issuer: Annotated[str, typer.Option(help="Who signs, for example a DID.")] = ""


@command
def sign(
    bundle: Annotated[Path, BUNDLE],
    key: Annotated[Path, typer.Option(help="Private key in PEM: Ed25519, P-256, P-384 or RSA.")],
    expires: Annotated[
        str, typer.Option(help="Until when it may be taken: 2027-01-01, a time, or P90D from now.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; default: BUNDLE itself.")
    ] = None,
    *,
    stated: Stated,
    output: Output,
) -> None:
    """Sign a module in OPA's form; OPA verifies it with --verification-key."""
    signing = import_module("trustspace.cli.commands.policy.signing")
    signing.sign_file((bundle, out or bundle), key, expires, stated, output)


@command
def verify(
    bundle: Annotated[Path, BUNDLE],
    key: Annotated[Path, typer.Option(help="Public key in PEM.")],
    scope: Annotated[str, SCOPE] = "",
    after: Annotated[
        int,
        typer.Option(metavar="SERIAL", help="Serial of the module before; an older is refused."),
    ] = 0,
    at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"],
            help="When it is to be taken; without a zone UTC. Default: now.",
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """Check a module's signature, expiry, serial and files, and that its parts are of one build."""
    signing = import_module("trustspace.cli.commands.policy.signing")
    signing.verify_file(bundle, key, (scope, after, at), output)
