"""How soon a running delivery is cut at the consumer after the agreement was revoked.

Run: python benchmarks/cut.py [--json] [--quick] [--repetitions N]

Two `trustspace serve` processes; for each repetition a new agreement, under which the consumer
receives slowly, as one does who works on each piece before the next: a file with ``save()``, or a
table with ``iter_batches()``. In the middle of it the provider's owner revokes the agreement. Timed
on one clock, from the moment at which the management call returns:

    error_ms        until the consumer's call raises `PolicyDeniedError`
    last_piece_ms   until the last piece left the handle; 0 when none left afterwards

At 16 MiB/s what is on its way is soon used up and the broken stream is noticed; the goal is that
the error comes within 1 s, in every repetition. At 2 MiB/s that would take seconds, and the
handle's own question to its connector cuts. There a consumer works for up to a second on the piece
it has and cannot be told meanwhile, so the goal is that no piece leaves later than 1 s; the error
is told.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
JUDGED = {16: "error_ms", 2: "last_piece_ms"}
"""How fast the consumer works on what it receives, in MiB/s, and which figure has the goal."""
RUNNING_SECONDS = 0.7
"""How long a delivery runs before the agreement is revoked; spread over a second by repetition."""
ROWS = 4_000_000
FILE_MIB = 256


@dataclass
class Delivery:
    """A consumer that receives slowly, in a thread of its own.

    Attributes:
        bytes_per_second: How fast.
        began: Set with the first piece.
        last_piece_at: When the last piece left the handle.
        ended_at: When the call raised.
        failure: What it raised.
    """

    bytes_per_second: int
    began: threading.Event = field(default_factory=threading.Event)
    last_piece_at: float = 0.0
    ended_at: float = 0.0
    failure: BaseException | None = None

    def work_on(self, size_bytes: int) -> None:
        """Work on a piece."""
        self.last_piece_at = time.perf_counter()
        self.began.set()
        time.sleep(size_bytes / self.bytes_per_second)

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
    owner: Client,
    agreement: BoundAgreement,
    receive: Callable[[Delivery], None],
    *,
    bytes_per_second: int,
    wait: float,
) -> tuple[float, float]:
    """Revoke in the middle; return the seconds to the error and to the last piece (or 0)."""
    delivery = Delivery(bytes_per_second)
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


def prepare(root: Path, owner: Client) -> None:
    """Publish a file and a table."""
    file, table = root / "file.bin", root / "table.parquet"
    with file.open("wb") as target:
        for number in range(FILE_MIB):
            target.write(number.to_bytes(4, "big") * (MIB // 4))
    pl.select(n=pl.int_range(ROWS)).with_columns(
        text=pl.lit("row number ") + pl.col("n").cast(pl.String)
    ).write_parquet(table)
    owner.publish(file, id="file", terms=terms(purpose="research"))
    owner.publish(table, id="table", terms=terms(purpose="research", where="n >= 0"))


def measure(root: Path, *, repetitions: int) -> dict[str, Any]:
    """Cut a file and a table again and again, at each speed."""
    with (
        served(root, "provider") as provider,
        served(root, "consumer") as consumer,
        provider.client() as owner,
        consumer.client() as buyer,
    ):
        prepare(root, owner)

        def cuts(form: str, speed: int) -> dict[str, Any]:
            found = []
            for number in range(repetitions):
                agreement = buyer.negotiate(
                    provider.home.address, form, purpose="research", fresh=True
                )
                receive = (
                    partial(receive_file, agreement, root / f"{form}-{speed}-{number}")
                    if form == "file"
                    else partial(receive_table, agreement)
                )
                # The handle asks its connector at intervals: revoke at every phase of them.
                wait = RUNNING_SECONDS + number / repetitions
                found.append(
                    cut_once(owner, agreement, receive, bytes_per_second=speed * MIB, wait=wait)
                )
            return {
                "error_ms": distribution([cut for cut, _ in found], scale=1000, digits=0),
                "last_piece_ms": distribution([piece for _, piece in found], scale=1000, digits=0),
            }

        return {
            f"{form}_at_{speed}": cuts(form, speed)
            for form in ("file", "table")
            for speed in JUDGED
        }


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--repetitions", type=int, help="of each kind, by default 12")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder), repetitions=options.repetitions or (3 if options.quick else 12)
        )
    goals = tuple(
        Goal(
            f"{form}_at_{speed}_max_{kind}",
            figures[f"{form}_at_{speed}"][kind]["max"],
            at_most=GOAL_MS,
        )
        for form in ("file", "table")
        for speed, kind in JUDGED.items()
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
