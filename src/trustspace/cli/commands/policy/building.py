"""Compiling rule modules with OPA; apart from the command, because it takes long to import."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustspace.cli.commands.policy.testing import case_files
from trustspace.cli.opa_program import HOW_TO_GET, SECONDS, OpaProgram
from trustspace.errors import ConfigurationError
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.archive import read_archive
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.refusal import refused
from trustspace.policy.rollout.site_rules import check_site
from trustspace.policy.rollout.sources import CAPABILITIES, DATA, MANIFEST, Sources, required

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.cli.output import Output

Json = dict[str, Any]

_TABLES = "data.trustspace.points.tables"
"""What Python has to know of the rules."""


_SERVER = (
    'where an OPA server decides (policy.engine = "opa", policy.url), the module is built on a '
    "machine that has the program"
)


def build(folder: Path, out: Path, program: Path | None, output: Output) -> None:
    """Compile a site's rules, run their cases and write the module.

    Raises:
        ConfigurationError: The folder or OPA is not there; the hint says how to get OPA.
        PolicyError: A rule is refused, or a case fails; nothing was written.
    """
    module = compiled(folder, program)
    content = module.archive()
    temporary = out.with_name(out.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(out)
    told = {
        "file": str(out),
        "revision": module.revision,
        "digest": module.digest,
        "cases": len(module.cases),
        "operands": list(module.compiled.operands),
        "bytes": len(content),
    }
    if output.json:
        output.document(told)
        return
    output.lines(f"{out}: revision {module.revision}, {len(module.cases)} cases passed")
    if not module.cases:
        output.note(f"no cases in {folder}: nothing shows that the rules do what they are meant to")


def compiled(folder: Path, program: Path | None = None) -> RuleModule:
    """Return the module of a site's folder, after its cases.

    Raises:
        ConfigurationError: As for `build`.
        PolicyError: As for `build`.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder", setting="DIR", hint="check the path")
    opa = OpaProgram.find(program)
    if opa is None:
        what = "OPA, which compiles rules, is missing" if program is None else f"no OPA: {program}"
        raise ConfigurationError(what, setting="--opa", hint=f"{HOW_TO_GET}; {_SERVER}")
    sources = Sources.core().with_site(_read(folder))
    operands = _checked(opa, sources)
    policy = _compiled(opa, sources, operands)
    cases = [group for _, group in case_files([folder], required=False)]
    module = RuleModule.assemble(sources, policy, cases)
    module.try_cases(module.engine())
    return module


def _read(folder: Path) -> dict[str, bytes]:
    """Return the Rego and the base data of a site's folder."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.rego")}
    if (folder / DATA).is_file():
        files[DATA] = folder / DATA
    return {name: path.read_bytes() for name, path in sorted(files.items())}


def _checked(opa: OpaProgram, sources: Sources) -> tuple[str, ...]:
    """Check what a site's rules are; returns the operands they know."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, sources.rego)
        hooks = [n for n in sources.rego if n.startswith(("trustspace/site/", "trustspace/oper"))]
        parsed = {n: _parsed(opa, folder, n) for n in (*sources.site, *hooks)}
    site = {n: parsed[n] for n in sources.site}
    return check_site(site, core=[parsed[n] for n in hooks])


def _parsed(opa: OpaProgram, folder: Path, name: str) -> Json:
    document: Json = json.loads(_run(opa, folder, "parse", "--format", "json", name))
    return document


def _compiled(opa: OpaProgram, sources: Sources, operands: tuple[str, ...]) -> CompiledPolicy:
    """Compile in a folder of its own: the module holds the paths of its sources."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, {CAPABILITIES: sources.capabilities})
        bundle = folder / "bundle"
        _write(bundle, {**sources.rego, MANIFEST: sources.manifest, DATA: sources.data})
        entries = [part for one in CompiledPolicy.ENTRYPOINTS for part in ("-e", one)]
        command = ["build", "-b", ".", "-t", "wasm", "--capabilities", f"../{CAPABILITIES}"]
        _run(opa, bundle, *command, *entries, "-o", "../out.tar.gz")
        module = required(read_archive((folder / "out.tar.gz").read_bytes()), "policy.wasm")
        tables = json.loads(
            _run(opa, folder, "eval", "--format", "raw", "--data", "bundle", _TABLES)
        )
    version = _run(opa, Path(), "version").partition("Version:")[2].split()
    return CompiledPolicy.built(
        module,
        sources.data,
        source=sources.revision,
        opa=version[0] if version else "unknown",
        tables=tables,
        operands=operands,
    )


def _run(opa: OpaProgram, folder: Path, *arguments: str) -> str:
    """Run OPA in a folder and return what it prints.

    Raises:
        PolicyError: It does not take the rules, code ``module.rego``.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the owner's own OPA, arguments as a list
            [opa.path, *arguments],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise refused("module.rego", what=f"opa {arguments[0]} does not end") from error
    if done.returncode:
        raise refused("module.rego", what=_complaint(done.stderr or done.stdout))
    return done.stdout


def _complaint(text: str) -> str:
    """Return what OPA says is wrong, in one line."""
    try:
        first = json.loads(text)["errors"][0]
        place = first["location"]
        return f"{place['file']}:{place['row']}: {first['message']}"
    except (ValueError, KeyError, IndexError, TypeError):
        lines = text.strip().splitlines()
        return " ".join(line.strip() for line in lines[:3]).removeprefix("error: ")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
