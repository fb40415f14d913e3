"""``trustspace attest DID FACT=VALUE``: what an owner vouches for about a counterparty."""

from typing import Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


@command
def attest(
    did: Annotated[str, typer.Argument(metavar="DID", help="DID of the counterparty.")],
    facts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FACT=VALUE[,VALUE]",
            help="For example spatial=CN-SH, cx:Membership=active or groups=gold,pilot."
            " Without any, what is attested is shown.",
        ),
    ] = None,
    *,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Until when they stand, for example 2027-01-01T00:00:00Z."
        ),
    ] = None,
    revocation: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Id of the credential that they hang on."),
    ] = None,
    connection: Connection,
    output: Output,
) -> None:
    """Vouch for facts about a counterparty; replaces earlier ones."""
    more = {"until": until, "revocation": revocation}
    stated = _facts(facts or [], {name: text for name, text in more.items() if text})
    with connection.client() as client:
        shown = client.attest(did, stated) if stated else client.attested(did)
    if output.json:
        output.document({"id": did, "facts": shown.facts})
    else:
        output.lines(*(f"{name}: {_words(fact)}" for name, fact in shown.facts.items()))


def _facts(given: list[str], more: dict[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for each in given:
        name, _, text = each.partition("=")
        if not name or not text or name in facts:
            msg = f"{each!r} is not FACT=VALUE, or the fact is given twice"
            raise ConfigurationError(msg, setting="FACT=VALUE", hint="for example spatial=CN-SH")
        value = text.split(",") if "," in text else text
        facts[name] = {"value": value, **more} if more else value
    return facts


def _words(fact: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(fact, dict):
        return ", ".join(map(str, fact)) if isinstance(fact, list) else str(fact)
    value = _words(fact.get("value"))
    more = ", ".join(f"{name} {fact[name]}" for name in ("until", "revocation") if name in fact)
    return f"{value} ({more})" if more else value
