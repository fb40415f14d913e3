"""``trustspace version``."""

from trustspace._version import __version__
from trustspace.cli.command import command
from trustspace.cli.output import Output


@command
def version(*, output: Output) -> None:
    """Print the version."""
    if output.json:
        output.document({"version": __version__})
    else:
        output.lines(__version__)
