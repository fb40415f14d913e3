"""The documentation lists every case with what happens in it."""

from __future__ import annotations

from tests.conformance.connector import ROOT
from tests.conformance.suite import CASES, DISABLED


def test_the_page_lists_every_case() -> None:
    page = (ROOT / "docs" / "reference" / "conformance.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(("| MET", "| C", "| TP"))]
    expected = [
        f"| {name} | {play.__doc__}{' *Disabled in the kit.*' if name in DISABLED else ''} |"
        for name, (_, play) in CASES.items()
    ]
    assert [row for row in rows if row != "| Case | What happens |" and "Command" not in row] == (
        expected
    )
