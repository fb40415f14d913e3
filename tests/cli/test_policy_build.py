"""Building, signing and verifying modules on the command line, with the real OPA."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.policy.opa_server import find_opa
from tests.policy.rollout import rollout_files
from typer.testing import CliRunner, Result

from trustspace.cli.app import app
from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.module import RuleModule

SITE = """package trustspace.site

conditions contains "acme:partners"

holds("acme:partners", q) if q.subject.id in data.trustspace.own.partners
"""
OPERAND = """package trustspace.operands

known contains "acme:reactorClass"

fact("acme:reactorClass", q, _) := given(q, "acme:reactorClass")
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that lets in its partners only, with cases for that."""
    find_opa()
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "site.rego").write_text(SITE)
    (folder / "operands.rego").write_text(OPERAND)
    (folder / "site_test.rego").write_text("package x_test\n\ntest_x if input.no_matter")
    (folder / "data.json").write_text('{"partners": ["urn:bob"]}')
    (folder / "policy.json").write_text(json.dumps(rollout_files.policy()))
    context = {"acme:reactorClass": "A"}
    asked = {"action": "use", "target": "urn:d", "context": context}
    cases = [
        {"name": "a partner", "request": {"party": "urn:bob", **asked}, "expect": "permit"},
        {
            "name": "a stranger",
            "request": {"party": "urn:eve", **asked},
            "expect": "deny",
            "reasons": ["site.denied"],
        },
    ]
    (folder / "cases.json").write_text(json.dumps({"policy": "policy.json", "cases": cases}))
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key."""
    key = ed25519.Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


@pytest.mark.external
def test_build_is_the_same_every_time(site: Path, tmp_path: Path):
    first, second = tmp_path / "acme.tar.gz", tmp_path / "b.tar.gz"
    done = run("build", site)
    assert done.exit_code == 0, done.stderr
    assert "2 cases passed" in done.stdout
    copy = shutil.copytree(site, tmp_path / "elsewhere" / "copy")
    told = json.loads(run("build", copy, "--out", second, "--json").stdout)
    assert first.read_bytes() == second.read_bytes()
    assert told["operands"] == ["acme:reactorClass"]
    module = RuleModule.read(first.read_bytes())
    assert (told["revision"], told["digest"]) == (module.revision, module.digest)


@pytest.mark.external
def test_folder_without_rules_builds_the_shipped_module(tmp_path: Path):
    find_opa()
    (tmp_path / "empty").mkdir()
    done = run("build", tmp_path / "empty", "-o", tmp_path / "m.tar.gz")
    assert "no cases" in done.stderr
    module = RuleModule.read((tmp_path / "m.tar.gz").read_bytes())
    assert module.compiled.module == CompiledPolicy.shipped().module
    assert module.revision == CompiledPolicy.shipped().revision()


@pytest.mark.external
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("grant.rego", "package trustspace.site\n\nallow := true", "called allow"),
        ("core.rego", "package trustspace.odrl\n\nx := 1", "package trustspace.odrl"),
        ("bad.rego", "package trustspace.site\n\np if {", "bad.rego:3: unexpected eof"),
        (
            "builtin.rego",
            'package trustspace.site\n\nh if http.send({"url": "http://a", "method": "get"})',
            "undefined function http.send",
        ),
        ("data.json", "[]", "data.json is no object"),
        ("cases.json", '{"policy": "none.json", "cases": []}', "cannot be read"),
        ("cases.json", '{"policy": {}, "cases": [{}]}', "a name of its own"),
        (
            "cases.json",
            json.dumps(rollout_files.cases(party="urn:eve")),
            "expected permit, found deny",
        ),
    ],
)
def test_what_is_refused_is_not_written(site: Path, name: str, text: str, words: str):
    out = site.with_suffix(".tar.gz")
    out.write_bytes(b"before")
    (site / name).write_text(text)
    done = run("build", site)
    assert done.exit_code == 2
    assert words in done.stderr
    assert out.read_bytes() == b"before"


def test_without_opa_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("OPA", raising=False)
    for arguments in ((), ("--opa", tmp_path / "opa")):
        done = run("build", tmp_path, *arguments)
        assert done.exit_code == 2
        assert "go install github.com/open-policy-agent/opa@" in done.stderr
        assert "policy.url" in done.stderr
    assert run("build", tmp_path / "nowhere").exit_code == 2


def test_opa_that_does_not_answer(tmp_path: Path):
    program = tmp_path / "opa"
    program.write_text("#!/bin/sh\necho what is this >&2\nexit 3\n")
    program.chmod(0o755)
    (tmp_path / "site").mkdir()
    done = run("build", tmp_path / "site", "--opa", program)
    assert done.exit_code == 2
    assert "OPA does not take the rules: what is this" in done.stderr


def test_signing_and_verifying(tmp_path: Path, keys: tuple[Path, Path]):
    private, public = keys
    bundle = tmp_path / "m.tar.gz"
    bundle.write_bytes(rollout_files.shipped_module().archive())
    assert "not signed" in run("verify", bundle, "--key", public).stderr
    stated = ("--serial", 4, "--scope", "garden", "--key-id", "k", "--issuer", "did:web:a")
    done = run("sign", bundle, "--key", private, "--expires", "P30D", *stated)
    assert done.exit_code == 0, done.stderr
    assert "serial 4" in done.stdout
    verified = run("verify", bundle, "--key", public, "--scope", "garden", "--after", 4, "--json")
    told = json.loads(verified.stdout)
    assert (told["serial"], told["scope"], told["issuer"]) == (4, "garden", "did:web:a")
    for arguments, words in (
        (("--scope", "bank"), "for the scope garden"),
        (("--scope", "garden", "--after", 5), "older"),
        (("--scope", "garden", "--at", "2099-01-01"), "expired"),
    ):
        done = run("verify", bundle, "--key", public, *arguments)
        assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


def test_signing_to_another_file(tmp_path: Path, keys: tuple[Path, Path]):
    bundle, signed = tmp_path / "m.tar.gz", tmp_path / "s.tar.gz"
    content = rollout_files.shipped_module().archive()
    bundle.write_bytes(content)
    then = datetime.now(UTC) + timedelta(days=1)
    for expires in (then.isoformat(), f"{then:%Y-%m-%d}T23:00:00"):
        done = run("sign", bundle, "--key", keys[0], "--expires", expires, "-o", signed, "--json")
        assert json.loads(done.stdout)["serial"] > 1_700_000_000
    assert bundle.read_bytes() == content
    assert run("verify", signed, "--key", keys[1]).exit_code == 0


def test_what_cannot_be_signed(tmp_path: Path, keys: tuple[Path, Path]):
    bundle = tmp_path / "m.tar.gz"
    bundle.write_bytes(rollout_files.shipped_module().archive())
    for arguments, words in (
        ((bundle, "--key", keys[0], "--expires", "soon"), "is no time"),
        ((bundle, "--key", keys[0], "--expires", "P1M"), "is no time"),
        ((bundle, "--key", keys[0], "--expires", "2020-01-01"), "expired already"),
        ((bundle, "--key", keys[1], "--expires", "P1D"), "no private key"),
        ((bundle, "--key", tmp_path / "no", "--expires", "P1D"), "cannot be read"),
        ((keys[0], "--key", keys[0], "--expires", "P1D"), "cut off"),
    ):
        done = run("sign", *arguments)
        assert (done.exit_code, words in done.stderr) == (2, True), done.stderr
