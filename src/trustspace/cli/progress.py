"""A progress bar with rate and time left, on standard error and only on a terminal.

Example::

    with progress_bar("roses.csv") as advance:
        data.save("roses.csv", progress=advance)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

Advance = Callable[[int, int | None], None]
"""Called with the bytes done and, where it is known, the bytes in all."""


@contextmanager
def progress_bar(title: str) -> Iterator[Advance | None]:
    """Yield what a transfer calls as it goes on, or None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    # rich takes 0.1 s to import, which only a terminal's reader should pay.
    rich = import_module("rich.progress")
    bar = rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
        console=import_module("rich.console").Console(stderr=True),
    )
    with bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
