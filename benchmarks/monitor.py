"""How soon live transfers are cut when a fact changes that they hang on.

Run: python benchmarks/monitor.py [--json] [--quick] [--transfers N]

A connector holds ``--transfers`` agreements with one counterparty, each with terms of its own
about its membership, and a running transfer with an open delivery under each. Its owner attests
that the membership has lapsed. Measured from that call: until every delivery is cut, and until
every transfer is stored as suspended with its message to the counterparty (which cannot be
reached). Then, until all run again once the membership is attested anew. At last the CPU of the
process while nothing changes. Goal: every delivery cut within a second.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.connector.app import Running, Sockets, running
from trustspace.connector.home import init_home
from trustspace.connector.listener import bind
from trustspace.dsp.messages import TransferState
from trustspace.dsp.transfer import TransferProcess
from trustspace.model.participant import Role
from trustspace.model.value import digest
from trustspace.store import AgreementRow, Transaction

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
else:
    from _figures import Goal, finish, parser

NAME = "watching"
PEER = "did:web:elsewhere.example:peer"
BASE = "http://127.0.0.1:9/dsp"
MEMBERSHIP = "https://w3id.org/catenax/2025/9/policy/Membership"
CUT_GOAL_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


def agreement(number: int, own_id: str, now: datetime) -> AgreementRow:
    """Return an agreement that allows members to use a dataset."""
    constraints = [
        {"leftOperand": MEMBERSHIP, "operator": "eq", "rightOperand": "active"},
        {"leftOperand": "recipient", "operator": "eq", "rightOperand": PEER},
    ]
    body: dict[str, Any] = {
        "@id": f"urn:uuid:agreement-{number}",
        "@type": "Agreement",
        "target": f"dataset-{number % 10}",
        "assigner": own_id,
        "assignee": PEER,
        "timestamp": now.isoformat(timespec="seconds"),
        "permission": [{"action": "use", "constraint": constraints}],
    }
    return AgreementRow(
        participant=NAME,
        id=body["@id"],
        role=Role.PROVIDER,
        counterparty=PEER,
        dataset_id=body["target"],
        negotiation_pid=f"urn:uuid:negotiation-{number}",
        body=body,
        digest=digest(body),
        signed_at=now,
    )


def transfer(number: int, now: datetime) -> TransferProcess:
    """Return a pull that runs."""
    pid = f"urn:uuid:transfer-{number}"
    return TransferProcess(
        id=pid,
        role=Role.PROVIDER,
        consumer_pid=f"urn:uuid:theirs-{number}",
        provider_pid=pid,
        counterparty=PEER,
        callback_address=BASE,
        state=TransferState.STARTED,
        agreement_id=f"urn:uuid:agreement-{number}",
        format="HttpData-PULL",
        created_at=now,
        updated_at=now,
    )


async def until(holds: Callable[[], Awaitable[bool]], since: float) -> float:
    """Return the seconds until something holds."""
    while not await holds():
        if time.perf_counter() - since > PATIENCE_SECONDS:
            raise SystemExit("it did not come to pass")
        await asyncio.sleep(0.005)
    return round(time.perf_counter() - since, 3)


async def watch(connector: Running, count: int) -> dict[str, Any]:
    """Let the membership lapse and come back."""
    plane = connector.plane
    store, hosted = plane.context.store, plane.context.hosted[NAME]
    gates = [
        plane.context.gates.open(
            agreement_id=f"urn:uuid:agreement-{number}", transfer_pid=f"urn:uuid:transfer-{number}"
        )
        for number in range(count)
    ]

    def in_state(state: TransferState) -> Callable[[], Awaitable[bool]]:
        async def all_are() -> bool:
            return await store.read(lambda tx: tx.transfers.count(NAME, state=state)) == count

        return all_are

    async def cut() -> bool:
        return all(gate.code is not None for gate in gates)

    await until(_watching(plane.monitor, count), time.perf_counter())
    begun = time.perf_counter()
    await plane.attest(hosted, PEER, {"cx:Membership": "lapsed"})
    cut_seconds = await until(cut, begun)
    suspended_seconds = await until(in_state(TransferState.SUSPENDED), begun)
    begun = time.perf_counter()
    await plane.attest(hosted, PEER, {"cx:Membership": "active"})
    resumed_seconds = await until(in_state(TransferState.STARTED), begun)
    return {
        "transfers": count,
        "cut_seconds": cut_seconds,
        "suspended_seconds": suspended_seconds,
        "resumed_seconds": resumed_seconds,
    }


def _watching(monitor: Any, count: int) -> Callable[[], Awaitable[bool]]:  # noqa: ANN401 - sized
    async def all_are() -> bool:
        return len(monitor) == count

    return all_are


async def idle(seconds: float) -> float:
    """Return the CPU of this process while nothing changes, in per cent of a core."""
    cpu, moment = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    return round(100 * (time.process_time() - cpu) / (time.perf_counter() - moment), 2)


async def measure(folder: Path, *, count: int, seconds: float) -> dict[str, Any]:
    """Fill a home, serve it twice: once to measure changes, once to measure rest."""
    sockets = Sockets(bind("127.0.0.1", 0), bind("127.0.0.1", 0))
    home = init_home(folder / NAME, name=NAME, port=sockets.public.getsockname()[1])
    now = datetime.now(UTC)

    def fill(tx: Transaction) -> None:
        tx.counterparties.attest(NAME, PEER, {"cx:Membership": "active"}, now=now)
        for number in range(count):
            tx.agreements.insert(NAME, agreement(number, home.id, now))
            tx.transfers.insert(NAME, transfer(number, now))

    async with running(home, sockets) as connector:
        await connector.plane.context.store.write(fill)
    async with running(home) as connector:
        figures = await watch(connector, count)
        outbox = connector.plane.context.store
        await outbox.write(_forget_messages)
        await asyncio.sleep(2)
        return figures | {"idle_cpu_percent": await idle(seconds)}


def _forget_messages(tx: Transaction) -> None:
    for number in range(tx.transfers.count(NAME, state=TransferState.STARTED)):
        tx.outbox.drop_for_process(NAME, f"urn:uuid:transfer-{number}")


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--transfers", type=int, help="by default 1000")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        count = options.transfers or (50 if options.quick else 1000)
        seconds = 1.0 if options.quick else 20.0
        figures = asyncio.run(measure(Path(folder), count=count, seconds=seconds))
    goals = (Goal("cut_seconds", figures["cut_seconds"], at_most=CUT_GOAL_SECONDS),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
