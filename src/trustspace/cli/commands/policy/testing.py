"""Cases of policies from files; apart from the commands, because it takes long to import."""

from __future__ import annotations

from contextlib import closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from trustspace.cli.commands.policy.running import read_json
from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.odrl import cases
from trustspace.policy.operands import declared
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trustspace.cli.output import Output
    from trustspace.policy.engine import PolicyEngine


def run(
    paths: list[Path],
    engine: tuple[str, str | None, Path | None],
    operands: list[str],
    output: Output,
) -> bool:
    """Run the cases and show what came of them; returns whether all passed.

    Args:
        paths: Files and folders.
        engine: Its kind, URL and file with a token.
        operands: Declared operands.
        output: Where to show.

    Raises:
        ConfigurationError: There are no cases.
        PolicyError: A file is not one of cases.
    """
    known, found = declared(operands), _found(paths)
    with _engine(*engine) as chosen:
        outcomes = [(file, cases.run_case(chosen, one, operands=known)) for file, one in found]
    failed = sum(not outcome.passed for _, outcome in outcomes)
    if output.json:
        shown = [
            {
                "file": str(file),
                "case": one.case.name,
                "passed": one.passed,
                "expected": one.case.expect,
                "found": one.found,
                "problems": list(one.problems),
            }
            for file, one in outcomes
        ]
        output.document({"passed": len(shown) - failed, "failed": failed, "cases": shown})
        return not failed
    for file, one in outcomes:
        output.lines(f"{'ok  ' if one.passed else 'FAIL'} {file}: {one.case.name}")
        output.lines(*(f"       {problem}" for problem in one.problems))
    output.lines(f"{len(outcomes) - failed} passed, {failed} failed")
    return not failed


def coverage(paths: list[Path], operands: list[str], output: Output) -> int:
    """Run the cases and show what they exercise; returns the percentage."""
    known, engine = declared(operands), WasmEngine()
    outcomes = [cases.run_case(engine, one, operands=known) for _, one in _found(paths)]
    told = cases.coverage(outcomes, operands=known)
    if output.json:
        output.document(told)
    else:
        output.table(
            ("operand", "true", "false", "unknown"),
            [(name, *counts.values()) for name, counts in told["operands"].items()],
        )
        output.lines(*told["missing"], f"{told['percent']} % of what can come out either way")
    return int(told["percent"])


def _engine(
    kind: str, url: str | None, token_file: Path | None
) -> AbstractContextManager[PolicyEngine]:
    if kind == "process":
        return nullcontext(WasmEngine())
    if url is None:
        raise ConfigurationError(
            "there is no server to ask", setting="--url", hint="give --url http://127.0.0.1:8181"
        )
    from trustspace.policy.opa import OpaEngine  # noqa: PLC0415 - only where it is asked for

    token = token_file.read_text(encoding="utf-8").strip() if token_file else None
    return closing(OpaEngine(url, token=token))


def _found(paths: list[Path]) -> list[tuple[Path, cases.Case]]:
    """Return the cases of files and folders."""
    found = []
    for file, document in case_files(paths):
        try:
            found += [(file, case) for case in cases.read_cases(document)]
        except PolicyError as error:
            raise PolicyError(
                f"{file}: {error}", code=error.code, location=error.location
            ) from error
    if not found:
        raise _no_cases(paths)
    return found


def case_files(paths: list[Path], *, required: bool = True) -> list[tuple[Path, Any]]:
    """Return the groups of cases in files and folders, with the policies that they name by a path.

    Args:
        paths: Files and folders; in a folder, other files of JSON are passed over.
        required: Whether there has to be at least one.

    Raises:
        ConfigurationError: There is none.
        PolicyError: A file is not JSON.
    """
    found = []
    for path in paths:
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            document = read_json(file, "PATH")
            if path.is_dir() and not cases.holds_cases(document):
                continue
            whole = cases.linked(document, partial(_read_beside, file))
            groups = whole if isinstance(whole, list) else [whole]
            found += [(file, group) for group in groups]
    if required and not found:
        raise _no_cases(paths)
    return found


def _no_cases(paths: list[Path]) -> ConfigurationError:
    return ConfigurationError(
        f"there are no cases in {', '.join(map(str, paths))}",
        setting="PATH",
        hint='write {"policy": …, "cases": […]} into a file',
    )


def _read_beside(file: Path, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return read_json(file.parent / name, "policy")
