"""The cases about contract negotiations: what is said, by whom, in which order."""

from __future__ import annotations

from tests.conformance.negotiation import HARD_CODED, A, C, Consumer, F, O, Provider, Q, T, V

# --- the connector provides ----------------------------------------------------------------------


async def _offered(kit: Consumer) -> None:
    kit.expect_offer()
    await kit.request()
    await kit.until(O)


async def _agreed(kit: Consumer) -> None:
    kit.expect_agreement()
    await kit.request()
    await kit.until(A)


async def cn_01_01(kit: Consumer) -> None:
    """Offer; the kit terminates."""
    await _offered(kit)
    await kit.terminate()
    await kit.check(T)


async def cn_01_02(kit: Consumer) -> None:
    """Offer; counter-request; termination."""
    await _offered(kit)
    kit.expect_termination()
    await kit.counter(HARD_CODED)
    await kit.until(T)


async def cn_01_03(kit: Consumer) -> None:
    """Offer; accepted; agreement; verified; finalized."""
    await _offered(kit)
    kit.expect_agreement()
    await kit.accept()
    await kit.until(A)
    kit.expect_finalized()
    await kit.verify()
    await kit.until(F)


async def cn_01_04(kit: Consumer) -> None:
    """Agreement; verified; finalized."""
    await _agreed(kit)
    kit.expect_finalized()
    await kit.verify()
    await kit.until(F)


async def cn_02_01(kit: Consumer) -> None:
    """Termination; listened for only after the answer to the request."""
    await kit.request()
    kit.expect_termination()
    await kit.until(T)


async def cn_02_02(kit: Consumer) -> None:
    """The kit terminates at once."""
    await kit.request()
    await kit.terminate()
    await kit.check(T)


async def cn_02_03(kit: Consumer) -> None:
    """Agreement; the kit terminates."""
    await _agreed(kit)
    await kit.terminate()
    await kit.check(T)


async def cn_02_04(kit: Consumer) -> None:
    """Offer; the kit terminates."""
    await _offered(kit)
    await kit.terminate()
    await kit.check(T)


async def cn_02_05(kit: Consumer) -> None:
    """Offer; termination, listened for only when the offer was noticed."""
    await _offered(kit)
    kit.expect_termination()
    await kit.until(T)


async def cn_02_06(kit: Consumer) -> None:
    """Offer; accepted; termination."""
    await _offered(kit)
    await kit.accept()
    kit.expect_termination()
    await kit.until(T)


async def cn_02_07(kit: Consumer) -> None:
    """Agreement; verified; termination."""
    await _agreed(kit)
    await kit.verify()
    kit.expect_termination()
    await kit.until(T)


async def cn_03_01(kit: Consumer) -> None:
    """Agreement; verified; finalized; a termination is refused."""
    await cn_01_04(kit)
    await kit.check(F)
    await kit.terminate(refused=True)


async def cn_03_02(kit: Consumer) -> None:
    """Offer; a verification is refused."""
    await _offered(kit)
    await kit.verify(refused=True)


async def cn_03_03(kit: Consumer) -> None:
    """Offer; accepted; a verification is refused."""
    await _offered(kit)
    await kit.accept()
    await kit.verify(refused=True)


async def cn_03_04(kit: Consumer) -> None:
    """Offer; counter-request; a second one is refused."""
    await _offered(kit)
    await kit.counter()
    await kit.counter(refused=True)


# --- the connector consumes ----------------------------------------------------------------------


async def _offering(kit: Provider) -> None:
    await kit.begin()
    await kit.make_offer()
    await kit.until(O)


async def _accepted(kit: Provider) -> None:
    await kit.begin()
    kit.expect_accepted()
    await kit.make_offer()
    await kit.until(C)


async def _verified(kit: Provider) -> None:
    kit.expect_verification()
    await kit.agree()
    await kit.until(V)


async def cn_c_01_01(kit: Provider) -> None:
    """Offer; accepted; agreement; verified; finalized."""
    await _accepted(kit)
    await _verified(kit)
    await kit.finalize()
    await kit.check(F)


async def cn_c_01_02(kit: Provider) -> None:
    """Offer; counter-request; the kit terminates."""
    await kit.begin()
    kit.expect_request()
    await kit.make_offer()
    await kit.until(Q)
    await kit.terminate()
    await kit.until(T)


async def cn_c_01_03(kit: Provider) -> None:
    """Offer; termination."""
    await kit.begin()
    kit.expect_termination()
    await kit.make_offer()
    await kit.until(T)
    await kit.check(T)


async def cn_c_01_04(kit: Provider) -> None:
    """Agreement; verified; finalized."""
    await kit.begin()
    await _verified(kit)
    await kit.finalize()
    await kit.check(F)


async def cn_c_02_01(kit: Provider) -> None:
    """The kit terminates at once."""
    await kit.begin()
    await kit.terminate()
    await kit.check(T)


async def cn_c_02_02(kit: Provider) -> None:
    """Termination, listened for only when the request was noticed."""
    await kit.begin()
    kit.expect_termination()
    await kit.until(T)
    await kit.check(T)


async def cn_c_02_03(kit: Provider) -> None:
    """Agreement; termination."""
    await kit.begin()
    kit.expect_termination()
    await kit.agree()
    await kit.until(T)
    await kit.check(T)


async def cn_c_02_04(kit: Provider) -> None:
    """Offer; the kit terminates."""
    await _offering(kit)
    await kit.check(O)
    await kit.terminate()
    await kit.check(T)


async def cn_c_02_05(kit: Provider) -> None:
    """Offer; accepted; the kit terminates."""
    await _accepted(kit)
    await kit.terminate()
    await kit.check(T)


async def cn_c_02_06(kit: Provider) -> None:
    """Agreement; verified; the kit terminates."""
    await kit.begin()
    await _verified(kit)
    await kit.terminate()
    await kit.check(T)


async def cn_c_03_01(kit: Provider) -> None:
    """A finalization of what was only requested is refused."""
    await kit.begin()
    await kit.finalize(refused=True)
    await kit.check(Q)


async def cn_c_03_02(kit: Provider) -> None:
    """Offer; an agreement is refused."""
    await _offering(kit)
    await kit.check(O)
    await kit.agree(refused=True)
    await kit.check(O)


async def cn_c_03_03(kit: Provider) -> None:
    """Offer; a finalization is refused."""
    await _offering(kit)
    await kit.finalize(refused=True)
    await kit.check(O)


async def cn_c_03_04(kit: Provider) -> None:
    """Offer; accepted; a finalization is refused."""
    await _accepted(kit)
    await kit.finalize(refused=True)
    await kit.check(C)


async def cn_c_03_05(kit: Provider) -> None:
    """Offer; accepted; a second offer is refused."""
    await _accepted(kit)
    await kit.make_offer(refused=True)
    await kit.check(C)


async def cn_c_03_06(kit: Provider) -> None:
    """Offer; accepted; agreement; a finalization before its verification is refused."""
    await _accepted(kit)
    await kit.agree()
    await kit.until(A)
    await kit.finalize(refused=True)
    await kit.check(A)


PROVIDED = {
    case.__name__.upper(): case
    for case in (
        *(cn_01_01, cn_01_02, cn_01_03, cn_01_04),
        *(cn_02_01, cn_02_02, cn_02_03, cn_02_04, cn_02_05, cn_02_06, cn_02_07),
        *(cn_03_01, cn_03_02, cn_03_03, cn_03_04),
    )
}

CONSUMED = {
    case.__name__.upper(): case
    for case in (
        *(cn_c_01_01, cn_c_01_02, cn_c_01_03, cn_c_01_04),
        *(cn_c_02_01, cn_c_02_02, cn_c_02_03, cn_c_02_04, cn_c_02_05, cn_c_02_06),
        *(cn_c_03_01, cn_c_03_02, cn_c_03_03, cn_c_03_04, cn_c_03_05, cn_c_03_06),
    )
}
