"""Taking other rules into force while the connector runs.

In this order: verified, loaded beside the rules of now, their cases run, what was asked last
decided by both and compared, kept for the next start, switched. What fails on the way leaves the
rules of now in force, and is told. Where an OPA server decides, it fetches the new rules first;
until then the old ones answer.

Example::

    told = await rollout.load(content)
    told["changed"], told["examples"]
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from trustspace.connector.deciding.kept_rules import (
    Candidate,
    Kept,
    RuleFiles,
    content_digest,
    read_setting,
    recall,
    remember,
)
from trustspace.connector.deciding.policy_engine import Handover, policy_engine
from trustspace.errors import PolicyError, TrustspaceError
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.refusal import refused
from trustspace.policy.rollout.shadow import compare, logged
from trustspace.policy.source_bundle import rules_folder, source_bundle
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from trustspace.connector.context import ConnectorContext
    from trustspace.connector.home import Home
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.messages import Language
    from trustspace.store import Store, Transaction

Json = dict[str, Any]

logger: logging.Logger = logging.getLogger(__name__)

SHADOWED = 1_000
"""How many logged requests of each participant are decided anew."""

POLL = 0.25
"""Seconds between two looks whether an OPA server has fetched the new rules."""


class Rollout:
    """The rules in force, and others that take their place.

    Args:
        context: The connector; its slot holds the engine.
        home: Its home.
        module: The module in force; None for the shipped rules.
        stack: Closes engines.
    """

    def __init__(
        self,
        context: ConnectorContext,
        home: Home,
        module: RuleModule | None,
        stack: AsyncExitStack,
    ) -> None:
        self._context = context
        self._home = home
        self._files = RuleFiles(home)
        self._module = module
        self._stack = stack
        self._lock = asyncio.Lock()
        self._refusal: Json | None = None
        self._watch: asyncio.Task[None] | None = None
        stack.push_async_callback(self._stop_watching)

    def bundle(self) -> bytes:
        """Return the rules in force, or those on their way there, as OPA loads them."""
        if self._module is None:
            return source_bundle(rules_folder())
        return self._module.archive()

    async def status(self) -> Json:
        """Say which rules are in force, and why others were refused last."""
        kept = await self._context.store.read(recall)
        slot, module = self._context.engine, self._module
        return {
            "engine": self._home.settings.policy.engine,
            "revision": slot.revision,
            "state": "handing_over" if isinstance(slot.current, Handover) else "in_force",
            "module": None if module is None else kept.digest,
            "serial": None if kept.serial < 0 else kept.serial,
            "taken_at": None if kept.taken_at is None else kept.taken_at.isoformat(),
            "expires": None if kept.expires is None else kept.expires.isoformat(),
            "cases": 0 if module is None else len(module.cases),
            "operands": [] if module is None else list(module.compiled.operands),
            "refused": self._refusal,
        }

    async def load(self, content: bytes, *, source: str = "") -> Json:
        """Take other rules into force.

        Args:
            content: A module.
            source: Digest of the file that the settings name, if it came from there.

        Returns:
            What changed (`trustspace.policy.rollout.shadow.compare`) and the status.

        Raises:
            PolicyError: They are refused; nothing has changed.
        """
        async with self._lock:
            try:
                return await self._load(content, source)
            except TrustspaceError as error:
                await self._note_refusal(error)
                raise

    async def restore(self) -> Json:
        """Go back to the shipped rules."""
        async with self._lock:
            kept = await self._context.store.read(recall)
            shipped = await asyncio.to_thread(WasmEngine)
            told = await self._compared(shipped, SHADOWED, "en")
            engine = self._deciding(shipped, None)
            fresh = Kept(serial=kept.serial, source=kept.source, taken_at=self._context.now())
            await self._switch(None, engine, fresh, told)
            return told | await self.status()

    async def shadow(self, content: bytes, *, last: int, language: Language) -> Json:
        """Say what other rules would have decided; nothing changes, and no signature is asked for.

        Args:
            content: A module.
            last: How many logged requests of each participant are decided.
            language: Of the summaries.

        Raises:
            PolicyError: It cannot be used.
        """
        module = await asyncio.to_thread(RuleModule.read, content)
        engine = await asyncio.to_thread(module.engine)
        told = await self._compared(engine, last, language)
        return told | {"revision": module.revision}

    async def _load(self, content: bytes, source: str) -> Json:
        kept = await self._context.store.read(recall)
        candidate = await asyncio.to_thread(
            Candidate.of, content, self._home, kept, now=self._context.now()
        )
        module, signature = candidate.module, candidate.signature
        tried = await asyncio.to_thread(_tried, module)
        told = await self._compared(tried, SHADOWED, "en")
        if told["faults"]:
            raise refused("module.unusable", what=told["examples"][0]["after"]["code"])
        await asyncio.to_thread(self._files.write, module)
        engine = self._deciding(tried, module)
        fresh = Kept(
            digest=module.digest,
            serial=kept.serial if signature is None else signature.serial,
            taken_at=self._context.now(),
            expires=None if signature is None else signature.expires,
            source=source or kept.source,
        )
        await self._switch(module, engine, fresh, told)
        return told | await self.status()

    def _deciding(self, tried: WasmEngine, module: RuleModule | None) -> PolicyEngine:
        """Return the engine that decides by rules which were tried in process."""
        settings = self._home.settings
        if settings.policy.engine == "wasm":
            return tried
        return policy_engine(settings, self._stack, module)

    async def _compared(self, new: PolicyEngine, last: int, language: Language) -> Json:
        await self._context.decisions.settle()
        names = tuple(self._context.hosted)

        def query(tx: Transaction) -> list[str]:
            rows = (row for name in names for row in tx.decisions.last(name, last))
            return [row.request for row in rows if row.request is not None]

        requests, unreadable = logged(await self._context.store.read(query))
        told = await asyncio.to_thread(
            compare, requests, self._context.engine.current, new, language=language
        )
        return told | {"unreadable": unreadable}

    async def _switch(
        self, module: RuleModule | None, engine: PolicyEngine, kept: Kept, told: Json
    ) -> None:
        """Keep the rules for the next start, then let them decide."""
        slot = self._context.engine
        about = {
            "revision": engine.revision,
            "before": slot.revision,
            "module": kept.digest,
            "serial": kept.serial,
            "inputs": told["inputs"],
            "changed": told["changed"],
        }

        def hop(tx: Transaction) -> None:
            remember(tx, kept)
            for name in self._context.hosted:
                tx.events.append(name, "policy.changed", about, now=self._context.now())

        await self._context.store.write(hop)
        await self._stop_watching()
        self._module, self._refusal = module, None
        old = slot.current.old if isinstance(slot.current, Handover) else slot.current
        if isinstance(engine, WasmEngine) or engine.revision == old.revision:
            slot.swap(engine)
        else:
            handover = Handover(old, engine, slot)
            slot.swap(handover)
            self._watch = asyncio.create_task(_watch(handover))
        await asyncio.to_thread(self._files.forget_others, kept.digest)

    async def _note_refusal(self, error: TrustspaceError) -> None:
        code = getattr(error, "code", "") or "invalid"
        now = self._context.now()
        self._refusal = {"code": code, "message": str(error), "hint": error.hint}
        self._refusal["at"] = now.isoformat()
        about = {"code": code, "reason": str(error)}

        def hop(tx: Transaction) -> None:
            for name in self._context.hosted:
                tx.events.append(name, "policy.refused", about, now=now)

        await self._context.store.write(hop)

    async def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None


async def starting_rules(home: Home, store: Store) -> RuleModule | None:
    """Return the module that is in force when a connector starts; None for the shipped rules.

    Raises:
        ConfigurationError: The file of the module in force is missing or was changed.
    """
    return RuleFiles(home).read(await store.read(recall))


async def begin_rollout(
    context: ConnectorContext, home: Home, module: RuleModule | None, stack: AsyncExitStack
) -> Rollout:
    """Return the rollout of a connector that starts; arguments as for `Rollout`.

    The module that the settings name is taken if it is not the one that was taken from there last.
    A refused one leaves the rules of before in force, provided that there were some of the site's
    own: the shipped rules alone might allow more than the owner wants.

    Raises:
        ConfigurationError: The file cannot be read.
        PolicyError: It is refused, and no other module is in force.
    """
    rollout = Rollout(context, home, module, stack)
    path = home.settings.policy.module
    if not path:
        return rollout
    content = read_setting(home, "policy.module", path)
    kept, source = await context.store.read(recall), content_digest(content)
    if kept.source != source:
        try:
            await rollout.load(content, source=source)
        except PolicyError as error:
            if not kept.digest:
                raise
            logger.warning("%s is not taken: %s", path, error)
    return rollout


def _tried(module: RuleModule) -> WasmEngine:
    engine = module.engine()
    module.try_cases(engine)
    return engine


async def _watch(handover: Handover) -> None:
    """Look from time to time whether the server has the new rules, so that they are told of."""
    while True:
        if await asyncio.to_thread(handover.look):
            return
        await asyncio.sleep(POLL)
