"""``trustspace catalog ADDRESS``: what a counterparty offers to us."""

import re
from typing import Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError

_SIGNS = {"!=": "neq", "<=": "lteq", ">=": "gteq", "=": "eq", "~": "contains", "<": "lt", ">": "gt"}
_CRITERION = re.compile(r"([A-Za-z][\w.:/#-]*)\s*(!=|<=|>=|=|~|<|>)\s*(.*)", re.DOTALL)


def criterion(text: str) -> dict[str, Any]:
    """Read ``keyword=roses``, ``title~rose`` or ``byteSize<1000``.

    Raises:
        ConfigurationError: It is none of these.
    """
    found = _CRITERION.fullmatch(text)
    if found is None:
        raise ConfigurationError(
            f"{text!r} is no criterion",
            setting="--filter",
            hint="write FIELD=VALUE; != < <= > >= compare, ~ finds a part of a text",
        )
    field, sign, value = found.groups()
    return {"field": field, "op": _SIGNS[sign], "value": value}


@command
def catalog(
    address: Annotated[str, typer.Argument(help="Root URL or DID of the counterparty.")],
    limit: Annotated[int | None, typer.Option(help="Most datasets to show.")] = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="FIELD=VALUE",
            help="Only these, e.g. keyword=roses, title~rose, policy.purpose=research; repeatable.",
        ),
    ] = None,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show what a counterparty offers to us."""
    criteria = [criterion(text) for text in filter_ or ()]
    with connection.client() as client:
        found = client.catalog(address, limit=limit, filter=criteria)
    if output.json:
        datasets = [dataset.to_wire() for dataset in found.datasets]
        output.document(found.to_wire() | {"datasets": datasets})
        return
    output.table(
        ("dataset", "title", "formats", "offer"),
        [
            (item.id, item.title, ",".join(item.formats), item.offers[0].id if item.offers else "")
            for item in found.datasets
        ],
    )
    for each in found.skipped:
        output.note(f"skipped {each.get('id') or 'a dataset without id'}: {each.get('reason')}")
