"""The program ``trustspace``: its commands, and what happens when one fails unforeseen.

Example::

    trustspace init garden-home --name garden
    trustspace serve --home garden-home
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from trustspace._version import __version__
from trustspace.cli.commands.agreements import agreements
from trustspace.cli.commands.approvals import approvals
from trustspace.cli.commands.attest import attest
from trustspace.cli.commands.call import call
from trustspace.cli.commands.catalog import catalog
from trustspace.cli.commands.crawl import crawl
from trustspace.cli.commands.datasets import datasets
from trustspace.cli.commands.demo import demo
from trustspace.cli.commands.dialect import dialect
from trustspace.cli.commands.doctor import doctor
from trustspace.cli.commands.duties import duties
from trustspace.cli.commands.end import end, give_up
from trustspace.cli.commands.events import events
from trustspace.cli.commands.explain import explain
from trustspace.cli.commands.index import index
from trustspace.cli.commands.init import init
from trustspace.cli.commands.keys import keys
from trustspace.cli.commands.negotiate import negotiate
from trustspace.cli.commands.negotiations import negotiations
from trustspace.cli.commands.offer import offer
from trustspace.cli.commands.open import open_
from trustspace.cli.commands.participants import participants
from trustspace.cli.commands.policy import policy
from trustspace.cli.commands.publish import publish
from trustspace.cli.commands.receive import receive
from trustspace.cli.commands.replay import replay
from trustspace.cli.commands.revoke import revoke
from trustspace.cli.commands.serve import serve
from trustspace.cli.commands.terms import terms
from trustspace.cli.commands.timeline import timeline
from trustspace.cli.commands.transfers import (
    complete,
    release,
    resume,
    suspend,
    terminate,
    transfers,
)
from trustspace.cli.commands.unpublish import unpublish
from trustspace.cli.commands.version import version
from trustspace.cli.commands.watermark import watermark

app: typer.Typer = typer.Typer(
    name="trustspace",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs 0.3 s of import, which --help should not take
    help="Publish data under a policy, agree, exchange, prove it.",
)

for _name, _function in {
    "demo": demo,
    "init": init,
    "serve": serve,
    "publish": publish,
    "unpublish": unpublish,
    "datasets": datasets,
    "catalog": catalog,
    "crawl": crawl,
    "index": index,
    "negotiate": negotiate,
    "negotiations": negotiations,
    "agreements": agreements,
    "offer": offer,
    "open": open_,
    "receive": receive,
    "call": call,
    "timeline": timeline,
    "transfers": transfers,
    "suspend": suspend,
    "resume": resume,
    "release": release,
    "complete": complete,
    "terminate": terminate,
    "end": end,
    "give-up": give_up,
    "revoke": revoke,
    "terms": terms,
    "explain": explain,
    "events": events,
    "participants": participants,
    "attest": attest,
    "dialect": dialect,
    "doctor": doctor,
    "replay": replay,
    "version": version,
}.items():
    app.command(_name)(_function)
app.add_typer(policy)
app.add_typer(approvals)
app.add_typer(duties)
app.add_typer(keys)
app.add_typer(watermark)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print it and exit."
        ),
    ] = False,
) -> None:
    """Publish data under a policy, agree, exchange, prove it."""


def main() -> None:
    """Run the command line; ends the process.

    Exit codes are listed in `trustspace.cli.exit_code`. Nothing prints a traceback unless
    ``TRUSTSPACE_TRACEBACK`` is set.
    """
    try:
        app(prog_name="trustspace")
    except Exception as error:
        if os.environ.get("TRUSTSPACE_TRACEBACK"):
            raise
        typer.echo(
            f"{type(error).__name__}: {error}; this is a fault of trustspace: "
            "set TRUSTSPACE_TRACEBACK=1, try again and report what is printed",
            err=True,
        )
        sys.exit(1)
