"""``trustspace publish FILE --id ID``: offer a file under terms."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.cli.terms_file import TERMS_HELP, read_terms_file
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from trustspace.client.operations.publication import About

Answering = Literal["automatic", "approval", "counter"]


@dataclass(frozen=True)
class Obligations:
    """What the terms oblige to, as options."""

    pay: Annotated[
        str | None, typer.Option(metavar="'500 CNY'", help="What is paid before the first use.")
    ] = None
    consent: Annotated[bool, typer.Option("--consent", help="Consent is obtained first.")] = False
    delete_after: Annotated[
        str | None, typer.Option(metavar="P30D", help="Copies are deleted so long after a use.")
    ] = None
    report: Annotated[
        str | None, typer.Option(metavar="P7D", help="Uses are reported within this time.")
    ] = None
    inform: Annotated[
        str | None, typer.Option(metavar="PT1H", help="Each use is told within this time.")
    ] = None
    notify: Annotated[bool, typer.Option("--notify", help="We send a notice of each use.")] = False
    attribute: Annotated[
        str | None, typer.Option(metavar="WHOM", help="Whom the data is attributed to.")
    ] = None
    log: Annotated[bool, typer.Option("--log", help="Each use is logged.")] = False

    def keywords(self) -> dict[str, Any]:
        """Return them as keywords of terms."""
        return {field.name: getattr(self, field.name) for field in fields(Obligations)}


@dataclass(frozen=True)
class Terms(Obligations):
    """Terms from a file, or the commonest ones as options."""

    terms: Annotated[
        Path | None,
        typer.Option(help=TERMS_HELP),
    ] = None
    purpose: Annotated[list[str] | None, typer.Option(help="Allowed purpose; repeatable.")] = None
    until: Annotated[str | None, typer.Option(help="Last moment of use, ISO 8601.")] = None
    count: Annotated[int | None, typer.Option(help="How many times it may be opened.")] = None
    frequency: Annotated[
        list[str] | None,
        typer.Option(metavar="N/WINDOW", help="Uses per window, e.g. 100/P1D; repeatable."),
    ] = None
    rows: Annotated[
        list[str] | None,
        typer.Option(metavar="N[/WINDOW]", help="Rows, in all or per window; repeatable."),
    ] = None
    size: Annotated[
        list[str] | None,
        typer.Option(metavar="SIZE[/WINDOW]", help="Bytes, e.g. 10GB or 1GB/P1D; repeatable."),
    ] = None
    metered: Annotated[
        str | None, typer.Option(help="How long deliveries may run, summed, e.g. PT8H.")
    ] = None
    elapsed: Annotated[
        str | None, typer.Option(help="How long from the first use on, e.g. P30D.")
    ] = None
    where: Annotated[
        str | None, typer.Option(help="Rows that are delivered, e.g. 'grade = \"A\"'.")
    ] = None
    drop: Annotated[list[str] | None, typer.Option(help="Column left out; repeatable.")] = None
    mask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL=METHOD",
            help="Column masked by hash, tokenise, redact_pii, partial, round …; repeatable.",
        ),
    ] = None

    def document(self) -> dict[str, Any]:
        """Return the terms as they are sent, with what they oblige to.

        Raises:
            ConfigurationError: Both forms are given, or the file is no JSON object.
        """
        flags = {
            "purpose": self.purpose,
            "until": self.until,
            "count": self.count,
            "frequency": self.frequency,
            "rows": self.rows,
            "size": self.size,
            "metered": self.metered,
            "elapsed": self.elapsed,
            "where": self.where,
            "drop": self.drop,
            "mask": [_mask(entry) for entry in self.mask or ()],
        }
        flags |= self.keywords()
        given = {name: value for name, value in flags.items() if value not in (None, [], False)}
        if self.terms is None:
            return given
        if given:
            msg = f"--terms and --{next(iter(given)).replace('_', '-')} both give terms"
            raise ConfigurationError(msg, setting="--terms", hint="write all of them in the file")
        return read_terms_file(self.terms)


def _mask(entry: str) -> str:
    """Return a mask as terms write it; an equals sign within parentheses is a parameter's."""
    before, opening, params = entry.partition("(")
    return before.replace("=", ":", 1) + opening + params


@dataclass(frozen=True)
class Words:
    """What the catalogue says beside the terms, and how requests are answered."""

    title: Annotated[str | None, typer.Option(help="Words for the catalogue.")] = None
    description: Annotated[str | None, typer.Option(help="More words for the catalogue.")] = None
    keyword: Annotated[list[str] | None, typer.Option(help="Word to be found by; repeatable.")] = (
        None
    )
    creator: Annotated[str | None, typer.Option(help="Who made the data.")] = None
    negotiation: Annotated[
        Answering,
        typer.Option(
            help="How requests are answered: automatic, by policy alone; approval, by a person "
            "once policy allows it; counter, with the offer when they ask for more."
        ),
    ] = "automatic"
    rounds: Annotated[
        int | None,
        typer.Option(min=0, max=100, help="How often one is answered with the offer; 3 without."),
    ] = None
    accept_contractual: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TERM",
            help="A term that may be a promise and nothing more, e.g. distribute; repeatable.",
        ),
    ] = None

    watermark: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help='How copies are told apart: \'{"identity": ["id"], "steps": {"price": "0.01"}}\'.',
        ),
    ] = None

    def about(self) -> "About":
        """Return the words that are given, but the title, and how requests are answered."""
        found: About = {"negotiation": self.negotiation}
        if self.rounds is not None:
            found["rounds"] = self.rounds
        if self.description:
            found["description"] = self.description
        if self.keyword:
            found["keywords"] = self.keyword
        if self.creator:
            found["creator"] = self.creator
        if self.accept_contractual:
            found["accept_contractual"] = self.accept_contractual
        if self.watermark:
            found["watermark"] = _json(self.watermark)
        return found


@dataclass(frozen=True)
class Interface:
    """An interface that consumers call, instead of a file."""

    api: Annotated[
        str | None, typer.Option(metavar="URL", help="Offer calls below this URL, not a file.")
    ] = None
    method: Annotated[
        list[str] | None, typer.Option(help="Method that may be called, GET without; repeatable.")
    ] = None
    path: Annotated[
        list[str] | None,
        typer.Option(help="Path that may be called, e.g. /score or '/models/*'; repeatable."),
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="Header for the server behind; repeatable."),
    ] = None

    def source(self, file: str | None) -> str | dict[str, Any]:
        """Return what is published.

        Raises:
            ConfigurationError: Neither a file nor an interface is given, or both are.
        """
        if (file is None) == (self.api is None):
            msg = "one of FILE and --api says what is offered"
            raise ConfigurationError(msg, setting="FILE", hint="give one of them")
        if self.api is None:
            if self.method or self.path or self.header:
                msg = "--method, --path and --header are about an interface"
                raise ConfigurationError(msg, setting="--api", hint="give --api URL")
            return str(file)
        headers = dict(_header(entry) for entry in self.header or ())
        more = {"headers": headers, "methods": self.method, "paths": self.path}
        given = {name: value for name, value in more.items() if value}
        return {"kind": "api", "url": self.api} | given


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        msg = f"{text[:100]!r} is no JSON object"
        raise ConfigurationError(msg, setting="--watermark", hint="see trustspace publish --help")
    return document


def _header(entry: str) -> tuple[str, str]:
    name, colon, value = entry.partition(":")
    if not colon:
        msg = f"{name!r} is not a header"
        raise ConfigurationError(msg, setting="--header", hint="write it as NAME:VALUE")
    return name.strip(), value.strip()


@command
def publish(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A file, or an http(s) URL.")
    ] = None,
    *,
    id: Annotated[str, typer.Option("--id", help="Dataset id in the catalogue.")],  # noqa: A002
    interface: Interface,
    words: Words,
    terms: Terms,
    connection: Connection,
    output: Output,
) -> None:
    """Offer a file, a URL or an interface under terms.

    The same again changes nothing.
    """
    document = terms.document()
    source = interface.source(file)
    if not document:
        output.note("without terms everyone may use it for everything; see --terms and --purpose")
    with connection.client() as client:
        dataset = client.publish(source, id=id, terms=document, title=words.title, **words.about())
    if output.json:
        output.document(dataset.to_wire())
        return
    verb = "published" if dataset.changed else "unchanged"
    output.lines(f"{verb}: {dataset.id} as {' and '.join(dataset.forms)}")
    output.table(
        ("term", "provider", "consumer"),
        [(label.term, label.provider, label.consumer) for label in dataset.terms],
    )
