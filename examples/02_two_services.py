"""Two services of two organisations, each a process with its own home, exchange a file over HTTP.

Run it: python examples/02_two_services.py
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "trustspace")


def main() -> None:
    """Start both services, then use nothing but the command line."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as services:
        root = Path(folder)
        address = services.enter_context(service(root / "garden"))
        services.enter_context(service(root / "bank"))

        report = root / "report.txt"
        report.write_text("the roses did well\n" * 1_000, encoding="utf-8")
        garden, bank = ("--home", str(root / "garden")), ("--home", str(root / "bank"))
        run(
            "publish",
            str(report),
            "--id",
            "report",
            "--purpose",
            "research",
            "--count",
            "2",
            *garden,
        )

        for dataset in run("catalog", address, *bank)["datasets"]:
            print("offered:", dataset["id"])
        agreed = run("negotiate", address, "report", "--purpose", "research", *bank)
        print("agreed:", agreed["agreement"])

        target = root / "received.txt"
        received = run("open", agreed["agreement"], "-o", str(target), *bank)
        print("received:", received["bytes"], "bytes, sha256", received["sha256"])
        if target.read_bytes() != report.read_bytes():
            raise SystemExit("the file changed on its way")


@contextlib.contextmanager
def service(home: Path) -> Iterator[str]:
    """Make a home and serve it; give the address others reach it by."""
    made = run("init", str(home), "--name", home.name)
    process = subprocess.Popen(
        [*COMMAND, "serve", "--home", str(home)], stdout=subprocess.PIPE, text=True
    )
    try:
        ready = process.stdout.readline().strip() if process.stdout else ""
        print(ready or "the service did not start")
        yield str(made["address"])
    finally:
        process.terminate()
        process.communicate(timeout=10)


def run(*arguments: str) -> dict[str, Any]:
    """Run one command and return what it says with --json."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    main()
