"""Facts from providers: fetched before a decision, kept while they stand, never waited for within.

A hop on the store asks the desk for the facts that its rules need. What the desk does not have ends
the hop, which leaves no trace; the desk fetches and the hop runs again. So nobody waits for a
network inside a transaction, only what applicable rules need is fetched, and a warm desk costs one
look into a table. What could not be had is remembered for a moment as unknown.

Example::

    verdict = await desk.write(store, lambda tx: decide(tx))
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from trustspace.errors import PolicyError
from trustspace.policy.decision import Fact
from trustspace.policy.fact_provider import FactProvider, FactQuestion
from trustspace.policy.given_fact import fact_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from trustspace.policy.left_operand import LeftOperand
    from trustspace.store import Store, Transaction

logger: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")
Key = tuple[str, str, str, str]
"""Participant, counterparty, dataset, operand."""

AGAIN = 1.0
"""Seconds for which what could not be had stays unknown, before it is asked for again."""

KEPT = 50_000
"""Facts that are kept."""

ROUNDS = 4
"""Times that one hop may find that it needs another fact."""

THREADS = 8
"""Questions to one provider's plain function at a time; it may hang, and each takes a thread."""


class FactsNeededError(Exception):
    """A hop needs facts that are not there; it is run again when they were asked for."""

    def __init__(self, question: FactQuestion) -> None:
        super().__init__(", ".join(question.operands))
        self.question = question


@dataclass(frozen=True)
class Source:
    """A provider under its name, with what it serves.

    Attributes:
        name: Its name in settings and logs.
        provider: The provider.
        operands: What it serves, by prefixed name.
        seconds: How long one question may take.
    """

    name: str
    provider: FactProvider
    operands: Mapping[str, LeftOperand]
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class _Kept:
    fact: Fact
    until: float


class FactDesk:
    """The facts of every provider of one connector.

    Args:
        sources: The providers; no two serve the same operand.
        clock: Returns the time.
    """

    def __init__(
        self, sources: Sequence[Source] = (), clock: Callable[[], datetime] | None = None
    ) -> None:
        self._clock = clock
        self._served = {name: source for source in sources for name in source.operands}
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._asking: dict[FactQuestion, asyncio.Task[None]] = {}
        self._threads = {source.name: threading.Semaphore(THREADS) for source in sources}
        self._patient = threading.local()
        self._on_change: list[Callable[[str, str], object]] = []

    @property
    def served(self) -> frozenset[str]:
        """The operands that a provider serves."""
        return frozenset(self._served)

    def on_change(self, call: Callable[[str, str], object]) -> None:
        """Have a function called with a participant's and a counterparty's id when facts change."""
        self._on_change.append(call)

    async def write(self, store: Store, hop: Callable[[Transaction], T]) -> T:
        """Run a hop that decides, as often as it finds facts missing that can be asked for.

        Raises:
            StoreError: The database is locked, full or broken; nothing has changed.
        """
        if not self._served:
            return await store.write(hop)

        def patiently(tx: Transaction) -> T:
            self._patient.on = True
            try:
                return hop(tx)
            finally:
                self._patient.on = False

        for _ in range(ROUNDS):
            try:
                return await store.write(patiently)
            except FactsNeededError as needed:
                await self.fetch(needed.question)
        return await store.write(hop)

    def facts(self, question: FactQuestion, *, now: datetime) -> dict[str, Fact]:
        """Return what is known of the operands that a provider serves.

        Raises:
            FactsNeededError: Something is not known that can be asked for, within `write`.
        """
        wanted = [name for name in question.operands if name in self._served]
        found: dict[str, Fact] = {}
        missing = []
        for name in wanted:
            kept = self._kept.get(_key(question, name))
            if kept is not None and now.timestamp() < kept.until:
                found[name] = kept.fact
            else:
                missing.append(name)
                found[name] = Fact.unavailable("missing" if kept is None else "stale")
        if missing and getattr(self._patient, "on", False):
            raise FactsNeededError(_narrowed(question, missing))
        return found

    async def fetch(self, question: FactQuestion) -> None:
        """Ask the providers; the same question at a time is asked once."""
        task = self._asking.get(question)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._fetch(question))
            self._asking[question] = task
            task.add_done_callback(lambda _: self._asking.pop(question, None))
        await asyncio.shield(task)

    def missing(self, question: FactQuestion, *, now: datetime) -> FactQuestion | None:
        """Return what has to be fetched of a question, or None."""
        moment = now.timestamp()
        missing = []
        for name in question.operands:
            kept = self._kept.get(_key(question, name))
            if name in self._served and (kept is None or moment >= kept.until):
                missing.append(name)
        return _narrowed(question, missing) if missing else None

    def forget(self, counterparty: str | None = None) -> None:
        """Forget what providers said, of one counterparty or of all."""
        with self._lock:
            for key in [key for key in self._kept if counterparty in (None, key[1])]:
                del self._kept[key]

    async def aclose(self) -> None:
        """Stop asking."""
        tasks = tuple(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- within ----------------------------------------------------------------------------------

    async def _fetch(self, question: FactQuestion) -> None:
        asked: dict[str, list[str]] = {}
        for name in question.operands:
            asked.setdefault(self._served[name].name, []).append(name)
        sources = {source.name: source for source in self._served.values()}
        await asyncio.gather(
            *(self._ask(sources[one], _narrowed(question, names)) for one, names in asked.items())
        )

    async def _ask(self, source: Source, question: FactQuestion) -> None:
        facts = dict.fromkeys(question.operands, Fact.unavailable("error"))
        try:
            async with asyncio.timeout(source.seconds):
                answer = await self._answer(source, question)
            facts = {name: self._read(source, name, answer) for name in question.operands}
        except Exception as error:  # noqa: BLE001 - a provider's fault makes its facts unknown
            what = "no answer in time" if isinstance(error, TimeoutError) else error
            logger.warning("facts of %s about %s: %s", source.name, question.counterparty, what)
        for name, fact in facts.items():
            self._keep(_key(question, name), fact)

    async def _answer(self, source: Source, question: FactQuestion) -> Mapping[str, object]:
        call = source.provider.facts
        if inspect.iscoroutinefunction(call):
            answer = await call(question)
        else:
            answer = await self._in_thread(source, lambda: call(question))
            if isinstance(answer, Awaitable):
                answer = await answer
        if not isinstance(answer, Mapping):
            msg = f"expected facts by operand, found {type(answer).__name__}"
            raise TypeError(msg)
        return answer

    async def _in_thread(self, source: Source, call: Callable[[], T]) -> T:
        """Run a plain function in a thread that nobody has to wait for at the end."""
        slots = self._threads[source.name]
        if not slots.acquire(blocking=False):
            msg = f"{THREADS} questions are unanswered already"
            raise RuntimeError(msg)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def finish(result: T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)  # type: ignore[arg-type] # the result where no error is
            else:
                future.set_exception(RuntimeError(f"{type(error).__name__}: {error}"[:500]))

        def run() -> None:
            result, error = None, None
            try:
                result = call()
            except BaseException as caught:  # noqa: BLE001 - handed to who waits
                error = caught
            finally:
                slots.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish, result, error)

        threading.Thread(target=run, name=f"trustspace-facts-{source.name}", daemon=True).start()
        return await future

    def _read(self, source: Source, name: str, answer: Mapping[str, object]) -> Fact:
        longest = max(1, int(source.provider.max_age.total_seconds()))
        now = int(self._now().timestamp())
        try:
            return fact_of(source.operands[name], answer.get(name), now=now, longest=longest)
        except PolicyError as error:
            logger.warning("facts of %s: %s", source.name, error)
            return Fact.unavailable("error")

    def _keep(self, key: Key, fact: Fact) -> None:
        now = self._now()
        is_known = fact.status == "ok" and fact.expires is not None
        until = float(fact.expires or 0) if is_known else now.timestamp() + AGAIN
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = _Kept(fact, until)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if before is not None and _said(before.fact) != _said(fact):
            for call in tuple(self._on_change):
                call(key[0], key[1])

    def _now(self) -> datetime:
        if self._clock is None:
            msg = "a desk with providers needs a clock"
            raise RuntimeError(msg)
        return self._clock()


def _key(question: FactQuestion, name: str) -> Key:
    return question.participant, question.counterparty, question.dataset, name


def _narrowed(question: FactQuestion, names: Iterable[str]) -> FactQuestion:
    return FactQuestion(
        question.participant, question.counterparty, question.dataset, tuple(sorted(names))
    )


def _said(fact: Fact) -> Fact:
    """Return a fact without the times that change with every answer."""
    return fact.model_copy(update={"expires": None, "at": None})
