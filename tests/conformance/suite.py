"""All cases of the kit, run by our own driver against a connector under test.

A case is alone with its own endpoint, so several can run at a time, and each sees exactly what it
would see alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.conformance import catalogue_cases, negotiation, negotiation_cases, transfer
from tests.conformance import transfer_cases as transfers
from tests.conformance.kit import CaseFailedError, Configuration, IllegalTransitionError, Kit

AT_A_TIME = 6

DISABLED = ("TP_02_04", "TP_C_02_04")
"""Cases that the kit has and does not run."""

IDS = (
    *("MET_01_01", "CAT_01_01", "CAT_01_02", "CAT_01_03"),
    *("CN_01_01", "CN_01_02", "CN_01_03", "CN_01_04"),
    *("CN_02_01", "CN_02_02", "CN_02_03", "CN_02_04", "CN_02_05", "CN_02_06", "CN_02_07"),
    *("CN_03_01", "CN_03_02", "CN_03_03", "CN_03_04"),
    *("CN_C_01_01", "CN_C_01_02", "CN_C_01_03", "CN_C_01_04"),
    *("CN_C_02_01", "CN_C_02_02", "CN_C_02_03", "CN_C_02_04", "CN_C_02_05", "CN_C_02_06"),
    *("CN_C_03_01", "CN_C_03_02", "CN_C_03_03", "CN_C_03_04", "CN_C_03_05", "CN_C_03_06"),
    *("TP_01_01", "TP_01_02", "TP_01_03", "TP_01_04", "TP_01_05"),
    *("TP_02_01", "TP_02_02", "TP_02_03", "TP_02_05"),
    *("TP_03_01", "TP_03_02", "TP_03_03", "TP_03_04", "TP_03_05", "TP_03_06"),
    *("TP_C_01_01", "TP_C_01_02", "TP_C_01_03", "TP_C_01_04", "TP_C_01_05"),
    *("TP_C_02_01", "TP_C_02_02", "TP_C_02_03", "TP_C_02_05"),
    *("TP_C_03_01", "TP_C_03_02", "TP_C_03_03", "TP_C_03_04", "TP_C_03_05", "TP_C_03_06"),
)
"""The 65 cases that the kit runs."""

Play = Callable[[Any], Awaitable[None]]

CASES: dict[str, tuple[type[Kit], Play]] = {
    name: (kind, play)
    for kind, plays in (
        (Kit, catalogue_cases.CASES),
        (negotiation.Consumer, negotiation_cases.PROVIDED),
        (negotiation.Provider, negotiation_cases.CONSUMED),
        (transfer.Consumer, transfers.PROVIDED),
        (transfer.Provider, transfers.CONSUMED),
    )
    for name, play in plays.items()
}
"""The kit's side and the play of every case, the disabled ones too."""


@dataclass(frozen=True)
class Outcome:
    """How a case went.

    Attributes:
        problem: What the connector did wrong; empty when it passed.
    """

    id: str
    problem: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return not self.problem


async def play(case: str, configuration: Configuration) -> Outcome:
    """Play one case."""
    kind, acts = CASES[case]
    kit = kind(case, configuration)
    begun = time.monotonic()
    outcome = Outcome(case)
    try:
        async with kit.listening():
            await acts(kit)
    except CaseFailedError as error:
        outcome = Outcome(case, str(error))
    except (OSError, TimeoutError, IllegalTransitionError, KeyError) as error:
        outcome = Outcome(case, f"{type(error).__name__}: {error}")
    return replace(outcome, seconds=round(time.monotonic() - begun, 3))


async def play_all(
    configuration: Configuration, cases: Iterable[str] = tuple(CASES)
) -> AsyncIterator[Outcome]:
    """Play cases, several at a time; yields their outcomes in the order of the cases."""
    places = asyncio.Semaphore(AT_A_TIME)

    async def one(case: str) -> Outcome:
        async with places:
            return await play(case, configuration)

    tasks = [asyncio.create_task(one(case)) for case in cases]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()
