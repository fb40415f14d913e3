"""The lint over files; apart from the command, because it takes long to import."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trustspace.cli.command import load
from trustspace.cli.commands.policy.lint_rego import RegoLint
from trustspace.cli.commands.policy.running import read_json
from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.linting.policy import lint_policy
from trustspace.policy.odrl.reader import read_policy
from trustspace.policy.operands import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trustspace.cli.commands.policy.lint import Measures
    from trustspace.cli.output import Output
    from trustspace.policy.document import Document
    from trustspace.policy.linting.finding import Finding, Severity
    from trustspace.policy.messages import Language

Json = dict[str, Any]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first."""

_RULES = frozenset({"permission", "prohibition", "obligation", "inheritFrom"})
_CLASSES = frozenset({"Policy", "Set", "Offer", "Agreement"})


def lint(
    paths: list[Path], measures: Measures, language: Language, output: Output
) -> tuple[Severity | None, bool]:
    """Look everything over and show what was found.

    Returns:
        The worst severity, and whether everything could be checked.

    Raises:
        ConfigurationError: There is nothing to look over, or a path is not there.
    """
    policies = [found for path in paths for found in _policies(path)]
    rego = RegoLint.of(paths, has_policies=frozenset(file for file, _, _ in policies))
    if not policies and not rego.files:
        raise ConfigurationError(
            f"there is neither a policy nor Rego in {', '.join(map(str, paths))}",
            setting="PATH",
            hint="name files of ODRL or Rego, or folders that hold them",
        )
    found = [
        *_odrl(policies, measures),
        *rego.findings(measures.opa, measures.coverage, measures.run),
    ]
    _show(found, rego.not_run, (len(policies), len(rego.files)), language, output)
    severities = {finding.severity for _, finding in found}
    worst = next((one for one in SEVERITIES if one in severities), None)
    return worst, rego.not_run is None


def _policies(path: Path) -> Iterator[tuple[Path, str, Any]]:
    """Yield file, place in it and document of every policy."""
    if not path.exists():
        raise ConfigurationError(f"{path} is not there", setting="PATH", hint="check the path")
    if path.is_dir():
        files = sorted(file for end in ("json", "jsonld") for file in path.rglob(f"*.{end}"))
    else:
        files = [] if path.suffix == ".rego" else [path]
    for file in files:
        try:
            document = read_json(file, "PATH")
        except PolicyError:
            if path.is_dir():
                continue
            raise
        found = list(_within(document))
        if not found and not path.is_dir():
            found = [("", document)]
        yield from ((file, place, policy) for place, policy in found)


def _within(document: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON value
    """Yield the policies of a document: it may be one, or cases of some."""
    groups = document if isinstance(document, list) else [document]
    for index, group in enumerate(groups):
        place = f"/{index}" if isinstance(document, list) else ""
        if not isinstance(group, dict):
            continue
        if isinstance(group.get("cases"), list) and "policy" in group:
            if any(case.get("expect") != "refused" for case in group["cases"]):
                policy = group["policy"]
                if isinstance(policy, str):
                    continue  # A file of its own, which is looked over where it is.
                yield f"{place}/policy", policy
        elif _is_policy(group):
            yield place, group if len(groups) > 1 else document


def _is_policy(node: Json) -> bool:
    names = {str(name).rpartition("/")[2].rpartition(":")[2] for name in node}
    kinds = node.get("@type", node.get("type"))
    kinds = {str(kind).rpartition("/")[2].rpartition(":")[2] for kind in _listed(kinds)}
    return bool(names & _RULES or kinds & _CLASSES or "@graph" in node)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, list) else [value]


def _odrl(
    policies: list[tuple[Path, str, Any]], measures: Measures
) -> Iterator[tuple[str, Finding]]:
    operands = declared(measures.operand or [])
    now = measures.now or datetime.now(UTC)
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    columns = _columns(measures)
    others: dict[str, Document] = {}
    for _, _, document in policies:
        try:
            one = read_policy(document, operands=operands)
        except PolicyError:
            continue  # What is wrong with it is said where it is looked over itself.
        others[one.uid] = one
    for file, place, document in policies:
        name = f"{file}#{place}" if place else str(file)
        for finding in lint_policy(
            document, now=now, columns=columns, others=others, operands=operands
        ):
            yield name, finding


def _columns(measures: Measures) -> list[str] | None:
    if measures.table is None:
        return measures.column
    layout = load("trustspace.dataplane.table_layout", feature="--table", extra="data")
    names = [column.name for column in layout.describe(measures.table)]
    return [*names, *(measures.column or ())]


def _show(
    found: list[tuple[str, Finding]],
    not_run: str | None,
    looked: tuple[int, int],
    language: Language,
    output: Output,
) -> None:
    counts: Mapping[str, int] = Counter(finding.severity for _, finding in found)
    if output.json:
        output.document(
            {
                "findings": [{"file": name, **finding.to_document()} for name, finding in found],
                **{f"{severity}s": counts.get(severity, 0) for severity in SEVERITIES},
                "policies": looked[0],
                "rego_files": looked[1],
                "not_run": not_run,
            }
        )
        return
    for name, finding in found:
        place = f":{finding.line}" if finding.line else f" {finding.pointer or '/'}"
        place = place if finding.pointer or finding.line else ""
        output.lines(f"{name}{place}: {finding.severity} {finding.rule}: {finding.words(language)}")
    told = ", ".join(f"{counts.get(severity, 0)} {severity}s" for severity in SEVERITIES)
    output.lines(f"{looked[0]} policies and {looked[1]} files of Rego: {told}")
    if not_run is not None:
        output.lines(f"not run: {not_run}")
