"""Which step the owner takes, by subject, state and visit; everything else rests.

A visit counts how often one process has come to a state, so that a second run of a case begins
anew. Every step is one that `trustspace.connector.owner_steps` takes for any owner.

Example::

    step_of("ACN0102", Role.PROVIDER, NegotiationState.REQUESTED, visit=1)  # 'offer'
    step_of("ACN0102", Role.PROVIDER, NegotiationState.REQUESTED, visit=2)  # 'terminate'
    step_of("ACN0202", Role.PROVIDER, NegotiationState.REQUESTED, visit=1)  # None
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.model.participant import Role
from trustspace.testing.tck.cases import (
    CONSUMED_NEGOTIATIONS,
    CONSUMED_TRANSFERS,
    PROVIDED_NEGOTIATIONS,
    PROVIDED_TRANSFERS,
    Group,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

State = NegotiationState | TransferState


class Moment(NamedTuple):
    """When a step is taken; without a visit, at every one."""

    subject: str
    role: Role
    state: State
    visit: int | None


class Rows(NamedTuple):
    """Cases that take the same step in the same state.

    Attributes:
        cases: Their numbers, each with ``#visit`` where the step belongs to one visit only.
    """

    group: Group
    role: Role
    state: State
    step: str
    cases: str

    def moments(self) -> Iterator[Moment]:
        """Yield the moments at which the step is taken."""
        for case in self.cases.split():
            number, _, visit = case.partition("#")
            subject = f"{self.group.subject}{number}"
            yield Moment(subject, self.role, self.state, int(visit) if visit else None)


_N, _T = NegotiationState, TransferState
_OFFERING = (PROVIDED_NEGOTIATIONS, Role.PROVIDER)
_ASKING = (CONSUMED_NEGOTIATIONS, Role.CONSUMER)
_GIVING = (PROVIDED_TRANSFERS, Role.PROVIDER)
_TAKING = (CONSUMED_TRANSFERS, Role.CONSUMER)

SCRIPT: Final[tuple[Rows, ...]] = (
    Rows(
        *_OFFERING,
        _N.REQUESTED,
        "offer",
        "0101 0102#1 0103 0204 0205 0206 0302 0303 0304#1",
    ),
    Rows(*_OFFERING, _N.REQUESTED, "agree", "0104 0203 0207 0301"),
    Rows(*_OFFERING, _N.REQUESTED, "terminate", "0102#2 0201"),
    Rows(*_OFFERING, _N.OFFERED, "terminate", "0205"),
    Rows(*_OFFERING, _N.ACCEPTED, "agree", "0103"),
    Rows(*_OFFERING, _N.ACCEPTED, "terminate", "0206"),
    Rows(*_OFFERING, _N.VERIFIED, "finalize", "0103 0104 0301"),
    Rows(*_OFFERING, _N.VERIFIED, "terminate", "0207"),
    Rows(*_ASKING, _N.REQUESTED, "terminate", "0202"),
    Rows(*_ASKING, _N.OFFERED, "accept", "0101 0205 0304 0305 0306"),
    Rows(*_ASKING, _N.OFFERED, "counter", "0102"),
    Rows(*_ASKING, _N.OFFERED, "terminate", "0103"),
    Rows(*_ASKING, _N.AGREED, "verify", "0101 0104 0206"),
    Rows(*_ASKING, _N.AGREED, "terminate", "0203"),
    Rows(
        *_GIVING,
        _T.REQUESTED,
        "start",
        "0101 0102 0103 0104 0201 0202 0203 0204 0303 0304 0305 0306",
    ),
    Rows(*_GIVING, _T.REQUESTED, "terminate", "0105"),
    Rows(*_GIVING, _T.STARTED, "terminate", "0101"),
    Rows(*_GIVING, _T.STARTED, "complete", "0102 0104#2"),
    Rows(*_GIVING, _T.STARTED, "suspend", "0103 0104#1"),
    Rows(*_GIVING, _T.SUSPENDED, "terminate", "0103"),
    Rows(*_GIVING, _T.SUSPENDED, "start", "0104"),
    Rows(*_TAKING, _T.REQUESTED, "terminate", "0205"),
    Rows(*_TAKING, _T.STARTED, "terminate", "0201"),
    Rows(*_TAKING, _T.STARTED, "complete", "0202 0204#2"),
    Rows(*_TAKING, _T.STARTED, "suspend", "0203 0204#1"),
    Rows(*_TAKING, _T.SUSPENDED, "terminate", "0203"),
    Rows(*_TAKING, _T.SUSPENDED, "start", "0204"),
)
"""The steps that the kit's cases need."""

STEPS: Final[Mapping[Moment, str]] = MappingProxyType(
    {moment: rows.step for rows in SCRIPT for moment in rows.moments()}
)


def step_of(subject: str, role: Role, state: State, *, visit: int) -> str | None:
    """Return the step to take, or None to rest.

    Args:
        subject: Id of the negotiation's dataset or of the transfer's agreement.
        role: The side we play.
        state: The state that was reached.
        visit: How often this process has reached it, 1 the first time.
    """
    moments = (Moment(subject, role, state, number) for number in (visit, None))
    return next((STEPS[moment] for moment in moments if moment in STEPS), None)
