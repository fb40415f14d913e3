"""Hold the share of public symbols whose type pyright knows completely.

Example::

    python .ci/typed_interface.py --at-least 99
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any


def main() -> int:
    """Run ``pyright --verifytypes`` and compare its score; list what is not typed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at-least", type=float, required=True, help="per cent")
    wanted: float = parser.parse_args().at_least
    command = ["pyright", "--verifytypes", "trustspace", "--ignoreexternal", "--outputjson"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(run.stdout)["typeCompleteness"]
    except (ValueError, KeyError):
        print(run.stdout, run.stderr, sep="\n")
        return 1
    score = 100 * float(report["completenessScore"])
    counts = report["exportedSymbolCounts"]
    print(f"{score:.2f} % of {sum(counts.values())} public symbols are completely typed")
    if score >= wanted:
        return 0
    print(f"at least {wanted:g} % are wanted; not completely typed:", *_untyped(report), sep="\n  ")
    return 1


def _untyped(report: Mapping[str, Any]) -> Iterator[str]:
    for symbol in report["symbols"]:
        if symbol["isExported"] and not symbol["isTypeKnown"]:
            reasons = "; ".join(entry["message"] for entry in symbol.get("diagnostics", ()))
            yield f"{symbol['name']}: {' '.join(reasons.split())}"


if __name__ == "__main__":
    sys.exit(main())
