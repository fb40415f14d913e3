"""An operand of one's own: a provider of facts says its value; a Rego file may work it out.

Run it: python examples/05_own_operand.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import trustspace as ts
from trustspace.policy.fact_provider import FactQuestion
from trustspace.policy.left_operand import LeftOperand
from trustspace.policy.own_operand import own_operand

NAME = "acme:reactorClass"
SMALL_REACTORS = {
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": NAME, "operator": "eq", "rightOperand": "IIb"}],
        }
    ]
}

# The register writes the year behind the class; this file works out the class.
REGO = """\
# METADATA
# title: Class of a reactor
# custom:
#   operand: {"name": "acme:reactorClass", "kind": "string", "operators": ["eq", "isAnyOf"]}
package trustspace.operands

known contains "acme:reactorClass"

fact("acme:reactorClass", q, _) := object.union(said, {"value": split(said.value, "-")[0]}) if {
	said := given(q, "acme:reactorClass")
	is_string(said.value)
}
"""


class Register:
    """A provider of facts: which reactor a participant runs."""

    max_age = timedelta(seconds=1)

    def __init__(self, *operands: LeftOperand | str) -> None:
        self.operands: Sequence[LeftOperand | str] = operands
        self.reactors: dict[str, str] = {}

    def facts(self, question: FactQuestion) -> Mapping[str, object]:
        """Say what the register knows of a counterparty."""
        return {NAME: self.reactors.get(question.counterparty)}


def exchange(garden: ts.LocalClient, register: Register, reactor: str) -> None:
    """Let a consumer try before and after the register knows its reactor."""
    with ts.Connector.local("works") as works:
        try:
            works.negotiate(garden.address, "roses")
        except ts.PolicyDeniedError as error:
            print("refused:", error)
        else:
            raise SystemExit("agreed although nobody knows the reactor")
        register.reactors[works.id] = reactor
        time.sleep(1.1)  # What is not known is asked for again after a second.
        agreement = works.negotiate(garden.address, "roses")
        with agreement.open() as data:
            print("received:", data.to_polars().height, "rows")


def main() -> None:
    """Decide by the register's word, then by what a Rego file makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "roses.csv")
        file.write_text("grade,price\nA,12\nB,7\n", encoding="utf-8")

        # The provider declares the operand; its word is compared as it comes. No OPA needed.
        register = Register(own_operand({"name": NAME, "kind": "string"}))
        with ts.Connector.local("garden", facts=[register]) as garden:
            garden.publish(file, id="roses", terms=SMALL_REACTORS)
            exchange(garden, register, "IIb")

        # One Rego file declares the operand and works it out; the provider names it.
        home = Path(folder, "garden")
        with ts.Connector.local("garden", home=home):
            pass  # Makes the home.
        operands = home / "policies" / "operands"
        operands.mkdir(parents=True)
        (operands / "reactor.rego").write_text(REGO, encoding="utf-8")
        build = [sys.executable, "-m", "trustspace", "policy", "build", str(home / "policies")]
        built = subprocess.run(
            [*build, "-o", str(home / "rules.tar.gz")], capture_output=True, text=True, check=False
        )
        if built.returncode:
            print("The second half needs OPA, which compiles Rego:", built.stderr.strip())
            return
        settings = home / "trustspace.toml"
        settings.write_text(settings.read_text() + '\n[policy]\nmodule = "rules.tar.gz"\n')
        register = Register(NAME)
        with ts.Connector.local("garden", home=home, facts=[register]) as garden:
            garden.publish(file, id="roses", terms=SMALL_REACTORS)
            exchange(garden, register, "IIb-2021")


if __name__ == "__main__":
    main()
