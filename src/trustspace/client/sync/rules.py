"""The sync client: the rules that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.sync.driver import Driver

if TYPE_CHECKING:
    from trustspace.client.rules import RuleComparison, RulesInForce


class RuleMethods(Driver):
    """The rules that decide, for all participants of the connector."""

    def rules(self) -> RulesInForce:
        """Return which rules are in force."""
        return self.drive(self._operations.rules())

    def load_rules(self, module: bytes) -> RuleComparison:
        """Take a rule module into force, without a restart.

        Args:
            module: As ``trustspace policy build`` writes it.

        Returns:
            What it decides differently of what was asked last.

        Raises:
            PolicyError: It is refused, and the rules of before stay.
        """
        return self.drive(self._operations.load_rules(module))

    def restore_rules(self) -> RuleComparison:
        """Go back to the shipped rules."""
        return self.drive(self._operations.restore_rules())

    def shadow_rules(
        self, module: bytes, *, last: int = 1_000, language: str = "en"
    ) -> RuleComparison:
        """Return what a module would have decided differently; nothing changes.

        Args:
            module: As for `load_rules`; it need not be signed.
            last: How many logged requests of each participant are decided.
            language: ``en`` or ``zh``, of the summaries.

        Raises:
            PolicyError: It cannot be used.
        """
        exchange = self._operations.shadow_rules(module, last=last, language=language)
        return self.drive(exchange)
