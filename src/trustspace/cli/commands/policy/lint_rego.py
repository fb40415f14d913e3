"""The lint over Rego: OPA's own checks, and ours over what it parses.

Without OPA nothing of it is run, which is said and never counts as passed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import as_file
from typing import TYPE_CHECKING, Any, Self

from trustspace.cli.opa_program import HOW_TO_GET, OpaProgram
from trustspace.errors import ConfigurationError
from trustspace.policy.linting.finding import Finding
from trustspace.policy.linting.modules import Module, lint_modules
from trustspace.policy.source_bundle import rules_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

Found = tuple[str, Finding]

_UNDEFINED = "undefined function "
_SHOWN_LINES = 20


@dataclass
class RegoLint:
    """Files of Rego to look over.

    Attributes:
        files: The files, each once, with the path that it was found under.
        loaded: What OPA's tests load: folders as they were named, else files.
        not_run: Why nothing could be checked, or None.
    """

    files: dict[Path, Path]
    loaded: list[Path]
    not_run: str | None = None
    _core: list[Path] = field(default_factory=list)

    @classmethod
    def of(cls, paths: Iterable[Path], *, has_policies: Collection[Path]) -> Self:
        """Collect the Rego of files and folders.

        Args:
            paths: Files and folders.
            has_policies: Files of ODRL, which OPA must not load as data.
        """
        files: dict[Path, Path] = {}
        loaded: list[Path] = []
        for path in paths:
            if path.is_dir():
                rego = sorted(path.rglob("*.rego"))
                files |= dict.fromkeys(rego, path)
                is_mixed = any(path in file.parents for file in has_policies)
                loaded += rego if is_mixed else [path]
            elif path.suffix == ".rego":
                files[path] = path.parent
                loaded.append(path)
        return cls(files, loaded)

    def findings(self, program: Path | None, coverage: int, run: str) -> list[Found]:
        """Check everything.

        Args:
            program: The OPA program, or None for the one that is found.
            coverage: Percent of the rules that tests have to cover; 0 measures nothing.
            run: Which tests measure it, a regular expression; empty for all.

        Raises:
            ConfigurationError: The program that is named is not there.
        """
        if not self.files:
            return []
        opa = OpaProgram.find(program)
        if opa is None:
            if program is not None:
                raise ConfigurationError(
                    f"{program} is no program", setting="--opa", hint=HOW_TO_GET
                )
            self.not_run = f"the {len(self.files)} files of Rego, for which OPA is needed; "
            self.not_run += HOW_TO_GET
            return []
        with as_file(rules_folder()) as core:
            parsed, found = self._parsed(opa, core)
            own = {str(file) for file in self.files}
            looked = lint_modules(parsed).items()
            found += [(name, one) for name, many in looked if name in own for one in many]
            if any(finding.rule == "rego.parse" for _, finding in found):
                return found
            found += self._checked(opa, core.parent / "capabilities.json")
            found += self._formatted(opa)
            if not any(finding.severity == "error" for _, finding in found):
                found += self._tested(opa, coverage, run)
        return found

    def _parsed(self, opa: OpaProgram, core: Path) -> tuple[list[Module], list[Found]]:
        modules: list[Module] = []
        found: list[Found] = []
        originals = {file.relative_to(core): file.read_bytes() for file in core.rglob("*.rego")}
        for file, root in self.files.items():
            done = opa.run("parse", "--format", "json", "--json-include", "locations", str(file))
            if done.returncode:
                found += _errors(done.stdout or done.stderr, "rego.parse", str(file))
                continue
            parsed = json.loads(done.stdout)
            folder = file.parent.relative_to(root).parts or (root.absolute().name,)
            is_core = file.read_bytes() in originals.values()
            modules.append(Module(str(file), folder, parsed, is_core=is_core))
        packages = {module.package for module in modules}
        if modules and "trustspace.v1" not in packages:
            # A site's rules alone: they are checked beside the core that they are built with.
            self._core = [core]
            present = {file.read_bytes() for file in self.files}
            for name, content in originals.items():
                if content not in present:
                    done = opa.run("parse", "--format", "json", str(core / name))
                    parts = name.parent.parts
                    modules.append(Module(f"core/{name}", parts, json.loads(done.stdout)))
        return modules, found

    def _checked(self, opa: OpaProgram, capabilities: Path) -> Iterator[Found]:
        rules = [str(file) for file in self.files if not _is_test(file)]
        tests = [str(file) for file in self.files if _is_test(file)]
        core = [str(folder) for folder in self._core]
        command = ("check", "--format", "json", "--strict")
        done = opa.run(*command, "--capabilities", str(capabilities), *rules, *core)
        if done.returncode:
            yield from _errors(done.stderr or done.stdout, "rego.check", "")
        elif tests:
            done = opa.run(*command, *tests, *rules, *core)
            if done.returncode:
                yield from _errors(done.stderr or done.stdout, "rego.check", "")

    def _formatted(self, opa: OpaProgram) -> Iterator[Found]:
        done = opa.run("fmt", "--list", *map(str, self.files))
        for name in done.stdout.split("\n"):
            if name.strip():
                yield name.strip(), Finding("rego.format")

    def _tested(self, opa: OpaProgram, coverage: int, run: str) -> Iterator[Found]:
        if not any(_is_test(file) for file in self.files):
            return
        paths = [*map(str, self.loaded), *map(str, self._core)]
        command = ("test", "--timeout", "120s", "--format", "json")
        done = opa.run(*command, *paths)
        failed = False
        try:
            results = json.loads(done.stdout)
        except ValueError:
            yield from _errors(done.stderr or done.stdout, "rego.check", "")
            return
        for one in results or ():
            if one.get("fail") or one.get("error"):
                failed = True
                place = one.get("location", {})
                yield (
                    str(place.get("file", "")),
                    Finding("rego.test", line=place.get("row", 0), fields={"name": one["name"]}),
                )
        if coverage and not failed:
            selected = ("--run", run) if run else ()
            done = opa.run(*command, "--coverage", *selected, *paths)
            yield from self._covered(json.loads(done.stdout), coverage)

    def _covered(self, report: dict[str, Any], wanted: int) -> Iterator[Found]:
        rules = {str(file) for file in self.files if not _is_test(file)}
        covered = missed = 0
        places = []
        for name, one in sorted(report["files"].items()):
            if name in rules:
                covered += one.get("covered_lines", 0)
                missed += one.get("not_covered_lines", 0)
                places += [f"{name}:{part['start']['row']}" for part in one.get("not_covered", ())]
        if covered + missed and 100 * covered < wanted * (covered + missed):
            found = f"{100 * covered / (covered + missed):.1f}"
            lines = ", ".join(places[:_SHOWN_LINES])
            fields = {"found": found, "wanted": str(wanted), "lines": lines}
            yield "", Finding("rego.coverage", fields=fields)


def _is_test(file: Path) -> bool:
    return file.name.endswith("_test.rego")


def _errors(text: str, rule: str, name: str) -> list[Found]:
    """Return what OPA complains of, whether it prints JSON or words."""
    try:
        errors = json.loads(text)["errors"]
    except (ValueError, KeyError, TypeError):
        return [(name, Finding(rule, fields={"message": text.strip()}))]
    found = []
    for error in errors:
        place = error.get("location") or {}
        message = str(error.get("message", ""))
        finding = Finding(rule, line=place.get("row", 0), fields={"message": message})
        if message.startswith(_UNDEFINED):
            fields = {"name": message.removeprefix(_UNDEFINED)}
            finding = Finding("rego.builtin", line=place.get("row", 0), fields=fields)
        found.append((str(place.get("file") or name), finding))
    return found
