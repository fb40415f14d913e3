"""How a test's work is killed between two calls that change the disk.

Python tells of every file that is opened, renamed, removed or listed; a forked child ends itself
with SIGKILL before the n-th of them. The child is one of a program of its own, because a test
process has threads, and starting a program for each point would take most of the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = """
import json, os, signal, sys, time

COUNTED = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.scandir"}
left = None

def watch(event, _arguments):
    global left
    if left is not None and event in COUNTED:
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
for line in sys.stdin:
    point, after, arguments = json.loads(line)
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        left = point
        result = work(*arguments)
        os.write(told, result.encode())
        os._exit(0)
    os.close(told)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print(json.dumps([status, os.read(heard, 1000).decode()]), flush=True)
    os.close(heard)
"""


class Killer:
    """Does some work again and again, killing it at another point each time.

    Args:
        program: Source that defines ``work(*arguments) -> str``.
    """

    def __init__(self, program: str) -> None:
        self._driver = subprocess.Popen(
            [sys.executable, "-c", program + DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def at(self, point: int, *arguments: Path, after: float | None = None) -> str:
        """Kill the work at a point, or after seconds; return what it gave, empty if nothing."""
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        print(json.dumps([point, after, [*map(str, arguments)]]), file=self._driver.stdin)
        self._driver.stdin.flush()
        status, told = json.loads(self._driver.stdout.readline())
        assert status in (0, 9), status
        return str(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.communicate(timeout=10)
