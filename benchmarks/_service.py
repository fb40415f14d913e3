"""A connector in a process of its own, as `trustspace serve` runs it, measured from outside.

Memory and CPU time are read from ``/proc``, hence on Linux only. The processes keep their bytecode
in the folder, whatever the environment says, so that the first one compiles every module and the
others start as an installed program does.

Example::

    with served(folder, "garden") as garden, garden.client() as owner:
        owner.publish("roses.csv", id="roses", terms=terms(purpose="research"))
        print(garden.process.resident_bytes, garden.start_seconds)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trustspace import Client
from trustspace.connector.home import Home, init_home

STOP_SECONDS = 20


@dataclass(frozen=True)
class Process:
    """What the system says about a process.

    Attributes:
        pid: Its id; ``os.getpid()`` for one's own.
    """

    pid: int

    @property
    def resident_bytes(self) -> int:
        """Memory it holds now."""
        return self._status("VmRSS:")

    @property
    def peak_bytes(self) -> int:
        """Most memory it held since `forget_peak`, or since it began."""
        return self._status("VmHWM:")

    def forget_peak(self) -> None:
        """Let the peak begin anew from what it holds now."""
        (self._folder / "clear_refs").write_text("5", encoding="ascii")

    @property
    def cpu_seconds(self) -> float:
        """CPU time it has used, its own and the kernel's for it."""
        # Behind the name of the program, which may hold blanks: state is field 3 of proc_pid_stat.
        fields = (self._folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def has_loaded(self, library: str) -> bool:
        """Tell whether a shared library whose path contains a name is mapped."""
        return library in (self._folder / "maps").read_text(encoding="utf-8")

    @property
    def _folder(self) -> Path:
        return Path(f"/proc/{self.pid}")

    def _status(self, name: str) -> int:
        status = (self._folder / "status").read_text(encoding="utf-8")
        return int(status.partition(name)[2].split()[0]) * 1024


@dataclass(frozen=True)
class Service:
    """A connector that serves.

    Attributes:
        home: Its home.
        process: Its process.
        start_seconds: From starting the process to the line that says it is ready.
    """

    home: Home
    process: Process
    start_seconds: float

    def client(self) -> Client:
        """Return a client of its management API."""
        return Client.of_home(self.home.path)


@contextlib.contextmanager
def served(folder: Path, name: str) -> Iterator[Service]:
    """Serve a home, which is made when it is missing, until the block ends."""
    home = init_home(folder / name, name=name)
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "trustspace", "serve", "--home", str(home.path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise SystemExit(f"{name} did not start")
        yield Service(home, Process(process.pid), time.perf_counter() - start)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)
