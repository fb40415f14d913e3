"""Rules with one fault each: what the cases have to notice.

A mutant changes one line of one file: an operator, a truth value, a Kleene value, or leaves one
condition out. It is compiled like the rules and has to decide at least one case differently.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.policy.documents import POLICIES

from trustspace.policy.bundle import CompiledPolicy

CHANGES = (
    (r" == ", " != "),
    (r" != ", " == "),
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" := true\b", " := false"),
    (r" := false\b", " := true"),
    (r'"true"', '"false"'),
    (r'"false"', '"unknown"'),
    (r'"unknown"', '"true"'),
    (r'"deferred"', '"true"'),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"array\.concat\((\w+), ", r"array.concat([], "),
    (r" \+ ", " - "),
    (r"\bnot ", ""),
)

SKIPPED = ("points/tables.rego",)
"""Files that decide nothing."""


@dataclass(frozen=True)
class Mutant:
    """One changed line."""

    file: str
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What tells it from others, however lines move."""
        return f"{self.file}: {self.before.strip()} => {self.after.strip() or '(left out)'}"


def mutants() -> list[Mutant]:
    """Return every mutant, in the order of the sources."""
    root = POLICIES / "bundle" / "trustspace"
    found = []
    for path in sorted(root.rglob("*.rego")):
        name = path.relative_to(root).as_posix()
        if name not in SKIPPED:
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [Mutant(name, *rest) for rest in _of(lines)]
    return found


def _of(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "package", "import", "default")):
            continue
        for pattern, replacement in CHANGES:
            for match in re.finditer(pattern, line):
                changed = line[: match.start()] + match.expand(replacement) + line[match.end() :]
                yield number, line, changed
        previous = lines[number - 1].rstrip() if number else ""
        follows = lines[number + 1].strip() if number + 1 < len(lines) else ""
        is_condition = line.startswith("\t") and not line.startswith("\t\t")
        alone = previous.endswith(" if {") and follows == "}"
        is_whole = not stripped.endswith(("{", "(", "[", ",")) and stripped[0] not in '"}])'
        if is_condition and is_whole and " := " not in line and not alone:
            yield number, line, ""


def compiled(opa: Path, mutant: Mutant, folder: Path) -> CompiledPolicy | None:
    """Compile a mutant; None when OPA refuses it."""
    if not folder.exists():
        shutil.copytree(POLICIES / "bundle", folder / "bundle")
        shutil.copy(POLICIES / "capabilities.json", folder)
    file = folder / "bundle" / "trustspace" / mutant.file
    original = file.read_text(encoding="utf-8")
    lines = original.splitlines(keepends=True)
    lines[mutant.line] = mutant.after + "\n"
    file.write_text("".join(lines), encoding="utf-8")
    try:
        return _build(opa, folder)
    finally:
        file.write_text(original, encoding="utf-8")


def _build(opa: Path, folder: Path) -> CompiledPolicy | None:
    names = ("decide", "decide_many", "trace")
    entries = [part for name in names for part in ("-e", f"trustspace/v1/{name}")]
    limits = ["--capabilities", "../capabilities.json"]
    command = [str(opa), "build", "-b", ".", "-t", "wasm", *limits, *entries, "-o", "../x.tar.gz"]
    done = subprocess.run(command, cwd=folder / "bundle", capture_output=True, check=False)
    if done.returncode:
        return None
    with tarfile.open(folder / "x.tar.gz") as bundle:
        module, data = (bundle.extractfile(name) for name in ("/policy.wasm", "/data.json"))
        assert module is not None
        assert data is not None
        source = CompiledPolicy.shipped().revision()
        return CompiledPolicy.of(module.read(), data.read(), source=source)
