"""Three opens a day and five in all: the fourth of a day is refused and told when to come again.

Run it: python examples/06_quota.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import trustspace as ts


def main() -> None:
    """Publish under a quota of days in Beijing, and use it up."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("garden") as garden,
        ts.Connector.local("agency") as agency,
    ):
        file = Path(folder, "roses.csv")
        file.write_text("grade,price\nA,12\nB,7\n", encoding="utf-8")
        quota = ts.terms(frequency="3/P1D+08:00", count=5)
        garden.publish(file, id="rose-prices", terms=quota)

        agreement = agency.negotiate(garden.address, "rose-prices")
        used = 0
        try:
            while True:
                with agreement.open() as data:
                    rows = data.to_polars().height
                used += 1
                print(f"use {used}: {rows} rows")
        except ts.PolicyDeniedError as error:
            print("refused:", error)
            print("hint:", error.hint)
        # Midnight may come between two of them.
        if used not in (3, 4, 5):
            raise SystemExit(f"{used} uses of a quota of 3 a day")


if __name__ == "__main__":
    main()
