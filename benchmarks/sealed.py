"""What sealing costs: reading sealed files beside plain ones, memory, the time of a deletion.

Run: python benchmarks/sealed.py [--json] [--quick] [--mebibytes N] [--stream N] [--objects N]

The same Parquet file lies plain and sealed. *Sequential* reads all rows through pyarrow, *range*
reads one column of one row group at random, both once from the path, as a program without us would,
and once from the sealed reader. They run in turns; the ratio is of the fastest rounds, the middle
one is told too; a percentile is that of the round in which it is the best. On a machine that others
use it tells their load nevertheless, hence the CPU time beside it. The goals are 0.60 of the speed
and twice the 95th percentile. The *bytes* figures are without Parquet, of a file that lies in the
system's memory: decrypting it costs more than copying it, whoever does it.

*Stream* seals and reads a file of so many MiB (1024; 10240 is the goal's size) in a process of its
own and tells how large that became; the goal is below 200 MiB. *Deletion* destroys the key, removes
10,000 chunks of 64 KiB in ten objects, verifies and writes the record; the goal is 5 s. Beside it
stands an agreement of many small objects, where it depends on the disk how fast a name goes.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from trustspace.usage.deletion import Deletion
from trustspace.usage.deletion_record import Trigger
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from benchmarks._figures import Goal, distribution, finish, parser
else:
    from _figures import Goal, distribution, finish, parser

MIB = 1024 * 1024
PIECE = 256 * 1024
RANGE = 64 * 1024
READS = 60
AGREEMENT = "urn:uuid:a1"
ROWS_PER_GROUP = 100_000

STREAM = """
import json, os, sys
from pathlib import Path
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_store import SealedStore

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

root, mebibytes = Path(sys.argv[1]), int(sys.argv[2])
piece = bytearray(os.urandom(1024 * 1024))
before = peak()
with SealedStore(root, participant="did:web:bank", keys=FileKeys(root / "keys")) as store:
    with store.writer("urn:uuid:stream", "large") as sink:
        for number in range(mebibytes):
            piece[:8] = number.to_bytes(8)
            sink.write(piece)
        sink.commit()
    with store.reader("urn:uuid:stream", "large") as file:
        room = bytearray(1024 * 1024)
        for number in range(mebibytes):
            assert file.readinto(room) == len(room)
            assert room[:8] == number.to_bytes(8)
print(json.dumps({"before_mib": round(before), "peak_mib": round(peak())}))
"""


def write_table(path: Path, size_bytes: int) -> None:
    """Write a Parquet file of about so many bytes, of columns that do not compress away."""
    chance = np.random.default_rng(1)
    with ExitStack() as stack:
        writer: Any = None
        while not path.exists() or path.stat().st_size < size_bytes:
            table = pa.table(
                {
                    "id": chance.integers(0, 2**60, ROWS_PER_GROUP),
                    "price": chance.random(ROWS_PER_GROUP),
                    "shop": chance.integers(0, 5000, ROWS_PER_GROUP),
                    "name": [f"rose {n}" for n in chance.integers(0, 10**9, ROWS_PER_GROUP)],
                }
            )
            if writer is None:
                writer = stack.enter_context(
                    parquet.ParquetWriter(path, table.schema, compression="zstd")
                )
            writer.write_table(table)


def seal(store: SealedStore, path: Path, object_id: str) -> None:
    """Seal a file."""
    with store.writer(AGREEMENT, object_id) as sink, path.open("rb") as file:
        while piece := file.read(MIB):
            sink.write(piece)
        sink.commit()


def read_rows(source: Any) -> int:  # noqa: ANN401 - a path or a file
    """Read all rows and return how many."""
    return sum(batch.num_rows for batch in parquet.ParquetFile(source).iter_batches(65_536))


def read_bytes(file: Any) -> int:  # noqa: ANN401 - a file
    """Read a file from its beginning into one buffer, and return its size."""
    room, total = bytearray(PIECE), 0
    file.seek(0)
    while count := file.readinto(room):
        total += count
    return total


def read_range(file: Any, offset: int) -> bytes:  # noqa: ANN401 - a file
    """Read 64 KiB from somewhere."""
    file.seek(offset)
    data: bytes = file.read(RANGE)
    return data


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round of each way; the first round of each is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if number:
                taken[name].append(time.perf_counter() - start)
    return taken


def compare(taken: dict[str, list[float]], plain: str, sealed: str) -> dict[str, float]:
    """Return how fast the sealed way is, beside the plain one."""
    middle = len(taken[plain]) // 2
    fastest = min(taken[plain]) / min(taken[sealed])
    median = sorted(taken[plain])[middle] / sorted(taken[sealed])[middle]
    return {"fastest": round(fastest, 3), "median": round(median, 3)}


def measure_reading(root: Path, store: SealedStore, size_bytes: int, rounds: int) -> dict[str, Any]:
    """Measure whole reads and ranges, plain and sealed in turns."""
    path = root / "table.parquet"
    write_table(path, size_bytes)
    seal(store, path, "table")
    with store.reader(AGREEMENT, "table") as sealed, path.open("rb", buffering=0) as plain:
        whole = in_turns(
            {
                "plain": lambda: read_rows(path),
                "sealed": lambda: read_rows(sealed),
                "plain_bytes": lambda: read_bytes(plain),
                "sealed_bytes": lambda: read_bytes(sealed),
            },
            rounds,
        )
        size = path.stat().st_size
        ranges = measure_ranges(path, sealed, plain, rounds=2 * rounds)
    return {
        "file_mib": round(size / MIB),
        "sequential": compare(whole, "plain", "sealed"),
        "bytes": compare(whole, "plain_bytes", "sealed_bytes"),
        "mib_per_second": {name: round(size / MIB / min(each)) for name, each in whole.items()},
        **ranges,
    }


def measure_ranges(path: Path, sealed: Any, plain: Any, *, rounds: int) -> dict[str, Any]:  # noqa: ANN401 - files
    """Measure one column of one row group, and 64 KiB anywhere."""
    chance = random.Random(2)  # noqa: S311 - a sample, not a secret
    tables = {"plain": parquet.ParquetFile(path), "sealed": parquet.ParquetFile(sealed)}
    groups, size = tables["plain"].num_row_groups, path.stat().st_size
    taken: dict[str, list[list[float]]] = {
        name: [] for name in ("plain", "sealed", "plain_bytes", "sealed_bytes")
    }

    spent = dict.fromkeys(taken, 0.0)

    def timed(name: str, read: Callable[[], object]) -> None:
        start, cpu = time.perf_counter(), time.process_time()
        read()
        taken[name][-1].append(time.perf_counter() - start)
        spent[name] += time.process_time() - cpu

    for _ in range(rounds):
        for each in taken.values():
            each.append([])
        for _ in range(READS):
            group = chance.randrange(groups)
            for name, table in tables.items():
                timed(name, partial(table.read_row_group, group, ["price"]))
            offset = chance.randrange(size - RANGE)
            for name, file in (("plain_bytes", plain), ("sealed_bytes", sealed)):
                timed(name, partial(read_range, file, offset))
    found = {
        # Of the round whose 95th percentile is the best one.
        name: min(
            (distribution(each, scale=1000, digits=3) for each in rounds_of),
            key=lambda one: float(one["p95"]),
        )
        for name, rounds_of in taken.items()
    }
    return {
        "range_ms": found,
        "range_cpu_ratio": round(spent["sealed"] / spent["plain"], 2),
        "range_p95_ratio": round(found["sealed"]["p95"] / found["plain"]["p95"], 2),
        "range_bytes_p95_ratio": round(
            found["sealed_bytes"]["p95"] / found["plain_bytes"]["p95"], 2
        ),
    }


def measure_stream(root: Path, mebibytes: int) -> dict[str, Any]:
    """Seal and read a large file in a process of its own."""
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", STREAM, root, str(mebibytes)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = round(time.perf_counter() - start, 1)
    return {"mebibytes": mebibytes, "seconds": seconds, **json.loads(run.stdout)}


def measure_deletion(store: SealedStore, chunks: int, objects: int) -> dict[str, Any]:
    """Delete objects of many chunks, and many objects of one chunk."""
    for number in range(10):
        with store.writer("urn:uuid:chunks", f"object-{number}") as sink:
            for _ in range(chunks // 10):
                sink.write(bytes(sink.chunk_bytes))
            sink.commit()
    for number in range(objects):
        with store.writer("urn:uuid:objects", f"object-{number}") as sink:
            sink.write(b"x" * 1000)
            sink.commit()
    taken = {}
    for name in ("chunks", "objects"):
        start = time.perf_counter()
        record = Deletion(store).delete(f"urn:uuid:{name}", trigger=Trigger.EXPIRY)
        taken[name] = round(time.perf_counter() - start, 2)
        if record.verified is None:
            raise SystemExit("the deletion was not verified")
    return {
        "chunks": chunks,
        "seconds": taken["chunks"],
        "objects": objects,
        "seconds_of_objects": taken["objects"],
    }


def main() -> int:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--mebibytes", type=int, default=256, help="size of the Parquet file")
    options.add_argument("--stream", type=int, default=1024, help="MiB of the streamed file")
    options.add_argument("--objects", type=int, default=10_000, help="small objects to delete")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--directory", type=Path, help="where the files lie; the system's without")
    given = options.parse_args()
    if given.quick:
        given.mebibytes, given.stream, given.objects, given.rounds = 16, 64, 200, 2
    with (
        tempfile.TemporaryDirectory(dir=given.directory) as folder,
        SealedStore(
            Path(folder, "sealed"), participant="did:web:bank", keys=FileKeys(Path(folder, "keys"))
        ) as store,
    ):
        root = Path(folder)
        reading = measure_reading(root, store, given.mebibytes * MIB, given.rounds)
        deletion = measure_deletion(store, 200 if given.quick else 10_000, given.objects)
        stream = measure_stream(root / "stream", given.stream)
    goals = (
        Goal("sequential", reading["sequential"]["fastest"], at_least=0.60),
        Goal("range_p95_ratio", reading["range_p95_ratio"], at_most=2.0),
        Goal("stream_peak_mib", stream["peak_mib"], at_most=200),
        Goal("deletion_seconds", deletion["seconds"], at_most=5.0),
    )
    figures = {"reading": reading, "stream": stream, "deletion": deletion}
    return finish(figures, goals, given)


if __name__ == "__main__":
    raise SystemExit(main())
