"""``trustspace duties …``: what is owed under agreements, and evidence that it was done."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trustspace.cli.command import command
from trustspace.cli.connection import Connection
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError, NotFoundError

if TYPE_CHECKING:
    from trustspace.client.duty import Duty, ProofOptions

AgreementId = Annotated[str, typer.Argument(metavar="AGREEMENT", help="Agreement id.")]
DutyId = Annotated[str, typer.Argument(metavar="DUTY", help="Id of the duty, for example d1.")]
Language = Annotated[Literal["en", "zh"], typer.Option(help="Language of the words.")]


@dataclass(frozen=True)
class Told:
    """What is said of evidence beside its id."""

    amount: Annotated[str | None, typer.Option(help="What was paid, for example 500.")] = None
    unit: Annotated[str | None, typer.Option(help="Its currency, for example CNY.")] = None
    occurrence: Annotated[
        str | None, typer.Option(help="Which occurrence, where several are owed.")
    ] = None
    at: Annotated[str | None, typer.Option(help="When it was done, ISO 8601 with zone.")] = None

    def options(self) -> "ProofOptions":
        """Return it as the client takes it.

        Raises:
            ConfigurationError: The time has no zone.
        """
        found: ProofOptions = {
            "amount": self.amount,
            "unit": self.unit,
            "occurrence": self.occurrence,
        }
        if self.at is not None:
            found["at"] = _moment(self.at)
        return found


duties: typer.Typer = typer.Typer(
    name="duties",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="See what is owed under agreements, and prove it.",
)


@command
def list_(
    agreement: Annotated[
        str | None, typer.Option(help="Only what is owed under this agreement.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(help="open, overdue, failed, fulfilled, remedied; owed: what is not settled."),
    ] = None,
    language: Language = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """List what is and was owed: by whom, until when, how it stands."""
    with connection.client() as client:
        found = client.duties(agreement, state=state, language=language)
    if output.json:
        output.document([duty.to_wire() for duty in found])
        return
    output.table(
        ("agreement", "duty", "for", "state", "due", "in words"),
        [
            (
                duty.agreement,
                duty.duty,
                duty.occurrence or None,
                duty.state,
                None if duty.due is None else f"{duty.due:%Y-%m-%d %H:%M:%S}Z",
                duty.words,
            )
            for duty in found
        ],
    )


@command
def show(
    agreement: AgreementId,
    duty: DutyId,
    language: Language = "en",
    *,
    connection: Connection,
    output: Output,
) -> None:
    """Show one duty: each time that it was owed, with the evidence."""
    with connection.client() as client:
        every = client.duties(agreement, language=language)
    found = [each for each in every if each.duty == duty]
    if not found:
        raise NotFoundError(
            f"nothing is owed under {duty!r}",
            hint=f"trustspace duties list --agreement {agreement}",
        )
    if output.json:
        output.document([each.to_wire() for each in found])
        return
    for each in found:
        _show(each, output)


@command
def fulfil(
    agreement: AgreementId,
    duty: DutyId,
    *,
    evidence: Annotated[str, typer.Option(help="Id or reference, e.g. the receipt's number.")],
    told: Told,
    connection: Connection,
    output: Output,
) -> None:
    """Give evidence that a duty was done: confirm a payment or a consent, or claim one."""
    with connection.client() as client:
        found = client.fulfil(agreement, duty, evidence, **told.options())
    if output.json:
        output.document(found.to_wire())
    else:
        _show(found, output)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - has no zone, hence is refused
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"{text!r} is no time with a zone",
            setting="--at",
            hint="write it as 2026-12-01T10:00:00+08:00",
        )
    return moment


def _show(duty: "Duty", output: Output) -> None:
    output.lines(f"{duty.state}: {duty.duty} {duty.occurrence}".rstrip(), f"  {duty.words}")
    if duty.evidence is not None:
        shown = " ".join(
            f"{name}={fact['value']} {fact.get('unit', '')}".rstrip()
            for name, fact in duty.evidence.facts.items()
        )
        output.lines(f"  evidence {duty.evidence.id} by {duty.evidence.by} {shown}".rstrip())
    if duty.error:
        output.lines(f"  {duty.error}")


for _name, _function in {"list": list_, "show": show, "fulfil": fulfil}.items():
    duties.command(_name)(_function)
