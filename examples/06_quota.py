"""Limits of opens and rows: refused with the reason, and told when the next window opens.

Run it: python examples/06_quota.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import trustspace as ts


def use_up(agreement: ts.Agreement, *, within: tuple[int, ...]) -> ts.PolicyDeniedError:
    """Open the data until that is refused; return the refusal."""
    used = 0
    try:
        while True:
            with agreement.open() as data:
                rows = data.to_polars().height
            used += 1
            print(f"use {used}: {rows} rows")
    except ts.PolicyDeniedError as error:
        # Midnight may come between two of them.
        if used not in within:
            raise SystemExit(f"{used} uses, expected one of {within}") from error
        print("refused:", error)
        print("hint:", error.hint)
        return error


def main() -> None:
    """Publish under a quota of opens a day, then of rows, and use both up."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("garden") as garden,
        ts.Connector.local("agency") as agency,
    ):
        file = Path(folder, "roses.csv")
        file.write_text("grade,price\nA,12\nB,7\n", encoding="utf-8")

        # Three opens a day in Beijing, five in all.
        quota = ts.terms(frequency="3/P1D+08:00", count=5)
        garden.publish(file, id="rose-prices", terms=quota)
        agreement = agency.negotiate(garden.address, "rose-prices")
        use_up(agreement, within=(3, 4, 5))

        # Five rows a day: the third open of two rows gets one row, and then the reason.
        quota = ts.terms(rows="5/P1D+08:00", size="1MB")
        garden.publish(file, id="few-roses", terms=quota)
        agreement = agency.negotiate(garden.address, "few-roses")
        refusal = use_up(agreement, within=(2, 3, 4))
        if refusal.code not in ("pep.limit_reached", "odrl.constraint.unsatisfied"):
            raise SystemExit(f"refused for another reason: {refusal.code}")
        for quota_left in garden.agreement(agreement.id).quotas:
            print(quota_left, "- opens again at", quota_left.opens_at)
        print(*garden.explain(agreement.id, language="zh").sentences, sep="\n")


if __name__ == "__main__":
    main()
