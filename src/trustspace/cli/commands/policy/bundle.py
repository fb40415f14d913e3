"""``trustspace policy bundle``: the rules as one archive that an OPA server loads."""

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from trustspace.cli.command import command
from trustspace.cli.output import Output
from trustspace.errors import ConfigurationError


@command
def bundle(
    to: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    rules: Annotated[
        Path | None, typer.Option(help="Folder with .manifest and Rego; by default our own.")
    ] = None,
    *,
    output: Output,
) -> None:
    """Write the rules as an OPA bundle of sources: equal rules make equal bytes."""
    sources = import_module("trustspace.policy.source_bundle")
    if rules is not None and not (rules / ".manifest").is_file():
        raise ConfigurationError(
            f"{rules} is no folder of rules: it has no .manifest",
            setting="--rules",
            hint="name the folder that holds .manifest and the packages",
        )
    folder = rules or sources.rules_folder()
    content = sources.source_bundle(folder)
    to.write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    revision = sources.revision_of(folder)
    if output.json:
        output.document({"file": str(to), "digest": digest, "revision": revision})
    else:
        output.lines(f"{to}: {digest}, revision {revision}")
