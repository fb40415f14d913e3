"""Signatures: what OPA signs is taken, what was changed is not, and each refusal is its own."""

from __future__ import annotations

import base64
import json
import subprocess
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.messages import LANGUAGES, is_known, phrase
from trustspace.policy.rollout.archive import write_archive
from trustspace.policy.rollout.refusal import MODULE_REFUSALS
from trustspace.policy.rollout.signature import (
    LEEWAY,
    SIGNATURES,
    PrivateKey,
    Signature,
    file_hash,
    sign,
    verify,
)

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
THEN = NOW + timedelta(days=90)
FILES = {
    ".manifest": b'{"revision": "r", "roots": ["trustspace"], "rego_version": 1}',
    "data.json": '{"trustspace": {"n": 1.50, "e": 1e3, "t": "a\\u2028\\u0007\\b\\f<é>", '
    '"l": [true, null, {"b": 1, "a": "中"}]}}'.encode(),
    "trustspace/x.rego": b"package trustspace.x\n\np := 1\n",
    "policy.json": b'{ "a":  1 }',
}


def pem(key: PrivateKey) -> tuple[bytes, bytes]:
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


ED = pem(ed25519.Ed25519PrivateKey.generate())
P256 = pem(ec.generate_private_key(ec.SECP256R1()))
P384 = pem(ec.generate_private_key(ec.SECP384R1()))
RSA = pem(rsa.generate_private_key(65537, 2048))


def signed(**changes: object) -> dict[str, bytes]:
    about = replace(Signature(7, NOW, THEN), **changes)  # type: ignore[arg-type]
    return FILES | {SIGNATURES: sign(FILES, ED[0], about)}


def code_of(files: dict[str, bytes], *, key: bytes = ED[1], at: datetime = NOW) -> str:
    with pytest.raises(PolicyError) as caught:
        verify(files, key, now=at)
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize("name", MODULE_REFUSALS)
def test_every_refusal_has_words(name: str):
    assert is_known(name)
    assert is_known(f"{name}.help")
    assert phrase(f"{name}.help", LANGUAGES[1]) != phrase(f"{name}.help", LANGUAGES[0])


@pytest.mark.parametrize("keys", [ED, P256, P384, RSA])
def test_what_was_signed_verifies(keys: tuple[bytes, bytes]):
    about = Signature(7, NOW, THEN, "garden", "k1", "did:web:author")
    content = sign(FILES, keys[0], about)
    assert verify(FILES | {SIGNATURES: content}, keys[1], now=NOW, scope="garden") == about


def test_signing_again_signs_the_same_files():
    twice = signed() | {SIGNATURES: sign(signed(), ED[0], Signature(8, NOW, THEN))}
    assert verify(twice, ED[1], now=NOW).serial == 8


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"trustspace/x.rego": b"package trustspace.x\n\np := 2\n"}, "module.changed"),
        ({"data.json": b'{"trustspace": {"n": 1.5}}'}, "module.changed"),
        ({".manifest": b'{"revision": "r2"}'}, "module.changed"),
        ({"data.json": b"{"}, "module.malformed"),
        ({"data.json": b'{"a": 1, "a": 2}'}, "module.malformed"),
        ({"data.json": b'{"a": NaN}'}, "module.malformed"),
        ({"data.json": b'{"a": "\\ud800"}'}, "module.malformed"),
        ({"extra.rego": b"package trustspace.extra"}, "module.added"),
        ({"data.json": None}, "module.removed"),
        ({SIGNATURES: None}, "module.unsigned"),
        ({SIGNATURES: b"{"}, "module.malformed"),
        ({SIGNATURES: b'{"signatures": []}'}, "module.malformed"),
        ({SIGNATURES: b'{"signatures": ["a", "b"]}'}, "module.malformed"),
        ({SIGNATURES: b'{"signatures": ["a.b.c"]}'}, "module.foreign"),
    ],
)
def test_module_that_is_not_what_was_signed(change: dict[str, bytes | None], code: str):
    files = {name: data for name, data in (signed() | change).items() if data is not None}
    assert code_of(files) == code


def test_spaces_and_order_in_the_data_do_not_matter():
    document = json.loads(FILES[".manifest"])
    files = signed() | {".manifest": json.dumps(document, indent=4, sort_keys=True).encode()}
    assert verify(files, ED[1], now=NOW).serial == 7


def test_key_of_somebody_else():
    assert code_of(signed(), key=pem(ed25519.Ed25519PrivateKey.generate())[1]) == "module.foreign"
    assert code_of(signed(), key=P256[1]) == "module.foreign"


def test_algorithm_is_the_key_s_own():
    def forged(header: dict[str, str], signature: str) -> dict[str, bytes]:
        token = json.loads(signed()[SIGNATURES])["signatures"][0]
        first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
        token = f"{first}.{token.split('.')[1]}.{signature}"
        return FILES | {SIGNATURES: json.dumps({"signatures": [token]}).encode()}

    assert code_of(forged({"alg": "none"}, "")) == "module.foreign"
    symmetric = jwt.encode({"files": []}, b"x" * 32, algorithm="HS256")
    files = FILES | {SIGNATURES: json.dumps({"signatures": [symmetric]}).encode()}
    assert code_of(files) == "module.foreign"


@pytest.mark.parametrize("scope", ["", "bank"])
def test_another_scope(scope: str):
    files = signed(scope="garden")
    with pytest.raises(PolicyError, match="garden") as caught:
        verify(files, ED[1], now=NOW, scope=scope)
    assert caught.value.code == "module.scope"


def test_time():
    assert code_of(signed(), at=THEN) == "module.expired"
    assert verify(signed(), ED[1], now=THEN - timedelta(seconds=1)).expires == THEN
    assert code_of(signed(), at=NOW - LEEWAY - timedelta(seconds=1)) == "module.not_yet"
    assert verify(signed(), ED[1], now=NOW - LEEWAY).issued == NOW


def test_older_module():
    found = verify(signed(), ED[1], now=NOW)
    found.require_after(7)
    with pytest.raises(PolicyError, match="serial 7, after 8") as caught:
        found.require_after(8)
    assert caught.value.code == "module.rolled_back"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"iat": None},
        {"serial": None},
        {"serial": "7"},
        {"serial": True},
        {"exp": 1e300},
        {"files": None},
        {"files": [{"name": "a", "hash": "b", "algorithm": HASH} for HASH in ("SHA-256", "MD5")]},
    ],
)
def test_claims_that_do_not_say_enough(change: dict[str, object]):
    token = json.loads(signed()[SIGNATURES])["signatures"][0]
    claims = jwt.decode(token, options={"verify_signature": False})
    claims = {name: value for name, value in (claims | change).items() if value is not None}
    key = serialization.load_pem_private_key(ED[0], password=None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    token = jwt.encode(claims, key, algorithm="EdDSA")
    files = FILES | {SIGNATURES: json.dumps({"signatures": [token]}).encode()}
    assert code_of(files) == "module.claims"


def test_payload_that_is_no_json():
    key = serialization.load_pem_private_key(ED[0], password=None)
    token = jwt.PyJWS().encode(b"[", key, algorithm="EdDSA")  # type: ignore[arg-type]
    files = FILES | {SIGNATURES: json.dumps({"signatures": [token]}).encode()}
    assert code_of(files) == "module.claims"


@pytest.mark.parametrize("changes", [{"expires": NOW}, {"serial": -1}, {"serial": 2**53}], ids=str)
def test_signature_that_makes_no_sense_is_not_made(changes: dict[str, object]):
    with pytest.raises(ConfigurationError):
        signed(**changes)


def test_keys_that_cannot_be_used():
    other = x25519.X25519PrivateKey.generate()
    foreign = pem(other)  # type: ignore[arg-type]
    short = pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 - refused for that
    odd = pem(ec.generate_private_key(ec.SECP521R1()))
    for private in (b"", b"-----BEGIN", ED[1], foreign[0], short[0], odd[0]):
        with pytest.raises(ConfigurationError, match="no "):
            sign(FILES, private, Signature(1, NOW, THEN))
    for public in (b"", ED[0], foreign[1], short[1], odd[1]):
        with pytest.raises(ConfigurationError, match="no public key"):
            verify(signed(), public, now=NOW)


def test_numbers_are_hashed_as_they_are_written():
    assert file_hash("a/data.json", b'{"n": 1.50}') != file_hash("a/data.json", b'{"n": 1.5}')
    assert file_hash("data.json", b'{"n":1}') == file_hash("data.json", b' {"n" : 1 }')
    assert file_hash("cases.json", b'{"n":1}') != file_hash("cases.json", b' {"n" : 1 }')


@pytest.mark.external
@pytest.mark.parametrize(("keys", "algorithm"), [(ED, "EdDSA"), (P256, "ES256"), (RSA, "RS256")])
def test_opa_signs_what_python_verifies(
    opa: Path, tmp_path: Path, keys: tuple[bytes, bytes], algorithm: str
):
    folder = tmp_path / "bundle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (tmp_path / "key.pem").write_bytes(keys[0])
    claims = {"iat": int(NOW.timestamp()), "exp": int(THEN.timestamp()), "serial": 3}
    (tmp_path / "claims.json").write_text(json.dumps(claims | {"scope": "garden"}))
    flags = ["--signing-alg", algorithm, "--signing-key", "../key.pem"]
    flags += ["--claims-file", "../claims.json"]
    subprocess.run([opa, "sign", *flags, "--bundle", "."], cwd=folder, check=True)
    files = FILES | {SIGNATURES: (folder / SIGNATURES).read_bytes()}
    assert verify(files, keys[1], now=NOW, scope="garden").serial == 3


@pytest.mark.external
@pytest.mark.parametrize(("keys", "algorithm"), [(ED, "EdDSA"), (P256, "ES256"), (RSA, "RS256")])
def test_python_signs_what_opa_verifies(
    opa: Path, tmp_path: Path, keys: tuple[bytes, bytes], algorithm: str
):
    (tmp_path / "key.pem").write_bytes(keys[1])
    content = sign(FILES, keys[0], Signature(1, NOW, THEN, "garden", "k"))

    def taken(files: dict[str, bytes], scope: str = "garden") -> bool:
        (tmp_path / "bundle.tar.gz").write_bytes(write_archive(files))
        flags = ["--verification-key", "key.pem", "--verification-key-id", "k"]
        flags += ["--signing-alg", algorithm, "--scope", scope]
        done = subprocess.run(
            [opa, "build", "--bundle", "bundle.tar.gz", *flags, "-o", "out.tar.gz"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    whole = FILES | {SIGNATURES: content}
    assert taken(whole)
    assert tarfile.is_tarfile(tmp_path / "out.tar.gz")
    assert not taken(whole, scope="bank")
    assert not taken(whole | {"data.json": b"{}"})
    assert not taken(whole | {"extra.rego": b"package trustspace.extra"})
    assert not taken({name: data for name, data in whole.items() if name != "data.json"})
