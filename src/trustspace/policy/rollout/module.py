"""A rule module: one archive for both engines, and the check that its parts are of one build.

::

    .manifest, data.json     OPA's own: revision and base data
    trustspace/**.rego       the core's rules
    site/**.rego             the site's
    capabilities.json        the builtins they may use
    policy.wasm, policy.json the compiled module and its description
    cases.json               the cases that it has to pass wherever it is taken
    .signatures.json         where it is signed

An OPA server loads the same archive: it reads the sources and leaves the compiled module alone.

Example::

    module = RuleModule.read(content)
    engine = module.engine()
    module.try_cases(engine)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from trustspace.errors import ConfigurationError, PolicyError, RemoteProtocolError
from trustspace.model import strict_json
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.facts import anyone, build_request, dataset
from trustspace.policy.odrl.cases import Case, read_cases, run_case
from trustspace.policy.rollout.archive import read_archive, write_archive
from trustspace.policy.rollout.refusal import refused
from trustspace.policy.rollout.signature import SIGNATURES
from trustspace.policy.rollout.sources import DATA, MANIFEST, Sources, required
from trustspace.policy.vocabulary import OPERATORS, Kind, LeftOperand
from trustspace.policy.wasm import WasmEngine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.policy.decision import DecisionRequest
    from trustspace.policy.engine import PolicyEngine

WASM = "policy.wasm"
DESCRIPTION = "policy.json"
CASES = "cases.json"

MAX_CASES = 2_000
"""Most cases of one module; they run before it is taken."""


@dataclass(frozen=True)
class RuleModule:
    """A module whose parts belong together.

    Attributes:
        files: Its files by name.
        compiled: What the engine in process loads.
        revision: Digest of its sources.
        cases: What it has to pass.
    """

    files: Mapping[str, bytes]
    compiled: CompiledPolicy
    revision: str
    cases: tuple[Case, ...]

    @classmethod
    def assemble(cls, sources: Sources, compiled: CompiledPolicy, cases: list[Any]) -> Self:
        """Put a module together.

        Args:
            sources: What it was compiled from.
            compiled: What came of that.
            cases: Groups of cases, as `trustspace.policy.odrl.cases` reads them.

        Raises:
            PolicyError: The parts do not belong together, or the cases cannot be read.
        """
        return cls.of_files(
            {
                **sources.rego,
                MANIFEST: sources.manifest,
                "capabilities.json": sources.capabilities,
                WASM: compiled.module,
                DATA: compiled.data,
                DESCRIPTION: compiled.description,
                CASES: (json.dumps(cases, indent=1, ensure_ascii=False) + "\n").encode(),
            }
        )

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read a module from an archive.

        Raises:
            PolicyError: As for `of_files`, or it is no archive.
        """
        return cls.of_files(read_archive(content))

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Self:
        """Read a module from its files.

        Raises:
            PolicyError: A file is missing (``module.malformed``), the parts are not of one build
                (``module.digest``), or the cases cannot be read.
        """
        compiled = CompiledPolicy(*(required(files, name) for name in (WASM, DATA, DESCRIPTION)))
        sources = Sources.of_module(files)
        try:
            revision = compiled.revision()
        except ConfigurationError as error:
            raise refused("module.digest", what=str(error)) from error
        for what, found, expected in (
            ("the sources", sources.revision, revision),
            ("the manifest", required(files, MANIFEST), sources.manifest),
            ("the base data", compiled.data, sources.data),
        ):
            if found != expected:
                raise refused("module.digest", what=f"{what} are others")
        return cls(files, compiled, revision, _cases(files))

    def archive(self) -> bytes:
        """Return the module as bytes, the same for the same module."""
        return write_archive(self.files)

    @property
    def digest(self) -> str:
        """Digest of everything but the signature."""
        listing = "".join(
            f"{hashlib.sha256(self.files[name]).hexdigest()}  {name}\n"
            for name in sorted(self.files.keys() - {SIGNATURES})
        )
        return "sha256:" + hashlib.sha256(listing.encode()).hexdigest()

    @property
    def is_signed(self) -> bool:
        """Whether there is a signature, good or bad."""
        return SIGNATURES in self.files

    @property
    def operands(self) -> dict[str, LeftOperand]:
        """The left operands that its site knows, of any kind of value."""
        return {
            name: LeftOperand(name, Kind.ANY, "contractual", OPERATORS)
            for name in self.compiled.operands
        }

    def engine(self) -> WasmEngine:
        """Load the compiled module.

        Raises:
            PolicyError: It asks the host for builtins, lacks an entry point, or does not load, code
                ``module.unusable``.
        """
        try:
            return WasmEngine(self.compiled)
        except ConfigurationError as error:
            raise refused("module.unusable", what=str(error)) from error

    def try_cases(self, engine: PolicyEngine) -> None:
        """Run the module's cases, after a plain question at each entry point.

        Args:
            engine: An engine with its rules.

        Raises:
            PolicyError: The engine fails (``module.unusable``), or a case does (``module.cases``).
        """
        asked = probe(engine.revision)
        answers = [engine.decide(asked), *engine.decide_many([asked])]
        faults = [reason.id for one in answers for reason in one.reasons if _is_fault(reason.id)]
        if faults or engine.trace(asked) is None:
            raise refused("module.unusable", what=faults[0] if faults else "it tells no trace")
        failed = []
        for case in self.cases:
            outcome = run_case(engine, case, operands=self.operands)
            if not outcome.passed:
                failed.append(f"{case.name}: {'; '.join(outcome.problems)}")
                if any(_is_fault(str(one["id"])) for one in outcome.answer["reasons"]):
                    break  # Each further one might take as long.
        if failed:
            raise refused(
                "module.cases",
                failed=str(len(failed)),
                count=str(len(self.cases)),
                what=failed[0],
            )


def probe(revision: str) -> DecisionRequest:
    """Return a question that every module answers, with a denial."""
    return build_request(
        "evaluation",
        (),
        bundle=revision,
        action="odrl:use",
        subject=anyone(),
        resource=dataset("urn:probe"),
        now=datetime.fromtimestamp(0, UTC),
    )


def _is_fault(reason: str) -> bool:
    return reason.startswith("engine.")


def _cases(files: Mapping[str, bytes]) -> tuple[Case, ...]:
    try:
        cases = read_cases(strict_json.loads(required(files, CASES), max_keys=1_000_000))
    except RemoteProtocolError as error:
        raise refused("module.malformed", location=CASES, what=f"{CASES}: {error}") from error
    except PolicyError as error:
        if error.code != "cases.malformed":
            raise
        raise refused("module.malformed", location=CASES, what=f"{CASES}: {error}") from error
    if len(cases) > MAX_CASES:
        raise refused("module.too_large", limit=f"{MAX_CASES} cases")
    return cases
