"""The official kit, run from a folder of its jars, and its log read into the same report.

Its exit code says nothing: it is 0 even when every case failed. So its log decides, and only the
counts that it prints at its end make a pass.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.conformance.connector import connector_under_test, free_ports
from tests.conformance.suite import IDS, Outcome

MAIN = "org.eclipse.dataspacetck.dsp.suite.DspTckSuite"
"""The kit's main class."""

KIT_SECONDS = 1_200.0

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CASE = re.compile(r"\b(Started|SUCCESSFUL|FAILED): ((?:MET|CAT|CN_C|CN|TP_C|TP):\d\d-\d\d)")
_DETAIL = re.compile(r"\s*\[((?:MET|CAT|CN_C|CN|TP_C|TP):\d\d-\d\d)")
_COUNT = re.compile(r"\b(Passed|Failed) tests: (\d+)")


class KitError(Exception):
    """The official kit cannot be run."""


async def run_official(folder: Path, *, heard: Callable[[str], None]) -> list[Outcome]:
    """Run the official kit against a connector under test.

    Args:
        folder: Where its jars are.
        heard: Called with every line of its log.

    Raises:
        KitError: There is no Java, the jars are not there, or the kit did not end.
    """
    main = main_class(folder)
    java = shutil.which("java")
    if java is None:
        raise KitError("the official kit needs a java on the path")
    kit = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with connector_under_test(kit=kit) as text:
        with tempfile.TemporaryDirectory() as scratch:
            properties = Path(scratch) / "tck.properties"
            properties.write_text(text, encoding="ascii")
            command = (java, "-cp", f"{folder}/*", main, "-config", str(properties))
            return await _heard(command, heard)


def main_class(folder: Path) -> str:
    """Return the kit's main class: the known one, else the only suite in the jars.

    Raises:
        KitError: There is none, or several.
    """
    jars = sorted(folder.glob("*.jar"))
    if not jars:
        raise KitError(f"there are no jars in {folder}")
    found = {name for jar in jars for name in _classes(jar)}
    if MAIN in found:
        return MAIN
    suites = sorted(name for name in found if name.endswith("TckSuite"))
    if len(suites) != 1:
        raise KitError(f"the jars in {folder} have {len(suites)} suites, expected {MAIN}")
    return suites[0]


def _classes(jar: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.endswith(".class"):
                    yield name.removesuffix(".class").replace("/", ".")
    except zipfile.BadZipFile as error:
        raise KitError(f"{jar} is not a jar") from error


async def _heard(command: tuple[str, ...], heard: Callable[[str], None]) -> list[Outcome]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    log = Log()
    try:
        async with asyncio.timeout(KIT_SECONDS):
            async for raw in process.stdout:
                line = _ANSI.sub("", raw.decode(errors="replace")).rstrip()
                log.read(line, now=time.monotonic())
                heard(line)
            await process.wait()
    except TimeoutError:
        raise KitError(f"the kit did not end within {KIT_SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return log.outcomes()


class Log:
    """Reads the kit's log, line by line.

    Each case is logged when it begins and when it ends. Then come the counts, and for every failure
    the case in brackets with the message on the line below.
    """

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._counts: dict[str, int] = {}
        self._explained = ""

    def read(self, line: str, *, now: float) -> None:
        """Read one line.

        Args:
            line: Without colours.
            now: Seconds of a clock that goes on.
        """
        count = _COUNT.search(line)
        if count is not None:
            self._counts[count[1]] = int(count[2])
        elif self._counts:
            self._read_detail(line)
        elif (case := _CASE.search(line)) is not None:
            self._read_case(case[1], _id(case[2]), now)

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes in the order of the cases.

        Raises:
            KitError: The counts at its end are missing, or do not fit what was logged.
        """
        failed = sum(not one.passed for one in self._outcomes.values())
        logged = {"Passed": len(self._outcomes) - failed, "Failed": failed}
        if self._counts != logged:
            raise KitError(
                f"the kit's log cannot be relied on: it counts {self._counts or 'nothing'} "
                f"and logs {logged}"
            )
        known = [self._outcomes.pop(case) for case in IDS if case in self._outcomes]
        return [*known, *self._outcomes.values()]

    def _read_case(self, word: str, case: str, now: float) -> None:
        if word == "Started":
            self._begun[case] = now
            return
        seconds = round(now - self._begun.get(case, now), 3)
        problem = "" if word == "SUCCESSFUL" else "failed, the kit does not say why"
        self._outcomes[case] = Outcome(case, problem, seconds)

    def _read_detail(self, line: str) -> None:
        detail = _DETAIL.match(line)
        if detail is not None:
            self._explained = _id(detail[1])
        elif self._explained in self._outcomes and line.strip():
            outcome = self._outcomes[self._explained]
            self._outcomes[self._explained] = replace(outcome, problem=line.strip())
            self._explained = ""


def _id(shown: str) -> str:
    return shown.replace(":", "_").replace("-", "_")
