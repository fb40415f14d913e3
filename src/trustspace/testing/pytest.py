"""Tests of policies in pytest: files of cases become tests, connectors and time become fixtures.

In the ``conftest.py`` at the root of a project::

    pytest_plugins = ["trustspace.testing.pytest"]

Files named ``*.cases.json`` and those in ``policies/cases`` are collected, one test for each case;
``trustspace_cases`` in the configuration names others. Fixtures: ``policy_engine``,
``evaluate_policy``, ``clock`` and ``connectors``. `trustspace.testing.strategies` makes policies,
requests and worlds for Hypothesis.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from trustspace.errors import PolicyError, TrustspaceError
from trustspace.model import strict_json
from trustspace.policy.odrl import cases
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.operands import declared
from trustspace.policy.wasm import WasmEngine
from trustspace.testing.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trustspace.local.connector import LocalClient
    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.vocabulary import LeftOperand

_ENGINE = pytest.StashKey["PolicyEngine"]()

PATTERNS = ("policies/cases/*.json", "*.cases.json")
"""Files of cases, by default."""


class Connectors(NamedTuple):
    """Two connectors that speak to each other over HTTP, and the clock that both read.

    Attributes:
        provider: Client of the one that offers.
        consumer: Client of the other one.
        clock: Their clock.
    """

    provider: LocalClient
    consumer: LocalClient
    clock: Clock


class EvaluatePolicy:
    """Asks what a policy says to a request; call it.

    Example::

        def test_ten_uses(evaluate_policy):
            answer = evaluate_policy(policy, {"action": "use", "context": {"count": 10}})
            assert answer["decision"] == "permit"
    """

    def __init__(self, engine: PolicyEngine, operands: Mapping[str, LeftOperand]) -> None:
        self._engine = engine
        self._operands = operands

    def __call__(
        self,
        policy: Any,  # noqa: ANN401 - any JSON value
        request: Mapping[str, Any],
        world: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the answer, as ``trustspace policy eval --json`` prints it."""
        question = {"id": None, "policy": policy, "request": request, "world": world or {}}
        return evaluate(self._engine, question, operands=self._operands)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    parser.addini(
        "trustspace_cases",
        "Files of policy cases: patterns of paths from the root, or of names.",
        type="linelist",
        default=list(PATTERNS),
    )
    parser.addini(
        "trustspace_operands", "Left operands that policies use: NAME=KIND.", type="linelist"
    )
    group = parser.getgroup("trustspace", "usage policies")
    group.addoption(
        "--policy-opa",
        metavar="URL",
        default=None,
        help="Run the cases of policies on this OPA server instead of in process.",
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the engine go, and close the connection to an OPA server."""
    engine = config.stash.get(_ENGINE, None)
    if engine is not None:
        del config.stash[_ENGINE]
        getattr(engine, "close", bool)()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CasesFile | None:
    """Collect a file of cases."""
    if file_path.suffix != ".json":
        return None
    root = parent.config.rootpath
    path = file_path.relative_to(root).as_posix() if root in file_path.parents else file_path.name
    for pattern in parent.config.getini("trustspace_cases"):
        if fnmatch(path if "/" in pattern else file_path.name, pattern):
            return CasesFile.from_parent(parent, path=file_path)
    return None


class CasesFile(pytest.File):
    """A file of cases."""

    def collect(self) -> Iterator[PolicyCase]:
        """Yield a test for each case."""
        names: dict[str, int] = {}
        try:
            whole = cases.linked(_read(self.path), lambda name: _read(self.path.parent / name))
            found = cases.read_cases(whole)
        except (TrustspaceError, OSError) as error:
            where = getattr(error, "location", "")
            raise self.CollectError(f"{self.path}{where and '#'}{where}: {error}") from error
        for case in found:
            # Groups of one file may use a name twice.
            names[case.name] = number = names.get(case.name, 0) + 1
            name = case.name if number == 1 else f"{case.name} ({number})"
            yield PolicyCase.from_parent(self, name=name, case=case)


class PolicyCase(pytest.Item):
    """One case of a policy as a test.

    Attributes:
        case: The case.
    """

    def __init__(self, *, case: cases.Case, **kwargs: Any) -> None:  # noqa: ANN401 - pytest's own
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        """Ask the engine and compare.

        Raises:
            PolicyError: The policy does not say what the case expects.
        """
        outcome = cases.run_case(_engine(self.config), self.case, operands=_operands(self.config))
        if not outcome.passed:
            told = {name: outcome.answer[name] for name in ("decision", "refused", "reasons")}
            problems = "\n".join(outcome.problems)
            raise PolicyError(
                f"{problems}\n{json.dumps(told, ensure_ascii=False, indent=1)}", code="case.failed"
            )

    def repr_failure(  # type: ignore[override]  # pytest allows a text
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> Any:  # noqa: ANN401 - a text, or what pytest makes of it
        """Return what was not as expected; for anything else the traceback."""
        if isinstance(excinfo.value, PolicyError) and excinfo.value.code == "case.failed":
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the case stands."""
        return self.path, None, f"{self.path.name}: {self.case.name}"


@pytest.fixture(scope="session")
def policy_engine(request: pytest.FixtureRequest) -> PolicyEngine:
    """The engine that decides cases: in process, or the server of ``--policy-opa``."""
    return _engine(request.config)


@pytest.fixture(scope="session")
def evaluate_policy(policy_engine: PolicyEngine, request: pytest.FixtureRequest) -> EvaluatePolicy:
    """Asks what a policy says to a request in a world."""
    return EvaluatePolicy(policy_engine, _operands(request.config))


@pytest.fixture
def clock() -> Clock:
    """The clock of this test's connectors, which can be put forward."""
    return Clock()


@pytest.fixture
def connectors(clock: Clock) -> Iterator[Connectors]:
    """Two real connectors on free ports of this machine, gone after the test."""
    # What a connector needs is loaded only where one is asked for.
    from trustspace.local import Connector  # noqa: PLC0415 - see above

    with ExitStack() as stack:
        provider = stack.enter_context(Connector.local("provider", clock=clock))
        consumer = stack.enter_context(Connector.local("consumer", clock=clock))
        yield Connectors(provider, consumer, clock)


def _engine(config: pytest.Config) -> PolicyEngine:
    engine = config.stash.get(_ENGINE, None)
    if engine is None:
        url = config.getoption("--policy-opa")
        if url is None:
            engine = WasmEngine()
        else:
            # Its client brings three HTTP libraries.
            from trustspace.policy.opa import OpaEngine  # noqa: PLC0415 - see above

            engine = OpaEngine(url)
        config.stash[_ENGINE] = engine
    return engine


def _operands(config: pytest.Config) -> dict[str, LeftOperand]:
    return declared(config.getini("trustspace_operands"))


def _read(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    return strict_json.loads(path.read_bytes())
