"""The rules as sources, for an OPA server: one archive, the same bytes every time.

Example::

    source_bundle(rules_folder())   # bytes of a bundle that OPA loads
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError
from trustspace.policy.rollout.archive import write_archive

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def rules_folder(package: Traversable | None = None) -> Traversable:
    """Return the folder of the rules that the compiled policy was made from.

    It comes with the package; in a checkout it is ``policies/bundle`` beside ``src``.

    Args:
        package: Folder of the package; by default the installed one.

    Raises:
        ConfigurationError: It is not there.
    """
    package = package or files("trustspace")
    candidates = (
        package / "policy" / "sources" / "bundle",
        package / ".." / ".." / "policies" / "bundle",
    )
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        "the rules are not installed as sources",
        setting="policy",
        hint="install trustspace from its wheel, or work in a checkout",
    )


def source_bundle(folder: Traversable) -> bytes:
    """Return a bundle of Rego files and data, with the manifest that names its revision.

    Args:
        folder: Folder with ``.manifest`` and the packages.
    """
    # Without a time in it, so that equal rules make equal bytes.
    return write_archive(dict(members(folder)))


def revision_of(folder: Traversable) -> str:
    """Return the revision that a folder of rules names."""
    return str(json.loads((folder / ".manifest").read_bytes())["revision"])


def members(folder: Traversable, path: str = "") -> list[tuple[str, bytes]]:
    """Return the files of a bundle by their path: Rego, base data, the manifest.

    Args:
        folder: Where to look.
        path: Path of that folder in the bundle, with a slash behind it.
    """
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{path}{entry.name}"
        if entry.is_dir():
            found += members(entry, f"{name}/")
        elif entry.name.endswith(".rego") or entry.name in ("data.json", ".manifest"):
            found.append((name, entry.read_bytes()))
    return found
