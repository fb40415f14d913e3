"""How fast a file arrives under an agreement, against the same client code taking it from nginx.

Run: python benchmarks/file_pull.py [--json] [--quick] [--mebibytes N] [--rounds N] [--directory D]

Ours is the whole governed open: ``agreement.open()`` and ``save()`` from a `trustspace serve`
process, with token, decision, metering and the digest checked at the end. nginx serves the same
file on loopback with ``sendfile``, and what takes it is the same `SyncGuardedClient` and the same
`FileSink`, which hashes and flushes to the disk as well. The raw socket is the machine's bound:
``sendfile`` into ``recv`` and nothing done with the bytes. The three run in turns; the ratio is of
the fastest rounds, the middle one is told too. The goal is 0.80 of nginx.

Files are received into memory (``/dev/shm``) where there is room, because the disk would hide the
difference; ``--directory`` names another place. How much memory each process grows is read from the
system: its peak while a file flows, less what it held before; the goal is below 64 MiB. The CPU
time of either process depends less on what else the machine does than the speed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace import terms
from trustspace.client import BoundAgreement
from trustspace.dataplane.sink import FileSink
from trustspace.transport.guard import EgressPolicy
from trustspace.transport.http_client import SyncGuardedClient

if TYPE_CHECKING:
    from benchmarks._figures import Goal, finish, parser
    from benchmarks._service import Process, served
else:
    from _figures import Goal, finish, parser
    from _service import Process, served

MIB = 1024 * 1024
RATIO_GOAL = 0.80
MEMORY_GOAL_MIB = 64
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
NO_NGINX = "nginx is not installed; on Debian: apt-get install nginx-light"

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/b;
  proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def write_file(path: Path, size_bytes: int) -> str:
    """Write bytes that do not repeat within a MiB; return their SHA-256."""
    digest = hashlib.sha256()
    block = bytearray(os.urandom(MIB))
    with path.open("wb") as file:
        for number in range(size_bytes // MIB):
            block[:8] = number.to_bytes(8, "big")
            file.write(block)
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def nginx(file: Path) -> Iterator[str | None]:
    """Serve a file's folder with nginx; give the file's URL, or None where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        yield None
        return
    folder = file.parent
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(user=user, folder=folder, port=port), encoding="utf-8")
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(settings)])
    try:
        _wait_for("127.0.0.1", port)
        yield f"http://127.0.0.1:{port}/{file.name}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(host: str, port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def from_us(agreement: BoundAgreement, target: Path, sha256: str) -> None:
    """Receive the file under the agreement."""
    with agreement.open() as data:
        if data.save(target).sha256 != sha256:
            raise SystemExit("the file changed on its way")


def from_nginx(url: str, client: SyncGuardedClient, target: Path, sha256: str) -> None:
    """Receive the file with the same client and sink from somebody else."""
    with client.stream("GET", url) as answer, FileSink(target) as sink:
        sink.restart()
        for chunk in answer.chunks():
            sink.write(chunk)
        sink.commit(sha256=sha256)


def from_socket(file: Path) -> None:
    """Send the file through a bare socket, and drop what arrives."""

    def send() -> None:
        connection, _ = listening.accept()
        with connection, file.open("rb") as source:
            connection.sendfile(source)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = threading.Thread(target=send)
        sender.start()
        room = bytearray(MIB)
        with socket.create_connection(listening.getsockname()) as connection:
            while connection.recv_into(room):
                pass
        sender.join()


def in_turns(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round of each way; the first round of each is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if number:
                taken[name].append(time.perf_counter() - start)
    return taken


def cost(way: Callable[[], None], processes: dict[str, Process]) -> dict[str, dict[str, float]]:
    """Return how far each process grows and how much CPU time it takes while a file flows."""
    before = {name: (one.resident_bytes, one.cpu_seconds) for name, one in processes.items()}
    for one in processes.values():
        one.forget_peak()
    way()
    return {
        name: {
            "grown_mib": round((one.peak_bytes - before[name][0]) / MIB, 1),
            "cpu_seconds": round(one.cpu_seconds - before[name][1], 2),
        }
        for name, one in processes.items()
    }


def measure(root: Path, received: Path, *, size_bytes: int, rounds: int) -> dict[str, Any]:
    """Measure every way in turns, then the memory of ours."""
    file, target = root / "file.bin", received / "file.bin"
    sha256 = write_file(file, size_bytes)
    with (
        served(root, "provider") as provider,
        served(root, "consumer") as consumer,
        nginx(file) as url,
        SyncGuardedClient(EgressPolicy.development()) as client,
        provider.client() as owner,
        consumer.client() as buyer,
    ):
        owner.publish(file, id="file", terms=terms(purpose="research"))
        agreement = buyer.negotiate(provider.home.address, "file", purpose="research")
        ways: dict[str, Callable[[], None]] = {
            "socket": partial(from_socket, file),
            "ours": partial(from_us, agreement, target, sha256),
        }
        if url is not None:
            ways["nginx"] = partial(from_nginx, url, client, target, sha256)
        spent = cost(ways["ours"], {"provider": provider.process, "client": Process(os.getpid())})
        taken = in_turns(ways, rounds)
    return {
        "mebibytes": size_bytes // MIB,
        "rounds": rounds,
        "mib_per_second": {name: _speed(size_bytes, each) for name, each in taken.items()},
        "ratio": {
            "to_nginx": _ratio(taken, "nginx", min),
            "to_nginx_median": _ratio(taken, "nginx", statistics.median),
            "to_socket": _ratio(taken, "socket", min),
        },
        "cost": spent,
        "skipped": [] if "nginx" in taken else [NO_NGINX],
    }


def _speed(size_bytes: int, seconds: list[float]) -> dict[str, int]:
    return {
        "fastest": round(size_bytes / MIB / min(seconds)),
        "median": round(size_bytes / MIB / statistics.median(seconds)),
    }


def _ratio(
    taken: dict[str, list[float]], other: str, of: Callable[[list[float]], float]
) -> float | None:
    if other not in taken:
        return None
    return round(of(taken[other]) / of(taken["ours"]), 3)


def main() -> int:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--mebibytes", type=int, help="size of the file, by default 1024")
    arguments.add_argument("--rounds", type=int, help="by default 5")
    arguments.add_argument("--directory", type=Path, help="where files are received")
    options = arguments.parse_args()
    mebibytes = options.mebibytes or (32 if options.quick else 1024)
    rounds = options.rounds or (2 if options.quick else 5)
    where = options.directory
    if where is None and IN_MEMORY.is_dir():
        room = shutil.disk_usage(IN_MEMORY).free
        where = IN_MEMORY if room > 2 * mebibytes * MIB else None
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=where) as received,
    ):
        figures = measure(Path(folder), Path(received), size_bytes=mebibytes * MIB, rounds=rounds)
    goals = (
        Goal("ratio_to_nginx", figures["ratio"]["to_nginx"], at_least=RATIO_GOAL),
        *(
            Goal(f"{name}_grown_mib", each["grown_mib"], at_most=MEMORY_GOAL_MIB)
            for name, each in figures["cost"].items()
        ),
    )
    return finish(figures, goals, options)


if __name__ == "__main__":
    raise SystemExit(main())
