"""Connectors in processes of their own, which can be killed like any process."""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from trustspace.connector.app import serve
from trustspace.connector.home import Home, init_home

Json = dict[str, Any]

START_SECONDS = 60.0

_FORKS = multiprocessing.get_context("forkserver")
# Importing takes longer than everything a test does with a process, so it is done once.
_FORKS.set_forkserver_preload([__name__, "pytest", "polars"])


def _serve(path: str, limit: tuple[int, int] | None) -> None:
    if limit is not None:
        resource.setrlimit(limit[0], (limit[1], limit[1]))
    serve(Path(path), ready=lambda _: None)


@dataclass
class Served:
    """A home served by a process.

    Attributes:
        home: The home.
        client: Client of its management API, below its participant.
    """

    home: Home
    client: httpx.Client
    _process: ForkServerProcess | None = field(default=None, repr=False)

    def start(self, *, limit: tuple[int, int] | None = None) -> None:
        """Start the process, under a resource limit if one is given; wait until it serves."""
        arguments = (str(self.home.path), limit)
        self._process = _FORKS.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                if self.client.get(f"{self.home.management_url}/health").status_code == 200:
                    return
            assert self._process.is_alive(), f"{self.home.name} ended with {self._process.exitcode}"
            assert time.monotonic() < end, f"{self.home.name} did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process as ``kill -9`` does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def stop(self) -> None:
        """End the process as its owner does."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(START_SECONDS)
            assert self._process.exitcode == 0, self._process.exitcode

    # --- its owner ---------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def publish(self, file: Path, dataset: str, policy: Json) -> None:
        body = {"source": {"kind": "file", "path": str(file)}, "policy": policy}
        answer = self.client.put(f"datasets/{quote(dataset, safe='')}", json=body)
        assert answer.status_code in (200, 201), answer.text

    # --- its database ------------------------------------------------------------------------

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Query the database from outside, whether or not the process runs."""
        path = self.home.path / "trustspace.db"
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        ) as connection:
            return connection.execute(query).fetchall()

    def states(self, kind: str, *, role: str) -> dict[str, str]:
        """Return the states of negotiations or transfers by the consumer's pid."""
        pid = "pid" if role == "consumer" else "peer_pid"
        found = self.rows(f"SELECT {pid}, state FROM {kind} WHERE role = '{role}'")  # noqa: S608
        assert len(found) == len({row[0] for row in found}), f"a {kind} row is doubled"
        return dict(found)

    def check_log(self) -> None:
        """Hold the event log to its numbers."""
        numbers = [row[0] for row in self.rows("SELECT seq FROM events ORDER BY seq")]
        assert numbers == list(range(1, len(numbers) + 1))


@contextlib.contextmanager
def served(path: Path, name: str) -> Iterator[Served]:
    """Serve a new development home until the block ends."""
    home = init_home(path, name=name)
    headers = {"Authorization": f"Bearer {home.management_token()}"}
    base = f"{home.management_url}/v1/participants/{name}/"
    with httpx.Client(base_url=base, headers=headers, timeout=30, trust_env=False) as client:
        found = Served(home, client)
        found.start()
        try:
            yield found
        finally:
            found.kill()
