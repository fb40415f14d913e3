"""Modules: one archive whose parts are of one build, and its cases."""

from __future__ import annotations

import json

import pytest
from tests.policy import modules
from tests.policy.rollout import rollout_files

from trustspace.errors import PolicyError
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.decision import Decision, DecisionRequest
from trustspace.policy.engine import denial
from trustspace.policy.rollout.archive import write_archive
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.signature import SIGNATURES
from trustspace.policy.rollout.sources import Sources
from trustspace.policy.wasm import WasmEngine


@pytest.fixture(scope="module")
def module() -> RuleModule:
    return rollout_files.shipped_module(rollout_files.cases())


def code_of(files: dict[str, bytes]) -> str:
    with pytest.raises(PolicyError) as caught:
        RuleModule.read(write_archive(files))
    return caught.value.code


def test_archive_is_read_as_it_was_written(module: RuleModule):
    again = RuleModule.read(module.archive())
    assert again == module
    assert again.archive() == module.archive()
    assert again.revision == CompiledPolicy.shipped().revision()
    assert (again.is_signed, again.operands) == (False, {})


def test_signature_does_not_change_the_digest(module: RuleModule):
    signed = RuleModule.of_files({**module.files, SIGNATURES: b"{}"})
    assert signed.is_signed
    assert signed.digest == module.digest


def test_cases_pass_or_the_module_is_refused(module: RuleModule):
    engine = module.engine()
    module.try_cases(engine)
    wrong = rollout_files.shipped_module(rollout_files.cases(expect="deny"))
    with pytest.raises(PolicyError, match="1 of 1 cases of the module fail: one: ") as caught:
        wrong.try_cases(engine)
    assert caught.value.code == "module.cases"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("policy.wasm", None, "module.malformed"),
        ("data.json", None, "module.malformed"),
        ("policy.json", None, "module.malformed"),
        ("capabilities.json", None, "module.malformed"),
        (".manifest", None, "module.malformed"),
        ("cases.json", None, "module.malformed"),
        ("cases.json", b"{", "module.malformed"),
        ("cases.json", b'{"cases": [{}]}', "module.malformed"),
        ("data.json", b"[]", "module.malformed"),
        ("data.json", b'{"trustspace": []}', "module.digest"),
        ("policy.wasm", b"\0asm", "module.digest"),
        ("policy.json", b"{}", "module.digest"),
        ("capabilities.json", b"{}", "module.digest"),
        ("trustspace/v1/decide.rego", b"package trustspace.v1", "module.digest"),
        ("site/more.rego", b"package trustspace.site", "module.digest"),
        (".manifest", b"{}", "module.digest"),
    ],
)
def test_parts_of_another_build(module: RuleModule, name: str, content: bytes | None, code: str):
    files = {**module.files, name: content or b""}
    if content is None:
        del files[name]
    assert code_of(files) == code


def test_base_data_of_another_build(module: RuleModule):
    data = json.dumps({"trustspace": {"meta": {"revision": "sha256:x"}}}).encode()
    described = CompiledPolicy.of(
        module.compiled.module, data, source=CompiledPolicy.shipped().revision()
    )
    files = {**module.files, "data.json": data, "policy.json": described.description}
    assert code_of(files) == "module.digest"


def test_cases_without_an_end(module: RuleModule):
    group = rollout_files.cases()
    many = [{**group, "cases": [{**group["cases"][0]}]} for _ in range(2_001)]  # type: ignore[index]
    assert code_of({**module.files, "cases.json": json.dumps(many).encode()}) == "module.too_large"


def test_module_that_does_not_load():
    sources = Sources.core()
    odd = modules.compiled(modules.ANSWER, builtins=r"{\"http.send\":0}")
    described = CompiledPolicy.of(odd.module, sources.data, source=sources.revision)
    with pytest.raises(PolicyError, match="builtins") as caught:
        RuleModule.assemble(sources, described, []).engine()
    assert caught.value.code == "module.unusable"


def test_engine_that_fails_fails_before_the_cases(module: RuleModule):
    for evaluation, words in ((modules.TRAP, "engine.fault"), (modules.ANSWER, "engine.undefined")):
        odd = WasmEngine(modules.compiled(evaluation))
        with pytest.raises(PolicyError, match=words) as caught:
            module.try_cases(odd)
        assert caught.value.code == "module.unusable"


def test_engine_that_tells_no_trace(module: RuleModule):
    class Silent(WasmEngine):
        def trace(self, request: DecisionRequest) -> None:
            del request

    with pytest.raises(PolicyError, match="no trace"):
        module.try_cases(Silent())


def test_first_case_that_the_engine_fails_is_the_last():
    """Each further one might take all the time there is."""

    class Tired(WasmEngine):
        asked = 0

        def decide(self, request: DecisionRequest) -> Decision:
            if request.id == "evaluation:urn:probe":
                return super().decide(request)
            self.asked += 1
            return denial(request, "engine.deadline", self.revision)

    engine = Tired()
    group = rollout_files.cases()
    one: dict[str, object] = group["cases"][0]  # type: ignore[index]
    many = {**group, "cases": [{**one, "name": f"case {n}"} for n in range(9)]}
    with pytest.raises(PolicyError, match="1 of 9 cases") as caught:
        rollout_files.shipped_module(many).try_cases(engine)
    assert (caught.value.code, engine.asked) == ("module.cases", 1)
