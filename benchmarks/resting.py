"""What processes cost that wait: CPU of a connector with thousands that nobody moves.

Run: python benchmarks/resting.py [--json] [--quick] [--processes N] [--seconds S]

A `trustspace serve` process starts on a database that holds ``--processes`` negotiations, half of
them as provider and half as consumer, each waiting for the next message, and as many running
transfers. Their deadlines are a day away. The process is left alone for a while; its CPU time over
that while is measured beside that of the same connector with an empty database. Goal: below 1 % of
one core.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.connector.home import open_home
from trustspace.dsp.messages import (
    ContractRequestMessage,
    TransferRequestMessage,
    TransferStartMessage,
)
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.dsp.transfer import TransferProcess
from trustspace.model.participant import Role
from trustspace.store import Store, Transaction

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
    from benchmarks._service import served
else:
    from _figures import Goal, finish, parser
    from _service import served

NAME = "resting"
PEER = "did:web:elsewhere.example:peer"
BASE = "https://elsewhere.example/peer/dsp/2025-1"
CPU_GOAL_PERCENT = 1.0
SETTLE_SECONDS = 3


def negotiations(count: int, now: datetime) -> Iterator[ContractNegotiation]:
    """Make negotiations that have been requested and not been answered."""
    for number in range(count):
        role = Role.PROVIDER if number % 2 else Role.CONSUMER
        own, peer = f"urn:uuid:own-{number}", f"urn:uuid:peer-{number}"
        message = ContractRequestMessage.read(
            {
                "@type": "ContractRequestMessage",
                "@id": f"urn:uuid:message-{number}",
                "consumerPid": own if role is Role.CONSUMER else peer,
                "callbackAddress": BASE,
                "offer": {
                    "@id": "urn:uuid:offer",
                    "@type": "Offer",
                    "target": "d",
                    "permission": [{"action": "use"}],
                },
            }
        )
        made = ContractNegotiation.create(
            message, role=role, own_pid=own, counterparty=PEER, callback_address=BASE, now=now
        )
        yield made if made.peer_pid else made.learn_peer_pid(peer, now=now)


def transfers(count: int, now: datetime) -> Iterator[TransferProcess]:
    """Make transfers that run."""
    for number in range(count):
        role = Role.PROVIDER if number % 2 else Role.CONSUMER
        own, peer = f"urn:uuid:own-t-{number}", f"urn:uuid:peer-t-{number}"
        message = TransferRequestMessage.model_validate(
            {
                "consumerPid": own if role is Role.CONSUMER else peer,
                "agreementId": f"urn:uuid:agreement-{number}",
                "format": "HttpData-PULL",
                "callbackAddress": BASE,
            }
        )
        made = TransferProcess.create(
            message, role=role, own_pid=own, counterparty=PEER, callback_address=BASE, now=now
        )
        if made.peer_pid is None:
            made = made.learn_peer_pid(peer, now=now)
        start = TransferStartMessage(
            consumer_pid=made.consumer_pid or "", provider_pid=made.provider_pid or ""
        )
        yield made.receive(start, sender=Role.PROVIDER, now=now)


def fill(home: Path, count: int) -> None:
    """Put resting processes into the database of a home that is not served."""
    now = datetime.now(UTC)
    deadline = now + timedelta(days=1)

    def hop(tx: Transaction) -> None:
        for negotiation in negotiations(count, now):
            tx.negotiations.insert(NAME, negotiation, deadline=deadline)
        for transfer in transfers(count, now):
            tx.transfers.insert(NAME, transfer, deadline=deadline)

    with Store.open(open_home(home).database_url) as store:
        store.write_sync(hop)


def watch(root: Path, seconds: float) -> dict[str, Any]:
    """Serve, wait, and return what the process used."""
    with served(root, NAME) as service:
        time.sleep(SETTLE_SECONDS)
        process = service.process
        cpu, moment = process.cpu_seconds, time.perf_counter()
        time.sleep(seconds)
        used = (process.cpu_seconds - cpu) / (time.perf_counter() - moment)
        with service.client() as client:
            running = sum(transfer.state == "STARTED" for transfer in client.transfers())
        return {
            "cpu_percent": round(used * 100, 2),
            "resident_mib": round(process.resident_bytes / 1024**2, 1),
            "running_transfers": running,
        }


def measure(root: Path, *, count: int, seconds: float) -> dict[str, Any]:
    """Watch a connector with an empty database, then with a full one."""
    empty = watch(root, seconds)
    fill(root / NAME, count)
    return {
        "empty": empty,
        "full": watch(root, seconds),
        "negotiations": count,
        "transfers": count,
        "watched_seconds": seconds,
    }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--processes", type=int, help="of each kind, by default 2000")
    arguments.add_argument("--seconds", type=float, help="how long it is watched, by default 30")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder),
            count=options.processes or (100 if options.quick else 2000),
            seconds=options.seconds or (3 if options.quick else 30),
        )
    goals = (Goal("cpu_percent", figures["full"]["cpu_percent"], at_most=CPU_GOAL_PERCENT),)
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
