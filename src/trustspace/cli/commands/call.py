"""``trustspace call AGREEMENT PATH``: call the interface of an agreement once."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.exit_code import OTHER_SIDE
from trustspace.cli.output import Output

if TYPE_CHECKING:
    from trustspace.client.calling import CallOptions


@command
def call(
    agreement: Annotated[str, typer.Argument(help="Agreement id.")],
    path: Annotated[
        str, typer.Argument(help="Path below the interface's base, e.g. /score.")
    ] = "/",
    method: Annotated[str, typer.Option("-X", "--method", help="HTTP method.")] = "GET",
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Body; the method is POST then unless given.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Query; repeatable.")
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Call the interface of an agreement; each call is one use."""
    options: CallOptions = {}
    if param:
        named = [entry.partition("=") for entry in param]
        options["params"] = {name: value for name, _, value in named}
    if data is not None:
        options["content"] = data.encode()
        options["headers"] = {"Content-Type": "application/json"}
        method = "POST" if method == "GET" else method
    with connection.client() as client, client.open(agreement) as interface:
        answer = interface.call(method, path, **options)
    if output.json:
        try:
            body = json.loads(answer.body)
        except ValueError:
            body = answer.body.decode("utf-8", "replace")
        output.document(
            {
                "status": answer.status,
                "type": answer.headers.get("content-type"),
                "body": body,
            }
        )
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()
    if answer.status >= 400:
        output.note(f"the interface answered {answer.status}")
        raise typer.Exit(OTHER_SIDE)
