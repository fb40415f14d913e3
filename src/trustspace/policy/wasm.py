"""The policy engine in process: OPA's WebAssembly output on wasmtime, under limits of our own.

The module is compiled from ``policies/`` and ships with the package, so a user needs no OPA. Each
evaluation has a deadline (wasmtime's epochs, advanced by a thread that lives only while there is
work), a cap on memory and on input, and starts on a heap reset to where the base data ends. An
instance serves one thread at a time and is thrown away after any fault. A fault is a denial.

OPA's ABI 1.3: ``opa_eval(0, entrypoint, data, input, length, heap, 0)`` returns the address of
NUL-terminated JSON. The module may not ask the host for a builtin.

Example::

    engine = WasmEngine()
    engine.decide(request).allow
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakSet, WeakValueDictionary

import wasmtime
from pydantic import TypeAdapter, ValidationError
from wasmtime import Func, FuncType, Limits, MemoryType, Trap, TrapCode, ValType, WasmtimeError

from trustspace.policy.bundle import CompiledPolicy, unusable
from trustspace.policy.engine import (
    MAX_INPUT_BYTES,
    EngineFaultError,
    denial,
    encode,
    read_decision,
    read_decisions,
    read_trace,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trustspace.policy.decision import Decision, DecisionRequest, Trace

DEADLINE = 0.25
"""Seconds for one evaluation; a slice of ``decide_many`` is one evaluation."""

MEMORY_BYTES = 64 * 1024 * 1024
"""Most memory of one instance."""

MAX_MODULE_BYTES = 1_000_000
"""Largest module; a larger one would take long to compile."""

TABLE_ELEMENTS = 100_000
"""Most elements of a module's tables."""

SLICE = 200
"""Requests of one evaluation in ``decide_many``."""

_TICK = 0.025
"""Seconds between two epochs: the precision of the deadline."""

_IDLE_TICKS = 40
"""Ticks without work after which the ticker thread ends."""

_PAGE = 65_536
"""Bytes of a WebAssembly page."""

_DECIDE = "trustspace/v1/decide"
_DECIDE_MANY = "trustspace/v1/decide_many"
_TRACE = "trustspace/v1/trace"

_NUMBERS = TypeAdapter(dict[str, int])

_FAULTS = (Trap, WasmtimeError, RuntimeError, IndexError, MemoryError, OSError)
"""What wasmtime and starting a thread are seen to raise."""


class WasmEngine:
    """Decides in process; safe to share between threads and across a fork.

    Args:
        policy: The compiled policy; the one that comes with the package when left out.

    Raises:
        ConfigurationError: The policy cannot be used.
    """

    def __init__(self, policy: CompiledPolicy | None = None) -> None:
        policy = policy or CompiledPolicy.shipped()
        self._revision = policy.revision()
        self._idle: deque[_Instance] = deque()
        self._data = policy.data
        try:
            self._code = _Code.of(policy.module)
            with self._instance() as instance:
                self._entrypoints = instance.entrypoints()
        except (*_FAULTS, EngineFaultError, ValidationError) as error:
            raise unusable(f"the module does not load: {error}") from error
        if not {_DECIDE, _DECIDE_MANY, _TRACE} <= self._entrypoints.keys():
            raise unusable(f"the module lacks an entry point: {sorted(self._entrypoints)}")

    @property
    def revision(self) -> str:
        """Digest of the policy sources."""
        return self._revision

    def decide(self, request: DecisionRequest) -> Decision:
        """Return the decision, or a denial with an ``engine.*`` reason."""
        try:
            answer = self._evaluate(_DECIDE, encode(request))
            return read_decision(answer, request, self._revision)
        except EngineFaultError as fault:
            return denial(request, fault.code, self._revision)

    def decide_many(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """Return one decision per request, in their order.

        A slice that fails as a whole is decided one by one, so that one request that cannot be
        decided does not deny the others.
        """
        decisions: list[Decision] = []
        for part in _slices(requests):
            decisions.extend(self._decide_slice(part))
        return decisions

    def trace(self, request: DecisionRequest) -> Trace | None:
        """Return how every rule came out, or None when the engine failed."""
        try:
            answer = self._evaluate(_TRACE, encode(request))
            return read_trace(answer, request, self._revision)
        except EngineFaultError:
            return None

    def _decide_slice(self, part: Sequence[tuple[DecisionRequest, bytes | None]]) -> list[Decision]:
        requests = [request for request, _ in part]
        documents = b",".join(document for _, document in part if document is not None)
        try:
            answer = self._evaluate(_DECIDE_MANY, b'{"requests":[' + documents + b"]}")
            return read_decisions(answer, requests, self._revision)
        except EngineFaultError:
            return [self.decide(request) for request in requests]

    def _evaluate(self, entrypoint: str, document: bytes) -> bytes:
        """Run one evaluation.

        Raises:
            EngineFaultError: It did not end well.
        """
        try:
            with self._instance() as instance:
                return instance.evaluate(self._entrypoints[entrypoint], document)
        except Trap as trap:
            late = trap.trap_code is TrapCode.INTERRUPT
            code = "engine.deadline" if late else "engine.fault"
            raise EngineFaultError(code, str(trap)) from trap
        except _FAULTS as error:
            raise EngineFaultError("engine.fault", str(error)) from error

    @contextmanager
    def _instance(self) -> Iterator[_Instance]:
        """Lend an idle instance, or a new one; it comes back only when nothing went wrong."""
        with self._code.ticker:
            try:
                instance = self._idle.pop()
            except IndexError:
                instance = _Instance(self._code, self._data)
            yield instance
        self._idle.append(instance)


def _slices(
    requests: Sequence[DecisionRequest],
) -> Iterator[list[tuple[DecisionRequest, bytes | None]]]:
    """Cut requests into slices by number and size; one that cannot be encoded stands alone."""
    part: list[tuple[DecisionRequest, bytes | None]] = []
    size = 0
    for request in requests:
        try:
            document: bytes | None = encode(request)
        except EngineFaultError:
            document = None
        length = MAX_INPUT_BYTES if document is None else len(document)
        if part and (len(part) == SLICE or size + length > MAX_INPUT_BYTES):
            yield part
            part, size = [], 0
        part.append((request, document))
        size += length + 1
    if part:
        yield part


class _Code:
    """A compiled module, shared by all engines of a process that have the same one.

    Attributes:
        engine: What it was compiled for.
        module: The module.
        ticker: Advances the epoch of the engine.
    """

    def __init__(self, module: bytes) -> None:
        if len(module) > MAX_MODULE_BYTES:
            raise EngineFaultError("engine.memory", f"{len(module)} bytes")
        config = wasmtime.Config()
        config.epoch_interruption = True
        self.engine = wasmtime.Engine(config)
        self.module = wasmtime.Module(self.engine, module)
        self.ticker = _Ticker(self.engine.increment_epoch)

    @classmethod
    def of(cls, module: bytes) -> _Code:
        """Compile a module, unless an engine has it already."""
        digest = hashlib.sha256(module).digest()
        with _COMPILING:
            code = _COMPILED.get(digest)
            if code is None:
                code = _COMPILED[digest] = cls(module)
        return code


_COMPILED: WeakValueDictionary[bytes, _Code] = WeakValueDictionary()
_COMPILING = threading.Lock()


class _Instance:
    """One module in memory, with the base data loaded; not to be used by two threads at once."""

    def __init__(self, code: _Code, data: bytes) -> None:
        engine, module = code.engine, code.module
        self._store = wasmtime.Store(engine)
        self._store.set_limits(memory_size=MEMORY_BYTES, table_elements=TABLE_ELEMENTS)
        self._store.set_epoch_deadline(_ticks())
        pages = [i.type.limits.min for i in module.imports if isinstance(i.type, MemoryType)]
        self._memory = wasmtime.Memory(
            self._store, MemoryType(Limits(max(pages, default=0), MEMORY_BYTES // _PAGE))
        )
        linker = wasmtime.Linker(engine)
        linker.define(self._store, "env", "memory", self._memory)
        for name, function in _host(self._store):
            linker.define(self._store, "env", name, function)
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._eval = self._function("opa_eval")
        if self._numbers("builtins"):
            raise EngineFaultError("engine.fault", "it asks the host for builtins")
        self._data = self._parse(data)
        self._heap = self._call("opa_heap_ptr_get")

    def entrypoints(self) -> dict[str, int]:
        """Return the numbers of the module's entry points by name."""
        return self._numbers("entrypoints")

    def evaluate(self, entrypoint: int, document: bytes) -> bytes:
        """Evaluate an entry point over an input document and return OPA's answer as JSON."""
        self._store.set_epoch_deadline(_ticks())
        self._write(document, self._heap)
        heap = (self._heap + len(document) + 15) & ~15
        arguments = (0, entrypoint, self._data, self._heap, len(document), heap, 0)
        return self._read(self._eval(self._store, *arguments))

    def _function(self, name: str) -> Func:
        function = self._exports.get(name)
        if not isinstance(function, Func):
            raise EngineFaultError("engine.fault", f"{name} is not a function")
        return function

    def _call(self, name: str, *arguments: int) -> int:
        return int(self._function(name)(self._store, *arguments))

    def _numbers(self, name: str) -> dict[str, int]:
        return _NUMBERS.validate_json(self._read(self._call("opa_json_dump", self._call(name))))

    def _parse(self, document: bytes) -> int:
        address = self._call("opa_malloc", len(document))
        self._memory.write(self._store, document, address)
        value = self._call("opa_json_parse", address, len(document))
        if value == 0:
            raise EngineFaultError("engine.fault", "the base data is not JSON")
        return value

    def _write(self, document: bytes, address: int) -> None:
        """Put bytes into memory, growing it where needed; growing past the cap fails."""
        missing = address + len(document) - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // _PAGE))
        self._memory.write(self._store, document, address)

    def _read(self, address: int) -> bytes:
        return _read(self._memory, self._store, address)


def _read(memory: wasmtime.Memory, store: wasmtime.Store | wasmtime.Caller, address: int) -> bytes:
    """Read the NUL-terminated text at an address."""
    length = 8_192
    while True:
        text = memory.read(store, address, address + length)
        end = text.find(0)
        if end >= 0:
            return bytes(text[:end])
        if len(text) < length:
            raise EngineFaultError("engine.fault", "the text has no end")
        length *= 4


def _host(store: wasmtime.Store) -> Iterator[tuple[str, Func]]:
    """Yield what the module imports: every call from it into the host is a fault.

    The functions hold no reference to the instance: wasmtime keeps them as long as the store, and
    the store would never be freed.
    """
    word = ValType.i32()
    yield "opa_abort", Func(store, FuncType([word], []), _abort, access_caller=True)
    for number in range(5):
        kind = FuncType([word] * (number + 2), [word])
        yield f"opa_builtin{number}", Func(store, kind, _builtin)


def _abort(caller: wasmtime.Caller, address: int) -> None:
    memory = caller.get("memory")
    text = _read(memory, caller, address) if isinstance(memory, wasmtime.Memory) else b""
    code = "engine.memory" if b"malloc" in text else "engine.fault"
    raise EngineFaultError(code, text.decode(errors="replace"))


def _builtin(*_arguments: int) -> int:
    raise EngineFaultError("engine.fault", "the module called a builtin of the host")


class _Ticker:
    """Advances the epoch while evaluations run, in a thread that ends when there are none."""

    def __init__(self, advance: Callable[[], None]) -> None:
        self._advance = advance
        self.reset()
        _TICKERS.add(self)

    def reset(self) -> None:
        """Forget a thread and a lock that did not come through a fork."""
        self._lock = threading.Lock()
        self._running = 0
        self._idle = 0
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        with self._lock:
            self._idle = 0
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="policy-epoch", daemon=True)
                thread.start()
                self._thread = thread
            self._running += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._running -= 1

    def _run(self) -> None:
        while self._wanted():
            time.sleep(_TICK)
            self._advance()

    def _wanted(self) -> bool:
        with self._lock:
            self._idle = 0 if self._running else self._idle + 1
            if self._idle > _IDLE_TICKS:
                self._thread = None
            return self._thread is not None


_TICKERS: WeakSet[_Ticker] = WeakSet()


def _reset_tickers() -> None:
    global _COMPILING  # noqa: PLW0603 - a thread that did not come through a fork may hold it
    _COMPILING = threading.Lock()
    for ticker in _TICKERS:
        ticker.reset()


with suppress(AttributeError):  # where a process cannot fork
    os.register_at_fork(after_in_child=_reset_tickers)


def _ticks() -> int:
    """Epochs until the deadline; the current one is already under way."""
    return round(DEADLINE / _TICK) + 1
