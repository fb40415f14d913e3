"""``python -m trustspace.testing.tck``: run the connector under test, or configure a kit for it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from trustspace.errors import MissingDependencyError, TrustspaceError
from trustspace.testing.tck.place import KIT_ADDRESS, KIT_WAIT, Place, properties

if TYPE_CHECKING:
    from collections.abc import Sequence

WRONG_USAGE = 2
"""Exit code when a port, a host or an option cannot be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two commands; returns the exit code.

    Args:
        arguments: The command line without the program's name; by default the process's.
    """
    given = _parser().parse_args(arguments)
    place = Place(
        host=given.host, port=given.port, webhook_port=given.webhook_port, id=given.id or ""
    )
    try:
        if given.command == "properties":
            sys.stdout.write(properties(place, kit=given.kit, wait=given.wait))
        else:
            _serve(place, delay=timedelta(milliseconds=given.delay), verbose=given.verbose)
    except TrustspaceError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n" if error.hint else f"{error}\n")
        return WRONG_USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Place()
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--host", default=default.host, help="host name or loopback address")
    shared.add_argument("--port", type=int, default=default.port, help="protocol endpoints")
    shared.add_argument("--webhook-port", type=int, default=default.webhook_port, help="webhooks")
    shared.add_argument("--id", help="participant id; by default the DID of the address")
    parser = argparse.ArgumentParser(
        prog="python -m trustspace.testing.tck",
        description="A connector under test for the Dataspace Protocol's compatibility kit.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", parents=[shared], help="run the connector under test")
    serve.add_argument(
        "--delay",
        type=int,
        default=350,
        metavar="MS",
        help="milliseconds before each step of its own",
    )
    serve.add_argument("--verbose", action="store_true", help="say on stderr what is refused")
    written = commands.add_parser(
        "properties", parents=[shared], help="print the kit's configuration for it"
    )
    written.add_argument("--kit", default=KIT_ADDRESS, metavar="URL", help="where the kit listens")
    written.add_argument(
        "--wait", type=int, default=KIT_WAIT, metavar="SECONDS", help="how long the kit waits"
    )
    return parser


def _serve(place: Place, *, delay: timedelta, verbose: bool) -> None:
    try:
        from trustspace.connector.listener import run  # noqa: PLC0415 - the extra may be missing
        from trustspace.testing.tck.under_test import under_test  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise MissingDependencyError("the connector under test", extra="connector") from error
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, stop.set)
        async with under_test(place, delay=delay):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await stop.wait()

    run(main())


if __name__ == "__main__":
    sys.exit(main())
