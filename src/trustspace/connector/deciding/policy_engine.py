"""Which policy engine a connector asks, and how an OPA server gets the rules.

The server fetches them from the management listener over OPA's bundle interface, with a token of
its own that opens nothing else.

The engine stands in a slot, so that other rules can take its place while the connector runs.

Example::

    slot = EngineSlot(WasmEngine())
    forget = slot.on_change(lambda: print(slot.revision))
    slot.swap(WasmEngine(other))
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from trustspace.connector.deciding.high_water import HighWater
from trustspace.errors import ConfigurationError
from trustspace.policy.engine import denial
from trustspace.policy.rollout.module import probe
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from trustspace.connector.settings import Settings
    from trustspace.policy.decision import Decision, DecisionRequest, Trace
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.rollout.module import RuleModule

BUNDLE_PATH = "/v1/policy/bundle.tar.gz"
"""Where the management listener serves the rules."""


class EngineSlot:
    """The engine that decides now; itself an engine, safe to share between threads.

    Where the clock was set back it denies with ``engine.clock``.

    Args:
        engine: The first one.

    Attributes:
        latest: The latest moment at which something was decided.
    """

    def __init__(self, engine: PolicyEngine) -> None:
        self._lock = threading.Lock()
        self._engine = engine
        self._former: set[str] = set()
        self._epoch = 0
        self._on_change: list[Callable[[], object]] = []
        self.latest: HighWater = HighWater()

    @property
    def revision(self) -> str:
        """Digest of the sources of the rules that decide now."""
        return self._engine.revision

    @property
    def current(self) -> PolicyEngine:
        """The engine that decides now."""
        return self._engine

    @property
    def epoch(self) -> int:
        """How often the engine was exchanged; a lease of another epoch no longer stands."""
        return self._epoch

    def swap(self, new: PolicyEngine) -> PolicyEngine:
        """Let another engine decide from here on, and tell everybody who wants to know.

        Returns:
            The engine before; decisions under way may still use it.
        """
        with self._lock:
            old, self._engine = self._engine, new
            self._former.add(old.revision)
            self._epoch += 1
            listeners = tuple(self._on_change)
        for call in listeners:
            call()
        return old

    def on_change(self, call: Callable[[], object]) -> Callable[[], None]:
        """Have a function called after each exchange, in the thread that made it.

        Returns:
            A function that takes the call off again.
        """
        with self._lock:
            self._on_change.append(call)
        return lambda: self._on_change.remove(call)

    def decide(self, request: DecisionRequest) -> Decision:
        """Return the decision, or a denial with an ``engine.*`` reason."""
        engine = self._engine
        asked = self._asked(engine, request)
        if asked is None:
            return denial(request, "engine.clock", engine.revision)
        return engine.decide(asked)

    def decide_many(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """Return one decision per request, in their order."""
        engine = self._engine
        asked = [self._asked(engine, request) for request in requests]
        decided = iter(engine.decide_many([each for each in asked if each is not None]))
        return [
            denial(request, "engine.clock", engine.revision) if each is None else next(decided)
            for request, each in zip(requests, asked, strict=True)
        ]

    def trace(self, request: DecisionRequest) -> Trace | None:
        """Return how every rule came out, or None when the engine failed."""
        engine = self._engine
        return engine.trace(self._meant_for(engine, request))

    def _asked(self, engine: PolicyEngine, request: DecisionRequest) -> DecisionRequest | None:
        """Return what the engine is asked, or None where the clock was set back."""
        now = self.latest.moment(request.now)
        if now is None:
            return None
        if now != request.now:
            request = request.model_copy(update={"now": now})
        return self._meant_for(engine, request)

    def _meant_for(self, engine: PolicyEngine, request: DecisionRequest) -> DecisionRequest:
        """Ask the rules of now what was meant for those that they replaced in the meantime."""
        if request.bundle != engine.revision and request.bundle in self._former:
            return request.model_copy(update={"bundle": engine.revision})
        return request


class Handover:
    """The old rules as long as a server holds them, then the new ones.

    Args:
        old: Asks for the rules of before.
        new: Asks the same server for the rules that it is going to fetch.
        slot: Gets the new engine once the server has answered it.
    """

    def __init__(self, old: PolicyEngine, new: PolicyEngine, slot: EngineSlot) -> None:
        self.old = old
        self._new = new
        self._slot = slot
        self._lock = threading.Lock()

    @property
    def revision(self) -> str:
        """Digest of the sources of the old rules."""
        return self.old.revision

    def decide(self, request: DecisionRequest) -> Decision:
        """Return the decision, or a denial with an ``engine.*`` reason."""
        decision = self.old.decide(request)
        if not _is_of_others(decision):
            return decision
        decision = self._new.decide(_for(self._new, request))
        self._moved(decision)
        return decision

    def decide_many(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """Return one decision per request, in their order."""
        return [self.decide(request) for request in requests]

    def trace(self, request: DecisionRequest) -> Trace | None:
        """Return how every rule came out, or None when the engine failed."""
        return self.old.trace(request) or self._new.trace(_for(self._new, request))

    def look(self) -> bool:
        """Ask the server whether it has the new rules; True once it has."""
        self._moved(self._new.decide(probe(self._new.revision)))
        return self._slot.current is not self

    def _moved(self, decision: Decision) -> None:
        if any(reason.id.startswith("engine.") for reason in decision.reasons):
            return
        with self._lock:
            if self._slot.current is self:
                self._slot.swap(self._new)


def _is_of_others(decision: Decision) -> bool:
    return any(reason.id == "engine.revision" for reason in decision.reasons)


def _for(engine: PolicyEngine, request: DecisionRequest) -> DecisionRequest:
    return request.model_copy(update={"bundle": engine.revision})


def policy_engine(
    settings: Settings, stack: AsyncExitStack, module: RuleModule | None
) -> PolicyEngine:
    """Return the engine that the settings name; it is closed with the stack.

    Args:
        settings: The settings.
        stack: Closes it.
        module: The rules; None for those that come with the package.

    Raises:
        ConfigurationError: The server's URL or token file cannot be used.
    """
    if settings.policy.engine == "wasm":
        return WasmEngine() if module is None else module.engine()
    # Its client brings three HTTP libraries, a fifth of what a connector takes to start.
    from trustspace.policy.opa import OpaEngine  # noqa: PLC0415 - only where it is asked for

    engine = OpaEngine(
        settings.policy.url,
        token=_token(settings.policy.token_file),
        revision=None if module is None else module.revision,
    )
    stack.callback(engine.close)
    return engine


def bundle_token(token_digest: str) -> str:
    """Return the token that opens the rules and nothing else.

    Args:
        token_digest: Hash of the management token.
    """
    return hmac.new(token_digest.encode(), b"policy bundle", hashlib.sha256).hexdigest()


def _token(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="ascii").strip() if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}",
            setting="policy.token_file",
            hint="give the file with the bearer token of the OPA server",
        ) from error
