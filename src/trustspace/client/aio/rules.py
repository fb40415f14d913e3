"""The async client: the rules that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.client.aio.driver import AsyncDriver

if TYPE_CHECKING:
    from trustspace.client.rules import RuleComparison, RulesInForce


class AsyncRuleMethods(AsyncDriver):
    """The rules that decide, for all participants of the connector."""

    async def rules(self) -> RulesInForce:
        """Return which rules are in force; as `Client.rules`."""
        return await self.drive(self._operations.rules())

    async def load_rules(self, module: bytes) -> RuleComparison:
        """Take a rule module into force, without a restart; as `Client.load_rules`."""
        return await self.drive(self._operations.load_rules(module))

    async def restore_rules(self) -> RuleComparison:
        """Go back to the shipped rules; as `Client.restore_rules`."""
        return await self.drive(self._operations.restore_rules())

    async def shadow_rules(
        self, module: bytes, *, last: int = 1_000, language: str = "en"
    ) -> RuleComparison:
        """Return what a module would have decided differently; as `Client.shadow_rules`."""
        exchange = self._operations.shadow_rules(module, last=last, language=language)
        return await self.drive(exchange)
