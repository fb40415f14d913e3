"""DIDs and their documents: one spelling, exact comparison, only keys of the owner."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trustspace.errors import ConfigurationError, UntrustedIssuerError
from trustspace.identity.did import (
    DidDocument,
    DidWeb,
    Service,
    build_document,
    did_web,
    document_url,
    parse_document,
    service_endpoints,
)
from trustspace.identity.keys import SigningKey

DID = "did:web:garden.example"

LABELS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]", fullmatch=True)
SEGMENTS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,10}", fullmatch=True)


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:a.example", "https://a.example/.well-known/did.json"),
        ("did:web:a.example:members:garden", "https://a.example/members/garden/did.json"),
        ("did:web:a.example%3A8443", "https://a.example:8443/.well-known/did.json"),
        ("did:web:localhost%3A8000:garden", "https://localhost:8000/garden/did.json"),
        ("did:web:a.example:x.y", "https://a.example/x.y/did.json"),
        ("did:web:xn--bcher-kva.example", "https://xn--bcher-kva.example/.well-known/did.json"),
    ],
)
def test_where_the_document_lies(did: str, url: str) -> None:
    assert document_url(did) == url


@pytest.mark.parametrize("host", ["localhost", "garden.localhost", "127.0.0.1"])
def test_plain_http_for_this_machine_only(host: str) -> None:
    did = f"did:web:{host}%3A8000:garden"
    assert document_url(did, insecure_loopback=True) == f"http://{host}:8000/garden/did.json"
    assert document_url(did).startswith("https://")
    for other in ("a.example", "localhost.a.example", "notlocalhost"):
        assert document_url(f"did:web:{other}", insecure_loopback=True).startswith("https://")


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did",
        "did:web:",
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "DID:web:a.example",
        "did:WEB:a.example",
        " did:web:a.example",
        "did:web:a.example ",
        "did:web:a.example\n",
        "did:web:A.example",
        "did:web:a.example:",
        "did:web:a.example::x",
        "did:web:a.example:.",
        "did:web:a.example:..",
        "did:web:a.example:..:..:etc",
        "did:web:a.example:x%2F..",
        "did:web:a.example:%2e%2e",
        "did:web:a%2eexample",
        "did:web:a.example.",
        "did:web:.a.example",
        "did:web:-a.example",
        "did:web:a-.example",
        "did:web:a_b.example",
        "did:web:a.example/x",
        "did:web:a.example\\x",
        "did:web:a.example?x",
        "did:web:a.example#key",
        "did:web:a.example@evil.example",
        "did:web:user%40a.example",
        "did:web:a.example%3a8443",
        "did:web:a.example%3A",
        "did:web:a.example%3A0",
        "did:web:a.example%3A080",
        "did:web:a.example%3A65536",
        "did:web:a.example%3A-1",
        "did:web:a.example%3A22%3A23",
        "did:web:a.example:8443%3A1",
        "did:web:127.1",
        "did:web:10.0.0.1",
        "did:web:2130706433",
        "did:web:0x7f000001",
        "did:web:0x7f.1",
        "did:web:a.0x",
        "did:web:[%3A%3A1]",
        "did:web:evil。com",
        "did:web:bücher.example",
        "did:web:" + "a" * 64 + ".example",
        "did:web:" + ".".join(["a" * 60] * 5),
        "did:web:a.example:" + "x" * 600,
    ],
)
def test_j11_every_other_spelling_is_refused(did: str) -> None:
    with pytest.raises(UntrustedIssuerError):
        document_url(did)


@given(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.none() | st.integers(1, 65_535),
    st.lists(SEGMENTS, max_size=3),
)
def test_a_made_did_is_read_back(host: str, port: int | None, path: list[str]) -> None:
    did = did_web(host, port, *path)
    parts = DidWeb.parse(did)
    assert (parts.host, parts.port, parts.path) == (host, port, tuple(path))
    assert str(parts) == did
    url = urlsplit(document_url(did))
    assert (url.scheme, url.hostname, url.port) == ("https", host, port)
    assert url.path == "/" + "/".join([*(path or [".well-known"]), "did.json"])


@given(st.text(max_size=60).map(lambda text: "did:web:" + text) | st.text(max_size=30))
@example("did:web:a%3A1:b")
def test_what_is_read_is_spelt_back_the_same(text: str) -> None:
    try:
        parts = DidWeb.parse(text)
    except UntrustedIssuerError:
        return
    assert str(parts) == text
    url = urlsplit(document_url(text))
    assert url.hostname == parts.host
    assert (url.username, url.query, url.fragment) == (None, "", "")


@pytest.mark.parametrize(
    ("host", "port", "path"),
    [("10.0.0.1", None, ()), ("a.example", 0, ()), ("a b", None, ()), ("a.example", None, ("",))],
)
def test_an_impossible_did_is_a_wrong_setting(
    host: str, port: int | None, path: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        did_web(host, port, *path)
    assert caught.value.hint


def test_upper_case_is_folded_when_a_did_is_made() -> None:
    assert did_web("Garden.Example", None, "Roses") == "did:web:garden.example:Roses"


def test_our_document_lists_the_key_under_all_relationships() -> None:
    key, old = SigningKey.generate(), SigningKey.generate("ES256")
    service = Service.of(DID, "DataService", "https://garden.example/x")
    wire = build_document(DID, key, [service], retired=[old.jwk()]).to_wire()
    document = parse_document(json.loads(json.dumps(wire)), DID)
    assert set(document.token_keys) == {key.key_id(DID), old.key_id(DID)}
    assert document.assertion_keys == document.token_keys
    assert document.token_keys[key.key_id(DID)] == key.verification_key()
    assert wire["@context"][0] == "https://www.w3.org/ns/did/v1"
    for method in wire["verificationMethod"]:
        assert set(method) == {"id", "type", "controller", "publicKeyJwk"}
        assert "d" not in method["publicKeyJwk"]
    assert wire["service"] == [
        {
            "id": f"{DID}#DataService",
            "type": "DataService",
            "serviceEndpoint": "https://garden.example/x",
        }
    ]


def _method(key: SigningKey, **changes: Any) -> dict[str, Any]:
    method = {
        "id": key.key_id(DID),
        "type": "JsonWebKey2020",
        "controller": DID,
        "publicKeyJwk": key.jwk(),
    }
    return method | changes


KEY = SigningKey.generate()
OTHER = SigningKey.generate()


def test_peers_may_embed_keys_name_them_relatively_and_send_nulls() -> None:
    document = parse_document(
        {
            "id": DID,
            "verificationMethod": [
                _method(KEY, id="#one", publicKeyMultibase=None),
                _method(OTHER, id="#two", publicKeyJwk=None),
            ],
            "authentication": ["#one", "#two", "#three", _method(OTHER)],
            "further": 1,
        },
        DID,
    )
    assert set(document.token_keys) == {f"{DID}#one", OTHER.key_id(DID)}
    assert document.assertion_keys == {}


@pytest.mark.parametrize(
    "method",
    [
        _method(KEY, controller="did:web:evil.example"),
        _method(KEY, id="did:web:garden.example.evil#one"),
        _method(KEY, id="did:web:evil.example#one"),
        _method(KEY, id="did:web:garden.example"),
        _method(KEY, publicKeyJwk={"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
    ],
)
def test_keys_of_others_and_of_other_kinds_are_as_if_absent(method: dict[str, Any]) -> None:
    document = parse_document(
        {"id": DID, "verificationMethod": [method], "authentication": [method["id"]]}, DID
    )
    assert document.token_keys == {}


def test_a_key_without_a_relationship_signs_nothing() -> None:
    document = parse_document({"id": DID, "verificationMethod": [_method(KEY)]}, DID)
    assert document.token_keys == {}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "did",
        {},
        {"id": 1},
        {"id": "did:web:evil.example"},
        {"id": "did:web:Garden.example"},
        {"id": DID + ":"},
        {"id": DID, "verificationMethod": {}},
        {"id": DID, "verificationMethod": [{"id": "#x"}]},
        {"id": DID, "verificationMethod": [_method(KEY, publicKeyJwk="x")]},
        {"id": DID, "authentication": [1]},
        {"id": DID, "authentication": ["#x"] * 33},
        {"id": DID, "service": [{"id": "x", "type": "DataService"}]},
        {"id": DID, "service": [Service.of(DID, "x", "y").to_wire()] * 65},
        {"id": DID, "verificationMethod": [_method(KEY), _method(KEY, publicKeyJwk=OTHER.jwk())]},
        {
            "id": DID,
            "verificationMethod": [_method(KEY)],
            "authentication": [_method(KEY, publicKeyJwk=OTHER.jwk())],
        },
    ],
)
def test_j12_other_documents_are_refused(document: object) -> None:
    with pytest.raises(UntrustedIssuerError):
        parse_document(document, DID)


def test_service_endpoints_are_urls_of_the_asked_kind() -> None:
    document = DidDocument.read(
        {
            "id": DID,
            "service": [
                {"id": "a", "type": "DataService", "serviceEndpoint": "https://a/x"},
                {
                    "id": "b",
                    "type": ["CatalogService", "Other"],
                    "serviceEndpoint": ["https://b/x"],
                },
                {"id": "c", "type": "DataService", "serviceEndpoint": {"uri": "https://c/x"}},
            ],
        }
    )
    assert service_endpoints(document) == ("https://a/x", "https://b/x")
    assert service_endpoints(document, "CatalogService") == ("https://b/x",)
    assert service_endpoints(document, "DataService") == ("https://a/x",)
