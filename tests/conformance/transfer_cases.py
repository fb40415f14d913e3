"""The cases about transfers: what is said, by whom, in which order."""

from __future__ import annotations

from tests.conformance.transfer import C, Consumer, P, Provider, Q, R, T

# --- the connector provides ----------------------------------------------------------------------


async def _started(kit: Consumer) -> None:
    kit.hear(R)
    await kit.request()
    await kit.until(R)


async def _hears(kit: Consumer | Provider, *states: str) -> None:
    """Listen for one message after the other, each only when the one before was noticed."""
    for state in states:
        kit.hear(state)
        await kit.until(state)
    await kit.check(states[-1])


async def _says(kit: Consumer | Provider, *states: str) -> None:
    """Send one message after the other and look whether the connector follows."""
    for state in states:
        await kit.tell(state)
        await kit.check(state)


async def _is_refused(kit: Consumer | Provider, state: str, *, stays: str) -> None:
    await kit.tell(state, refused=True)
    await kit.check(stays)


async def tp_01_01(kit: Consumer) -> None:
    """Start; termination."""
    await _started(kit)
    await _hears(kit, T)


async def tp_01_02(kit: Consumer) -> None:
    """Start; completion."""
    await _started(kit)
    await _hears(kit, C)


async def tp_01_03(kit: Consumer) -> None:
    """Start; suspension; termination."""
    await _started(kit)
    await _hears(kit, P, T)


async def tp_01_04(kit: Consumer) -> None:
    """Start; suspension; start; completion."""
    await _started(kit)
    await _hears(kit, P, R, C)


async def tp_01_05(kit: Consumer) -> None:
    """Termination; listened for only after the answer to the request."""
    await kit.request()
    await _hears(kit, T)


async def tp_02_01(kit: Consumer) -> None:
    """Start; the kit terminates."""
    await _started(kit)
    await kit.check(R)
    await _says(kit, T)


async def tp_02_02(kit: Consumer) -> None:
    """Start; the kit completes."""
    await _started(kit)
    await kit.check(R)
    await _says(kit, C)


async def tp_02_03(kit: Consumer) -> None:
    """Start; the kit suspends and terminates."""
    await _started(kit)
    await kit.check(R)
    await _says(kit, P, T)


async def tp_02_04(kit: Consumer) -> None:
    """Start; the kit suspends, resumes and completes."""
    await _started(kit)
    await kit.check(R)
    await _says(kit, P, R, C)


async def tp_02_05(kit: Consumer) -> None:
    """The kit terminates what was not started."""
    await kit.request()
    await kit.check(Q)
    await _says(kit, T)


async def tp_03_01(kit: Consumer) -> None:
    """A completion of what was not started is refused."""
    await kit.request()
    await kit.check(Q)
    await _is_refused(kit, C, stays=Q)


async def tp_03_02(kit: Consumer) -> None:
    """A suspension of what was not started is refused."""
    await kit.request()
    await kit.check(Q)
    await _is_refused(kit, P, stays=Q)


async def tp_03_03(kit: Consumer) -> None:
    """Start; the kit suspends; a completion is refused."""
    await _started(kit)
    await kit.check(R)
    await _says(kit, P)
    await _is_refused(kit, C, stays=P)


async def _ended(kit: Consumer) -> None:
    await _started(kit)
    await kit.check(R)
    await _says(kit, T)


async def tp_03_04(kit: Consumer) -> None:
    """Start; the kit terminates; a start is refused."""
    await _ended(kit)
    await _is_refused(kit, R, stays=T)


async def tp_03_05(kit: Consumer) -> None:
    """Start; the kit terminates; a suspension is refused."""
    await _ended(kit)
    await _is_refused(kit, P, stays=T)


async def tp_03_06(kit: Consumer) -> None:
    """Start; the kit terminates; a completion is refused."""
    await _ended(kit)
    await _is_refused(kit, C, stays=T)


# --- the connector consumes ----------------------------------------------------------------------


async def _starting(kit: Provider) -> None:
    await kit.start()
    await kit.until(R)
    await kit.check(R)


async def tp_c_01_01(kit: Provider) -> None:
    """The kit starts and terminates."""
    await kit.begin()
    await _starting(kit)
    await _says(kit, T)


async def tp_c_01_02(kit: Provider) -> None:
    """The kit starts and completes."""
    await kit.begin()
    await _starting(kit)
    await _says(kit, C)


async def tp_c_01_03(kit: Provider) -> None:
    """The kit starts, suspends and terminates."""
    await kit.begin()
    await _starting(kit)
    await _says(kit, P, T)


async def tp_c_01_04(kit: Provider) -> None:
    """The kit starts, suspends, resumes and completes."""
    await kit.begin()
    await _starting(kit)
    await _says(kit, P)
    await _starting(kit)
    await _says(kit, C)


async def tp_c_01_05(kit: Provider) -> None:
    """The kit terminates at once."""
    await kit.begin()
    await _says(kit, T)


async def _answered(kit: Provider, state: str, *more: str) -> None:
    """Start, and listen meanwhile for the message that the connector sends on its own."""
    await kit.begin()
    kit.hear(state)
    await kit.start()
    await kit.until(state)
    for following in more:
        kit.hear(following)
        await kit.until(following)
    await kit.check(more[-1] if more else state)


async def tp_c_02_01(kit: Provider) -> None:
    """The kit starts; termination."""
    await _answered(kit, T)


async def tp_c_02_02(kit: Provider) -> None:
    """The kit starts; completion."""
    await _answered(kit, C)


async def tp_c_02_03(kit: Provider) -> None:
    """The kit starts; suspension; termination."""
    await _answered(kit, P, T)


async def tp_c_02_04(kit: Provider) -> None:
    """The kit starts; suspension; start; completion."""
    await _answered(kit, P, R, C)


async def tp_c_02_05(kit: Provider) -> None:
    """Termination, listened for only when the request was noticed."""
    await kit.begin()
    await _hears(kit, T)


async def tp_c_03_01(kit: Provider) -> None:
    """A completion of what was not started is refused."""
    await kit.begin()
    await kit.check(Q)
    await _is_refused(kit, C, stays=Q)


async def tp_c_03_02(kit: Provider) -> None:
    """A suspension of what was not started is refused."""
    await kit.begin()
    await kit.check(Q)
    await _is_refused(kit, P, stays=Q)


async def _says_and_says(kit: Provider, *states: str) -> None:
    """Start without a data address, then say more."""
    await kit.begin()
    await kit.check(Q)
    await _says(kit, R, *states)


async def tp_c_03_03(kit: Provider) -> None:
    """The kit starts and suspends; a completion is refused."""
    await _says_and_says(kit, P)
    await _is_refused(kit, C, stays=P)


async def tp_c_03_04(kit: Provider) -> None:
    """The kit starts and terminates; a start is refused."""
    await _says_and_says(kit, T)
    await _is_refused(kit, R, stays=T)


async def tp_c_03_05(kit: Provider) -> None:
    """The kit starts and terminates; a suspension is refused."""
    await _says_and_says(kit, T)
    await _is_refused(kit, P, stays=T)


async def tp_c_03_06(kit: Provider) -> None:
    """The kit starts and terminates; a completion is refused."""
    await _says_and_says(kit, T)
    await _is_refused(kit, C, stays=T)


PROVIDED = {
    case.__name__.upper(): case
    for case in (
        *(tp_01_01, tp_01_02, tp_01_03, tp_01_04, tp_01_05),
        *(tp_02_01, tp_02_02, tp_02_03, tp_02_04, tp_02_05),
        *(tp_03_01, tp_03_02, tp_03_03, tp_03_04, tp_03_05, tp_03_06),
    )
}

CONSUMED = {
    case.__name__.upper(): case
    for case in (
        *(tp_c_01_01, tp_c_01_02, tp_c_01_03, tp_c_01_04, tp_c_01_05),
        *(tp_c_02_01, tp_c_02_02, tp_c_02_03, tp_c_02_04, tp_c_02_05),
        *(tp_c_03_01, tp_c_03_02, tp_c_03_03, tp_c_03_04, tp_c_03_05, tp_c_03_06),
    )
}
