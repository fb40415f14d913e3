"""Hold what the house asks of every file: its length and its name.

Example::

    python .ci/layout.py
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST = 400
"""Lines of a file that can still be read in one go."""

EMPTY_WORDS = frozenset(
    {"util", "utils", "common", "helper", "helpers", "base", "manager", "factory", "impl", "misc"}
)
"""Names that say nothing of the field; a part of a module's name may not be one of them."""

SUFFIXES = frozenset({".py", ".rego"})


def main() -> int:
    """Print every breach; return 1 when there is one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [Path(line) for line in listed.stdout.splitlines()]
    breaches = [
        breach
        for path in paths
        if path.suffix in SUFFIXES and path.is_file()
        for breach in _breaches(path)
    ]
    print(*breaches, sep="\n", end="\n" if breaches else "")
    return 1 if breaches else 0


def _breaches(path: Path) -> Iterator[str]:
    length = len(path.read_text(encoding="utf-8").splitlines())
    if length > LONGEST:
        yield f"{path}: {length} lines, at most {LONGEST}"
    if EMPTY_WORDS.intersection(path.stem.strip("_").split("_")):
        yield f"{path}: the name says nothing of the field"


if __name__ == "__main__":
    sys.exit(main())
