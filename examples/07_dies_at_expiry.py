"""A governed frame dies at the end of its agreement, in the middle of a loop.

The data lies on the consumer's own disk, sealed. When the time that was agreed is over, the next
batch does not come, the key is destroyed and the files are gone: nobody asks the provider for that,
and nobody has to be on-line.

Run it: python examples/07_dies_at_expiry.py
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustspace as ts


def main() -> None:
    """Keep a delivery for a few seconds and use it in a loop that would never end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("garden") as garden,
        ts.Connector.local("bank") as bank,
    ):
        file = Path(folder, "roses.csv")
        rows = "\n".join(f"{'ABC'[each % 3]},{each}" for each in range(50_000))
        file.write_text(f"grade,price\n{rows}\n", encoding="utf-8")
        until = datetime.now(UTC) + timedelta(seconds=5)
        garden.publish(file, id="rose-prices", terms=ts.terms(until=until))
        agreement = bank.negotiate(garden.address, "rose-prices")

        kept = bank.keep(agreement)
        print("kept, sealed:", kept.rows, "rows in", kept.bytes, "bytes")
        sealed = list(bank.home.path.rglob("*.sealed"))

        batches = 0
        try:
            with bank.use(agreement) as data:
                grades = data.sql("select grade, count(*) as n from data group by 1 order by 1")
                print("in the meantime:", grades.to_polars().rows())
                while True:
                    for _ in data.iter_batches():
                        batches += 1
        except ts.PolicyDeniedError as error:
            print(f"after {batches} batches:", error)

        deadline = time.monotonic() + 20
        while any(each.exists() for each in sealed):
            if time.monotonic() > deadline:
                raise SystemExit("the sealed files are still there")
            time.sleep(0.1)
        print("the key and the files are gone:", len(sealed), "files")


if __name__ == "__main__":
    main()
