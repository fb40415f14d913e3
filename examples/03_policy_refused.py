"""A purpose the terms do not allow is refused; the refusal names the rule and what would help.

Run it: python examples/03_policy_refused.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import trustspace as ts


def main() -> None:
    """Ask for marketing where the terms say credit scoring."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ts.Connector.local("garden") as garden,
        ts.Connector.local("agency") as agency,
    ):
        file = Path(folder, "roses.csv")
        file.write_text("grade,price\nA,12\nB,7\n", encoding="utf-8")
        garden.publish(file, id="rose-prices", terms=ts.terms(purpose="credit-scoring"))

        try:
            agency.negotiate(garden.address, "rose-prices", purpose="marketing")
        except ts.PolicyDeniedError as error:
            print("refused:", error)
            for rule in error.reasons:
                print("rule", rule["src"], "wants", rule["left"], rule["op"], rule["expected"])
        else:
            raise SystemExit("marketing was allowed, though the terms say credit scoring")

        agreement = agency.negotiate(garden.address, "rose-prices", purpose="credit-scoring")
        print("agreed for credit scoring:", agreement.id)


if __name__ == "__main__":
    main()
