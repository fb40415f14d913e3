"""``--trace FILE``: the protocol messages that the connector exchanged while a command ran.

The connector keeps the messages of the last moments in memory; what came after the command began is
written as JSON lines, without secrets. A negotiation may go on for a moment after its command has
ended, so the last thing is to wait until nothing more is said.

Example::

    with traced(client, Path("trace.jsonl")) as client:
        client.negotiate(address, "rose-prices")
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import IO, TYPE_CHECKING, Any

from trustspace.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trustspace.client import Client
    from trustspace.client.diagnosis import TracedMessage

QUIET_SECONDS = 0.5
"""When nothing was said for so long, the rest is over."""

LONGEST_SECONDS = 5.0
PAUSE_SECONDS = 0.1


FIELDS = (
    "at",
    "direction",
    "participant",
    "counterparty",
    "method",
    "url",
    "status",
    "message",
    "answer",
)


@contextlib.contextmanager
def traced(client: Client, file: Path) -> Iterator[Client]:
    """Write what is said within the block.

    Args:
        client: The client, which is closed at the end.
        file: Where to; an existing file is replaced.

    Raises:
        OSError: The file cannot be written.
    """
    with client, _open_private(file) as lines:
        position = client.messages().next
        try:
            yield client
        finally:
            # The messages of a command that failed are wanted most, and its own error comes first.
            with contextlib.suppress(TransportError):
                for line in _said_since(client, position):
                    lines.write(json.dumps(line, ensure_ascii=False) + "\n")


def _said_since(client: Client, position: int) -> Iterator[dict[str, Any]]:
    found: list[TracedMessage] = []
    missed = 0
    end = time.monotonic() + LONGEST_SECONDS
    quiet_at = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < min(end, quiet_at):
        page = client.messages(position)
        missed += page.missed
        position = page.next
        if page.items:
            found += page.items
            quiet_at = time.monotonic() + QUIET_SECONDS
        else:
            time.sleep(PAUSE_SECONDS)
    if missed:
        yield {"missed": missed}
    for message in sorted(found, key=lambda each: each.at):
        told = message.to_wire()
        line = {name: told.get(name) for name in FIELDS}
        yield line | ({"error": message.error} if message.error else {})


def _open_private(file: Path) -> IO[str]:
    """Open a file for writing that nobody else may read: messages are business secrets."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")
