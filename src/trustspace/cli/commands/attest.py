"""``trustspace attest DID FACT=VALUE``: what an owner vouches for about a counterparty."""

from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


@command
def attest(
    did: Annotated[str, typer.Argument(metavar="DID", help="DID of the counterparty.")],
    facts: Annotated[
        list[str],
        typer.Argument(metavar="FACT=VALUE", help="For example spatial=CN-SH."),
    ],
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Vouch for facts about a counterparty; replaces earlier ones."""
    attested = _facts(facts)
    with connection.client() as client:
        client.attest(did, attested)
    if output.json:
        output.document({"id": did, "facts": attested})
    else:
        output.lines(*(f"{name}: {value}" for name, value in attested.items()))


def _facts(given: list[str]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for each in given:
        name, _, value = each.partition("=")
        if not name or not value or name in facts:
            msg = f"{each!r} is not FACT=VALUE, or the fact is given twice"
            raise ConfigurationError(msg, setting="FACT=VALUE", hint="for example spatial=CN-SH")
        facts[name] = value
    return facts
