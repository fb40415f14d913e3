"""Two organisations in one program: publish a table under terms, agree, read what they leave.

Run it: python examples/01_with_block.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import trustspace as ts

ROSES = """\
name,phone,grade,price
Ada,030-1234567,A,12
Bob,040-7654321,B,7
Cyd,089-5550123,A,15
"""


def main() -> None:
    """Exchange a table between a garden and a bank."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("garden") as garden,
        ts.Connector.local("bank") as bank,
    ):
        file = Path(folder, "roses.csv")
        file.write_text(ROSES, encoding="utf-8")
        terms = ts.terms(purpose="credit-scoring", count=3, where='grade = "A"', mask=["phone"])
        garden.publish(file, id="rose-prices", terms=terms)

        agreement = bank.negotiate(garden.address, "rose-prices", purpose="credit-scoring")
        print("agreed:", agreement.id)
        with agreement.open() as data:
            frame = data.to_polars()
        print(frame)
        print("rows delivered:", frame.height, "of 3; phone numbers are hashed")


if __name__ == "__main__":
    main()
