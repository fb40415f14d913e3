"""The rules that decide, for all participants of a connector.

Example::

    comparison = client.drive(Operations().shadow_rules(content))
    client.drive(Operations().load_rules(content))
"""

from __future__ import annotations

import base64

from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.operations.participant import ParticipantOperations
from trustspace.client.rules import RuleComparison, RulesInForce

PATH = "policy"


class RuleOperations(ParticipantOperations):
    """Which rules decide."""

    def rules(self) -> Exchange[RulesInForce]:
        """Return which rules are in force."""
        response = yield from call(Request("GET", PATH))
        return RulesInForce.read(response.document)

    def load_rules(self, module: bytes) -> Exchange[RuleComparison]:
        """Take a rule module into force, without a restart.

        Args:
            module: As ``trustspace policy build`` writes it.

        Returns:
            What it decides differently of what was asked last.

        Raises:
            PolicyError: It is refused, and the rules of before stay.
        """
        response = yield from call(Request("PUT", PATH, body=_body(module)))
        return RuleComparison.read(response.document)

    def restore_rules(self) -> Exchange[RuleComparison]:
        """Go back to the shipped rules."""
        response = yield from call(Request("DELETE", PATH))
        return RuleComparison.read(response.document)

    def shadow_rules(
        self, module: bytes, *, last: int = 1_000, language: str = "en"
    ) -> Exchange[RuleComparison]:
        """Return what a module would have decided differently; nothing changes.

        Args:
            module: As for `load_rules`; it need not be signed.
            last: How many logged requests of each participant are decided.
            language: ``en`` or ``zh``, of the summaries.

        Raises:
            PolicyError: It cannot be used.
        """
        query = {"last": str(last), "language": language}
        request = Request("POST", f"{PATH}/shadow", body=_body(module), query=query)
        response = yield from call(request)
        return RuleComparison.read(response.document)


def _body(module: bytes) -> dict[str, object]:
    return {"module": base64.b64encode(module).decode("ascii")}
