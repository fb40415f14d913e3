"""``trustspace doctor ADDRESS``: why an exchange with somebody does not work."""

import os
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trustspace import client as sdk
from trustspace.cli.command import command, load
from trustspace.cli.connection import Connection
from trustspace.cli.exit_code import OTHER_SIDE, WRONG_USAGE
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from trustspace.client.diagnosis import Finding


class Language(StrEnum):
    """A language of the findings."""

    EN = "en"
    ZH = "zh"


class As(StrEnum):
    """As what a counterparty is examined."""

    PROVIDER = "provider"
    CONSUMER = "consumer"


CONCLUSIONS = {
    Language.EN: ("nothing is in the way", "in the way: {}"),
    Language.ZH: ("没有发现障碍", "存在障碍：{}"),  # noqa: RUF001 - as Chinese is written
}


@command
def doctor(
    address: Annotated[
        str | None, typer.Argument(help="Root URL or DID of the counterparty.")
    ] = None,
    role: Annotated[
        As, typer.Option("--as", help="As what the counterparty is examined.")
    ] = As.PROVIDER,
    negotiate: Annotated[
        bool, typer.Option("--negotiate", help="Open a negotiation and end it at once.")
    ] = False,
    own: Annotated[
        bool, typer.Option("--self", help="Examine the own home instead; needs --home.")
    ] = False,
    language: Annotated[Language, typer.Option(help="Language of the findings.")] = Language.EN,
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Find out why an exchange with somebody does not work.

    Without a connector named, everything but the identity is examined. Exits with 4 when an
    exchange would not work, and with 2 when the own home is at fault.
    """
    if own is (address is not None):
        msg = "the doctor examines either a counterparty or the own home"
        raise ConfigurationError(msg, setting="ADDRESS", hint="give an ADDRESS, or --self")
    found: list[Finding] = []

    def tell(finding: "Finding") -> None:
        found.append(finding)
        if not output.json:
            output.lines(*_words(finding))

    def tell_own(finding: Any) -> None:  # noqa: ANN401 - of a module that is loaded late
        tell(sdk.Finding.read(finding.shown(language.value)))

    if own:
        _own(connection, tell_own)
    elif connection.is_named:
        with connection.client() as client:
            client.diagnose(
                str(address),
                role=role.value,
                negotiate=negotiate,
                language=language.value,
                tell=tell,
            )
    else:
        module = load("trustspace.connector.doctor.alone", feature="doctor", extra="connector")
        role_type = import_module("trustspace.model.participant").Role
        module.examine_alone(str(address), role=role_type(role.value), listener=tell_own)
    _conclude(found, WRONG_USAGE if own else OTHER_SIDE, output, language)


def _own(connection: Connection, listener: Any) -> None:  # noqa: ANN401 - a function
    home = connection.home or os.environ.get("TRUSTSPACE_HOME")
    if home is None:
        msg = "no home is named"
        raise ConfigurationError(msg, setting="--home", hint="give --home HOME")
    module = load("trustspace.connector.doctor.home", feature="doctor --self", extra="connector")
    module.examine_home(Path(home), listener=listener)


def _conclude(found: "list[Finding]", code: int, output: Output, language: Language) -> None:
    is_well = all(finding.severity != "error" for finding in found)
    if output.json:
        findings = [_document(finding) for finding in found]
        output.document({"well": is_well, "findings": findings})
    else:
        worst = [finding.id for finding in found if finding.severity == "error"]
        well, bad = CONCLUSIONS[language]
        output.note(well if is_well else bad.format(", ".join(worst)))
    if not is_well:
        raise typer.Exit(code)


def _document(finding: "Finding") -> dict[str, str]:
    names = ("id", "severity", "expected", "found", "advice")
    return {name: getattr(finding, name) for name in names}


def _words(finding: "Finding") -> list[str]:
    lines = [f"{finding.severity:<8}{finding.id:<24}{finding.found}"]
    if finding.severity in ("warning", "error"):
        lines.append(f"{'':8}expected: {finding.expected}")
    if finding.advice:
        lines.append(f"{'':8}{finding.advice}")
    return lines
