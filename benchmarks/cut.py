"""How soon a running delivery is cut at the consumer after the agreement was revoked.

Run: python benchmarks/cut.py [--json] [--quick] [--repetitions N]

Two `trustspace serve` processes; for each repetition a new agreement, under which the consumer
receives slowly, as one does who works on each piece before the next: a file with ``save()``, or a
table with ``iter_batches()``. In the middle of it the provider's owner revokes the agreement.
Timed, on one clock, is from the moment at which the management call returns to the moment at which
the consumer's call raises `PolicyDeniedError`; the last piece that left the handle is told as well.
The goal is 1 s at most, over all repetitions.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from trustspace import Client, PolicyDeniedError, terms
from trustspace.client import BoundAgreement

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
    from benchmarks._service import served
else:
    from _figures import Goal, distribution, finish, parser
    from _service import served

GOAL_MS = 1000
MIB = 1024 * 1024
BYTES_PER_SECOND = 16 * MIB
"""How fast the consumer works on what it receives."""
RUNNING_SECONDS = 0.7
"""How long a delivery runs before the agreement is revoked; spread over a second by repetition."""
ROWS = 4_000_000
FILE_MIB = 256


@dataclass
class Delivery:
    """A consumer that receives slowly, in a thread of its own.

    Attributes:
        began: Set with the first piece.
        last_piece_at: When the last piece left the handle.
        ended_at: When the call raised.
        failure: What it raised.
    """

    began: threading.Event = field(default_factory=threading.Event)
    last_piece_at: float = 0.0
    ended_at: float = 0.0
    failure: BaseException | None = None

    def work_on(self, size_bytes: int) -> None:
        """Work on a piece."""
        self.last_piece_at = time.perf_counter()
        self.began.set()
        time.sleep(size_bytes / BYTES_PER_SECOND)

    def run(self, receive: Callable[[Delivery], None]) -> None:
        """Receive to the end, whichever it is."""
        try:
            receive(self)
        except BaseException as error:  # noqa: BLE001 - looked at by whoever waits
            self.failure = error
        self.ended_at = time.perf_counter()
        self.began.set()


def receive_file(agreement: BoundAgreement, target: Path, delivery: Delivery) -> None:
    """Save a file, slowly."""
    seen = 0

    def progress(done: int, _total: int | None) -> None:
        nonlocal seen
        delivery.work_on(done - seen)
        seen = done

    with agreement.open() as data:
        data.save(target, progress=progress)


def receive_table(agreement: BoundAgreement, delivery: Delivery) -> None:
    """Iterate over a table, slowly."""
    with agreement.open() as data:
        for batch in data.iter_batches():
            delivery.work_on(batch.nbytes)


def cut_once(
    owner: Client, agreement: BoundAgreement, receive: Callable[[Delivery], None], wait: float
) -> tuple[float, float]:
    """Revoke in the middle; return the seconds to the error and to the last piece (or 0)."""
    delivery = Delivery()
    thread = threading.Thread(target=delivery.run, args=(receive,))
    thread.start()
    delivery.began.wait(20)
    time.sleep(wait)
    owner.revoke(agreement.id, reason="measured")
    revoked = time.perf_counter()
    thread.join(30)
    if not isinstance(delivery.failure, PolicyDeniedError):
        raise SystemExit(f"the delivery was not cut: {delivery.failure!r}")
    return delivery.ended_at - revoked, max(0.0, delivery.last_piece_at - revoked)


def prepare(root: Path, owner: Client, *, rows: int, file_mib: int) -> None:
    """Publish a file and a table."""
    file, table = root / "file.bin", root / "table.parquet"
    with file.open("wb") as target:
        for number in range(file_mib):
            target.write(number.to_bytes(4, "big") * (MIB // 4))
    pl.select(n=pl.int_range(rows)).with_columns(
        text=pl.lit("row number ") + pl.col("n").cast(pl.String)
    ).write_parquet(table)
    owner.publish(file, id="file", terms=terms(purpose="research"))
    owner.publish(table, id="table", terms=terms(purpose="research", where="n >= 0"))


def measure(root: Path, *, repetitions: int, rows: int, file_mib: int) -> dict[str, Any]:
    """Cut a file and a table again and again."""
    found: dict[str, Any] = {}
    with (
        served(root, "provider") as provider,
        served(root, "consumer") as consumer,
        provider.client() as owner,
        consumer.client() as buyer,
    ):
        prepare(root, owner, rows=rows, file_mib=file_mib)
        for form in ("file", "table"):
            cuts, pieces = [], []
            for number in range(repetitions):
                agreement = buyer.negotiate(provider.home.address, form, purpose="research")
                target = root / f"received-{number}.bin"

                def receive(
                    delivery: Delivery,
                    agreement: BoundAgreement = agreement,
                    target: Path | None = target if form == "file" else None,
                ) -> None:
                    if target is None:
                        receive_table(agreement, delivery)
                    else:
                        receive_file(agreement, target, delivery)

                # The handle asks its connector once a second: revoke at every phase of that second.
                wait = RUNNING_SECONDS + number / repetitions
                cut, piece = cut_once(owner, agreement, receive, wait)
                cuts.append(cut)
                pieces.append(piece)
            found[f"{form}_ms"] = distribution(cuts, scale=1000, digits=0)
            found[f"{form}_last_piece_ms"] = distribution(pieces, scale=1000, digits=0)
    return found


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--repetitions", type=int, help="of each form, by default 15")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder),
            repetitions=options.repetitions or (3 if options.quick else 15),
            rows=ROWS,
            file_mib=FILE_MIB,
        )
    goals = tuple(
        Goal(f"{form}_max_ms", figures[f"{form}_ms"]["max"], at_most=GOAL_MS)
        for form in ("file", "table")
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
