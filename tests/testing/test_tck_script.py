"""The script names steps that any owner can take, in states in which they can be taken."""

from __future__ import annotations

import pytest

from trustspace.dsp.messages import NegotiationState, TransferState
from trustspace.model.participant import Role
from trustspace.testing.tck.cases import (
    CATALOGUE,
    CONSUMED_NEGOTIATIONS,
    CONSUMED_TRANSFERS,
    PROVIDED_NEGOTIATIONS,
    PROVIDED_TRANSFERS,
)
from trustspace.testing.tck.script import SCRIPT, STEPS, State, step_of

N, T = NegotiationState, TransferState

LEGAL_NEGOTIATION = {
    (Role.PROVIDER, N.REQUESTED): {"offer", "agree", "terminate"},
    (Role.PROVIDER, N.OFFERED): {"terminate"},
    (Role.PROVIDER, N.ACCEPTED): {"agree", "terminate"},
    (Role.PROVIDER, N.VERIFIED): {"finalize", "terminate"},
    (Role.CONSUMER, N.REQUESTED): {"terminate"},
    (Role.CONSUMER, N.OFFERED): {"accept", "counter", "terminate"},
    (Role.CONSUMER, N.AGREED): {"verify", "terminate"},
}
LEGAL_TRANSFER = {
    (Role.PROVIDER, T.REQUESTED): {"start", "terminate"},
    (Role.CONSUMER, T.REQUESTED): {"terminate"},
    (Role.PROVIDER, T.STARTED): {"suspend", "complete", "terminate"},
    (Role.CONSUMER, T.STARTED): {"suspend", "complete", "terminate"},
    (Role.PROVIDER, T.SUSPENDED): {"start", "terminate"},
    (Role.CONSUMER, T.SUSPENDED): {"start", "terminate"},
}


@pytest.mark.parametrize(
    ("subject", "role", "state", "visit", "step"),
    [
        ("ACN0101", Role.PROVIDER, N.REQUESTED, 1, "offer"),
        ("ACN0101", Role.PROVIDER, N.REQUESTED, 2, "offer"),
        ("ACN0102", Role.PROVIDER, N.REQUESTED, 1, "offer"),
        ("ACN0102", Role.PROVIDER, N.REQUESTED, 2, "terminate"),
        ("ACN0102", Role.PROVIDER, N.REQUESTED, 3, None),
        ("ACN0304", Role.PROVIDER, N.REQUESTED, 2, None),
        ("ACN0202", Role.PROVIDER, N.REQUESTED, 1, None),
        ("ACN0101", Role.CONSUMER, N.REQUESTED, 1, None),
        ("ACNC0102", Role.CONSUMER, N.OFFERED, 1, "counter"),
        ("ATP0104", Role.PROVIDER, T.STARTED, 1, "suspend"),
        ("ATP0104", Role.PROVIDER, T.STARTED, 2, "complete"),
        ("ATPC0204", Role.CONSUMER, T.SUSPENDED, 1, "start"),
        ("roses", Role.PROVIDER, N.REQUESTED, 1, None),
    ],
)
def test_a_step_by_subject_state_and_visit(
    subject: str, role: Role, state: State, visit: int, step: str | None
) -> None:
    assert step_of(subject, role, state, visit=visit) == step


def test_every_step_is_legal_where_it_is_taken() -> None:
    for moment, step in STEPS.items():
        role, state = moment.role, moment.state
        if isinstance(state, T):
            assert step in LEGAL_TRANSFER[role, state], moment
        else:
            assert step in LEGAL_NEGOTIATION[role, state], moment


def test_no_moment_is_there_twice() -> None:
    assert sum(len(rows.cases.split()) for rows in SCRIPT) == len(STEPS)


def test_every_subject_is_one_of_a_case() -> None:
    groups = (
        *(PROVIDED_NEGOTIATIONS, CONSUMED_NEGOTIATIONS),
        *(PROVIDED_TRANSFERS, CONSUMED_TRANSFERS),
    )
    known = {subject for group in groups for subject in group.subjects()}
    assert {moment.subject for moment in STEPS} < known
    assert len(known) + len(CATALOGUE.subjects()) + 1 == 67
