"""The kit's cases against our connector under test; exit code 0 when all of them pass.

::

    python -m tests.conformance                     our own driver, all cases
    python -m tests.conformance CN_01_01 TP_01_01   some of them
    python -m tests.conformance --kit FOLDER        the official kit, from a folder of its jars
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.connector import ROOT, NotReadyError, connector_under_test
from tests.conformance.kit import Configuration
from tests.conformance.official import KitError, run_official
from tests.conformance.report import Report, line_of
from tests.conformance.schemas import Schemas
from tests.conformance.suite import CASES, DISABLED, IDS, play_all

NOT_RUN = "not run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite or the official kit; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        report = asyncio.run(_official(given.kit) if given.kit else _own(given.cases))
    except (KitError, NotReadyError, FileNotFoundError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path, text in ((given.json, report.as_json()), (given.markdown, report.as_markdown())):
        if path is not None:
            path.write_text(text, encoding="utf-8")
    for line in report.tail():
        _say(line)
    in_ci = os.environ.get("CI") == "true"
    return 0 if report.passed and not (in_ci and report.validation.startswith(NOT_RUN)) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="The Dataspace Protocol kit's cases against our connector under test.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these, such as CN_01_01")
    parser.add_argument("--kit", type=Path, metavar="FOLDER", help="run the official kit's jars")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown")
    return parser


async def _own(cases: Sequence[str]) -> Report:
    unknown = [case for case in cases if case not in CASES]
    if unknown:
        raise FileNotFoundError(f"there is no case {', '.join(unknown)}")
    folder = schemas_folder()
    schemas = Schemas(folder)
    outcomes = []
    async with connector_under_test() as text:
        async for outcome in play_all(Configuration.read(text, schemas), cases or tuple(CASES)):
            outcomes.append(outcome)
            if outcome.id not in DISABLED:
                _say(line_of(outcome))
    return Report(
        driver="our own driver",
        validation="every message against the official schemas" if folder else _not_run(),
        outcomes=outcomes,
        wanted=[case for case in IDS if not cases or case in cases],
    )


async def _official(folder: Path) -> Report:
    outcomes = await run_official(folder, heard=_say)
    for outcome in outcomes:
        _say(line_of(outcome))
    return Report(
        driver=f"the official kit in {folder}", validation="the kit's own", outcomes=outcomes
    )


def schemas_folder() -> Path | None:
    """Return the folder of the official schemas: ``$SCHEMAS``, else beside the project."""
    beside = ROOT.parent / "shared" / "spec" / "dsp-2025-1"
    folder = Path(os.environ.get("SCHEMAS") or beside)
    return folder if folder.is_dir() else None


def _not_run() -> str:
    return f"{NOT_RUN} (name the official schemas' folder in SCHEMAS)"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
