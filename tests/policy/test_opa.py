"""The OPA server decides like the module in process, and never holds up a request."""

from __future__ import annotations

import http.server
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.policy import arbitrary, documents, opa_server

from trustspace.errors import ConfigurationError
from trustspace.model.value import canonical
from trustspace.policy.decision import Decision, DecisionRequest
from trustspace.policy.engine import PolicyEngine
from trustspace.policy.opa import FAILURES, OpaEngine
from trustspace.policy.source_bundle import revision_of, rules_folder, source_bundle
from trustspace.policy.wasm import WasmEngine

Handler = http.server.BaseHTTPRequestHandler
CASE = documents.CASES["examples/1 time-limited, last second"]

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def request_(engine: WasmEngine) -> DecisionRequest:
    return documents.read_request(CASE, engine.revision)


@pytest.fixture
def server(opa: Path, tmp_path: Path) -> Iterator[OpaEngine]:
    with opa_server.opa_server(opa, source_bundle(rules_folder()), tmp_path) as url:
        engine = OpaEngine(url, deadline=5.0)
        yield engine
        engine.close()


def reason(decision: Decision) -> str:
    assert decision.allow is False
    (only,) = decision.reasons
    return only.id


def shown(decision: Decision) -> bytes:
    return canonical(json.loads(decision.model_dump_json()))


@pytest.mark.external
def test_both_engines_give_the_same_decisions(server: OpaEngine, engine: WasmEngine):
    assert isinstance(server, PolicyEngine)
    assert server.revision == engine.revision == revision_of(rules_folder())
    cases = [documents.read_request(case, engine.revision) for case in documents.CASES.values()]
    assert len(cases) >= 400
    random = arbitrary.seeded(5)
    cases += [
        DecisionRequest.model_validate_json(json.dumps(arbitrary.request(random, engine.revision)))
        for _ in range(200)
    ]
    for ours, theirs in zip(engine.decide_many(cases), server.decide_many(cases), strict=True):
        assert shown(ours) == shown(theirs)
    for request in cases[:40]:
        assert shown(server.decide(request)) == shown(engine.decide(request))
        assert server.trace(request) == engine.trace(request)


@pytest.mark.external
def test_a_server_with_other_rules_denies(
    opa: Path, tmp_path: Path, request_: DecisionRequest, engine: WasmEngine
):
    with opa_server.opa_server(opa, source_bundle(rules_folder()), tmp_path) as url:
        other = OpaEngine(url, revision="sha256:other", deadline=5.0)
        assert reason(other.decide(request_)) == "engine.revision"
        assert other.trace(request_) is None
        other.close()
        asked = engine.decide(request_)
    assert asked.allow is True


def slow(handler: Handler) -> None:
    del handler
    time.sleep(3)


def garbage(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "6")
    handler.end_headers()
    handler.wfile.write(b"<html>")


def failing(handler: Handler) -> None:
    handler.send_error(500)


def nothing(handler: Handler) -> None:
    handler.close_connection = True


def document(body: object) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        content = json.dumps(body).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (slow, "engine.deadline"),
        (garbage, "engine.unavailable"),
        (failing, "engine.unavailable"),
        (nothing, "engine.unavailable"),
        (document({}), "engine.undefined"),
        (document([]), "engine.undefined"),
        (document({"result": {"allow": True}}), "engine.schema"),
        (document({"result": None}), "engine.schema"),
    ],
)
def test_a_server_that_misbehaves_denies_in_time(
    request_: DecisionRequest, answer: Callable[[Handler], None], code: str
):
    with opa_server.serving(opa_server.answering(answer)) as url:
        engine = OpaEngine(url, deadline=0.5)
        start = time.monotonic()
        assert reason(engine.decide(request_)) == code
        assert time.monotonic() - start < 2
        assert engine.trace(request_) is None
        engine.close()


def elsewhere(handler: Handler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://127.0.0.1:9/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def test_a_question_goes_to_the_server_and_nobody_else(
    request_: DecisionRequest, monkeypatch: pytest.MonkeyPatch
):
    heard: list[str] = []

    def canary(handler: Handler) -> None:
        heard.append(handler.path)
        garbage(handler)

    with (
        opa_server.serving(opa_server.answering(canary)) as proxy,
        opa_server.serving(opa_server.answering(elsewhere)) as url,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        engine = OpaEngine(url, deadline=5.0)
        assert reason(engine.decide(request_)) == "engine.unavailable"
        engine.close()
    assert heard == []


def test_a_server_that_is_down_is_left_alone_for_a_moment(request_: DecisionRequest):
    engine = OpaEngine(f"http://127.0.0.1:{opa_server.free_port()}")
    for _ in range(FAILURES):
        assert reason(engine.decide(request_)) == "engine.unavailable"
    assert engine._paused_until > time.monotonic()
    assert reason(engine.decide(request_)) == "engine.unavailable"
    assert [reason(each) for each in engine.decide_many([request_] * 2)] == [
        "engine.unavailable"
    ] * 2
    engine.close()


@pytest.mark.parametrize(
    "url", ["http://opa.example:8181", "ftp://localhost", "https://", "https://opa.example/v1"]
)
def test_a_server_is_at_a_root_and_safe_to_reach(url: str):
    with pytest.raises(ConfigurationError):
        OpaEngine(url)


def test_the_bundle_is_the_same_every_time(tmp_path: Path):
    assert source_bundle(rules_folder()) == source_bundle(rules_folder())
    folder = tmp_path / "policy" / "sources" / "bundle"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("not a rule")
    (folder / "a.rego").write_text("package a")
    assert rules_folder(tmp_path) == folder
    with tarfile.open(fileobj=io.BytesIO(source_bundle(folder))) as archive:
        assert archive.getnames() == ["a.rego"]
    with pytest.raises(ConfigurationError, match="not installed"):
        rules_folder(tmp_path / "elsewhere")
