"""Two connectors, one table, nine steps: each one done, timed and checked.

Example::

    report = run(None, say=print)
    report.ok
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.demo.choice import PURPOSE, REFUSED_PURPOSE, Choice, choose
from trustspace.errors import PolicyDeniedError, TrustspaceError
from trustspace.local import Connector
from trustspace.policy.explain import explain
from trustspace.policy.terms import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trustspace.client.handles.handle import Handle
    from trustspace.local.connector import LocalClient

DATASET = "breast-cancer-wisconsin"
SHOWN_COLUMNS, SHOWN_ROWS = 4, 3
SETTLE_SECONDS = 10.0
"""How long the other side may take to learn of a revocation."""


@dataclass(frozen=True)
class Step:
    """One step and how it came out.

    Attributes:
        name: What it does, one word.
        ok: Whether it did that.
        seconds: How long it took.
        detail: What happened, in plain words.
    """

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass
class Report:
    """All steps, and what each side's event log says in the end."""

    steps: list[Step] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every step did what its name says."""
        return len(self.steps) == len(STEPS) and all(step.ok for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return {"ok": self.ok, "steps": [asdict(step) for step in self.steps], "logs": self.logs}


def run(file: Path | None, *, say: Callable[[Step], None]) -> Report:
    """Show one exchange.

    Args:
        file: Table to exchange; the shipped one by default.
        say: Called with each step as it ends.

    Raises:
        ConfigurationError: The file is no table, or has no numeric column.
    """
    report = Report()
    with contextlib.ExitStack() as stack:
        table = file or stack.enter_context(_shipped())
        choice = choose(table)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trustspace-demo-")))
        hospital = stack.enter_context(Connector.local("hospital", home=folder / "hospital"))
        institute = stack.enter_context(Connector.local("institute", home=folder / "institute"))
        show = _Exchange(hospital, institute, table, choice)
        stack.callback(show.close)
        for name in STEPS:
            step = _timed(name, getattr(show, name))
            report.steps.append(step)
            say(step)
            if not step.ok:
                break
        for side, client in (("hospital", hospital), ("institute", institute)):
            report.logs[side] = [f"{event.seq} {event.kind}" for event in client.events()]
    return report


class _Exchange:
    """The steps; each returns what happened, or raises when it did not happen."""

    def __init__(
        self, hospital: LocalClient, institute: LocalClient, table: Path, choice: Choice
    ) -> None:
        self._hospital = hospital
        self._institute = institute
        self._table = table
        self._choice = choice
        self._agreement_id = ""
        self._kept: Handle | None = None

    def close(self) -> None:
        """Close what is still open."""
        if self._kept is not None:
            self._kept.close()

    def published(self) -> str:
        """Publish the table under terms."""
        info = self._hospital.publish(
            self._table, id=DATASET, terms=terms(**self._choice.keywords), title=self._table.stem
        )
        _expect(info.changed, "the dataset is new")
        binding = sum(term.provider == "enforced" for term in info.terms)
        return (
            f"{self._table.name}, {self._choice.total} rows; terms: {self._choice.words}; "
            f"{binding} of {len(info.terms)} terms enforced by software"
        )

    def discovered(self) -> str:
        """Find it in the provider's catalogue."""
        found = self._institute.catalog(self._hospital.address)
        _expect(DATASET in [one.id for one in found.datasets], "the catalogue lists it")
        return f"{found.participant_id} offers {len(found.datasets)} dataset(s): {DATASET}"

    def refused(self) -> str:
        """Ask for a purpose that the terms do not allow."""
        try:
            self._institute.negotiate(self._hospital.address, DATASET, purpose=REFUSED_PURPOSE)
        except PolicyDeniedError as denied:
            why = explain(denied.reasons, remote=True)
            _expect(bool(why), "the refusal has a reason")
            return f"purpose {REFUSED_PURPOSE!r} was refused: {'; '.join(why)}"
        raise TrustspaceError("a purpose that the terms exclude was agreed")

    def agreed(self) -> str:
        """Ask for the purpose that they allow."""
        agreement = self._institute.negotiate(self._hospital.address, DATASET, purpose=PURPOSE)
        self._agreement_id = agreement.id
        _expect(agreement.state == "FINALIZED", "both sides have the agreement")
        return f"purpose {PURPOSE!r} was agreed; agreement {agreement.id}"

    def delivered(self) -> str:
        """Keep what the terms leave of the table, sealed, and read it."""
        self._institute.keep(self._agreement_id)
        with self._institute.use(self._agreement_id) as data:
            frame = data.to_polars()
        choice = self._choice
        _expect(frame.height == choice.rows, f"{choice.rows} rows arrive, found {frame.height}")
        _expect(choice.dropped not in frame.columns, f"{choice.dropped} does not arrive")
        if choice.hashed is not None:
            values = frame[choice.hashed].drop_nulls().to_list()
            _expect(all(len(value) == 64 for value in values), f"{choice.hashed} is hashed")
        preview = _preview(frame)
        return f"{frame.height} of {choice.total} rows, {frame.width} columns, sealed\n{preview}"

    def exhausted(self) -> str:
        """Use up the agreed uses, then try once more."""
        self._kept = self._institute.open(self._agreement_id)
        self._kept.to_polars()
        try:
            with self._institute.open(self._agreement_id) as data:
                data.to_polars()
        except PolicyDeniedError as denied:
            _expect("count" in str(denied.reasons), "the count is the reason")
            return f"a third use was refused: {'; '.join(explain(denied.reasons, remote=True))}"
        raise TrustspaceError("more uses than agreed were possible")

    def revoked(self) -> str:
        """Revoke the agreement at the provider; the consumer learns of it."""
        self._hospital.revoke(self._agreement_id, reason="the study has ended")
        end = time.monotonic() + SETTLE_SECONDS
        seen = 0
        while time.monotonic() < end:
            for event in self._institute.events(after=seen):
                seen = event.seq
                if event.kind == "agreement.revoked":
                    return "the provider revoked; the consumer's connector knows"
            time.sleep(0.02)
        raise TrustspaceError("the consumer did not learn of the revocation in time")

    def cut_off(self) -> str:
        """Go on with the handle that was open before the revocation."""
        if self._kept is None:
            raise TrustspaceError("no handle is open")
        try:
            self._kept.to_polars()
        except PolicyDeniedError as denied:
            _expect(denied.code.startswith("agreement."), f"the code is {denied.code}")
            return f"the open handle was refused: {denied}"
        raise TrustspaceError("data was delivered after the revocation")

    def gone(self) -> str:
        """Use what was delivered before the revocation and lies with the consumer."""
        try:
            with self._institute.use(self._agreement_id) as data:
                data.to_polars()
        except PolicyDeniedError as denied:
            why = str(denied)
        else:
            raise TrustspaceError("what was kept was used after the revocation")
        end = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < end:
            for event in self._institute.timeline(self._agreement_id):
                if event.kind == "sealed.deleted":
                    objects = event.body["objects"]
                    return f"a use at the consumer was refused: {why}; {objects} sealed files gone"
            time.sleep(0.02)
        raise TrustspaceError("what was kept was not deleted in time")


STEPS = (
    "published",
    "discovered",
    "refused",
    "agreed",
    "delivered",
    "exhausted",
    "revoked",
    "cut_off",
    "gone",
)


def _timed(name: str, act: Callable[[], str]) -> Step:
    start = time.perf_counter()
    try:
        ok, detail = True, act()
    except TrustspaceError as error:
        ok, detail = False, f"{type(error).__name__}: {error} {error.hint}".strip()
    return Step(name, ok, round(time.perf_counter() - start, 4), detail)


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise TrustspaceError(f"expected that {what}")


def _preview(frame: Any) -> str:  # noqa: ANN401 - a data frame of an extra
    import polars as pl  # noqa: PLC0415 - an extra

    with pl.Config(tbl_cols=SHOWN_COLUMNS, tbl_rows=SHOWN_ROWS, fmt_str_lengths=12):
        return str(frame.head(SHOWN_ROWS))


@contextlib.contextmanager
def _shipped() -> Iterator[Path]:
    """Yield the shipped table as a file, also from a zipped package."""
    source = resources.files("trustspace.demo") / "data" / "breast_cancer_wisconsin.csv"
    with resources.as_file(source) as path:
        yield path
