"""The OPA program, for what only OPA can do: parse, check, format and test Rego.

Example::

    OpaProgram.find(None).run("version").stdout
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

HOW_TO_GET = (
    "get OPA from https://www.openpolicyagent.org, or with Go: "
    "go install github.com/open-policy-agent/opa@v1.22.2; then put it on the PATH, "
    "into $OPA or name it with --opa"
)
"""What to do where it is missing."""

SECONDS = 300.0
"""Longest that one run may take."""


@dataclass(frozen=True)
class OpaProgram:
    """An OPA that was found.

    Attributes:
        path: Of the program.
    """

    path: str

    @classmethod
    def find(cls, given: Path | None) -> Self | None:
        """Return the one that is named, else ``$OPA``, on the PATH, or in Go's folder; or None."""
        go = Path.home() / "go" / "bin" / "opa"
        names = (str(given),) if given else (os.environ.get("OPA"), "opa", str(go))
        for name in names:
            if name and (found := shutil.which(name)):
                return cls(found)
        return None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever the exit code.

        Raises:
            OSError: It cannot be started, or takes longer than `SECONDS`.
        """
        try:
            return subprocess.run(  # noqa: S603 - the owner's own OPA, arguments as a list
                [self.path, *arguments],
                capture_output=True,
                encoding="utf-8",
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"opa {arguments[0]} took longer than {SECONDS:.0f} s") from error
