"""``trustspace publish FILE --id ID``: offer a file under terms."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.client.operations.publication import About
from trustspace.errors import ConfigurationError


@dataclass(frozen=True)
class Terms:
    """Terms from a file, or the commonest ones as options."""

    terms: Annotated[
        Path | None,
        typer.Option(help="JSON file: an ODRL policy or the keyword arguments of terms()."),
    ] = None
    purpose: Annotated[list[str] | None, typer.Option(help="Allowed purpose; repeatable.")] = None
    until: Annotated[str | None, typer.Option(help="Last moment of use, ISO 8601.")] = None
    count: Annotated[int | None, typer.Option(help="How many times it may be opened.")] = None
    where: Annotated[
        str | None, typer.Option(help="Rows that are delivered, e.g. 'grade = \"A\"'.")
    ] = None
    drop: Annotated[list[str] | None, typer.Option(help="Column left out; repeatable.")] = None
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL=METHOD", help="Column masked by hash, partial or null; repeatable."
        ),
    ] = None

    def document(self) -> dict[str, Any]:
        """Return the terms as they are sent.

        Raises:
            ConfigurationError: Both forms are given, or the file is no JSON object.
        """
        flags = {
            "purpose": self.purpose,
            "until": self.until,
            "count": self.count,
            "where": self.where,
            "drop": self.drop,
            "mask": [entry.replace("=", ":", 1) for entry in self.mask or ()],
        }
        given = {name: value for name, value in flags.items() if value not in (None, [])}
        if self.terms is None:
            return given
        if given:
            msg = f"--terms and --{next(iter(given))} both give terms"
            raise ConfigurationError(msg, setting="--terms", hint="write all of them in the file")
        try:
            document = json.loads(self.terms.read_bytes())
        except ValueError as error:
            msg = f"{self.terms} is not JSON: {error}"
            raise ConfigurationError(msg, setting="--terms") from error
        if not isinstance(document, dict):
            msg = f"{self.terms} holds a {type(document).__name__}, not an object"
            raise ConfigurationError(msg, setting="--terms")
        return document


@dataclass(frozen=True)
class Words:
    """What the catalogue says beside the terms."""

    title: Annotated[str | None, typer.Option(help="Words for the catalogue.")] = None
    description: Annotated[str | None, typer.Option(help="More words for the catalogue.")] = None
    keyword: Annotated[list[str] | None, typer.Option(help="Word to be found by; repeatable.")] = (
        None
    )
    creator: Annotated[str | None, typer.Option(help="Who made the data.")] = None

    def about(self) -> About:
        """Return the words that are given, but the title."""
        found = About()
        if self.description:
            found["description"] = self.description
        if self.keyword:
            found["keywords"] = self.keyword
        if self.creator:
            found["creator"] = self.creator
        return found


@command
def publish(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file, or an http(s) URL.")],
    id: Annotated[str, typer.Option("--id", help="Dataset id in the catalogue.")],  # noqa: A002
    *,
    words: Words,
    terms: Terms,
    connection: Connection,
    output: Output,
) -> None:
    """Offer a file or a URL's content under terms.

    The same again changes nothing.
    """
    document = terms.document()
    if not document:
        output.note("without terms everyone may use it for everything; see --terms and --purpose")
    with connection.client() as client:
        dataset = client.publish(file, id=id, terms=document, title=words.title, **words.about())
    if output.json:
        output.document(dataset.to_wire())
        return
    verb = "published" if dataset.changed else "unchanged"
    output.lines(f"{verb}: {dataset.id} as {' and '.join(dataset.forms)}")
    output.table(
        ("term", "enforcement"), [(label.term, label.enforcement) for label in dataset.terms]
    )
