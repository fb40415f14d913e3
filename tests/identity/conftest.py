"""Participants of the identity tests and the tools of a forger."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from trustspace.identity.did import DidDocument, build_document, parse_document
from trustspace.identity.keys import SigningKey, VerificationKey
from trustspace.identity.token import Claims, verify

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Party:
    """A participant with its key and document."""

    did: str
    key: SigningKey

    @property
    def key_id(self) -> str:
        return self.key.key_id(self.did)

    @property
    def document(self) -> DidDocument:
        return parse_document(build_document(self.did, self.key).to_wire(), self.did)

    @property
    def keys(self) -> Mapping[str, VerificationKey]:
        return self.document.token_keys


def encode(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def garden() -> Party:
    return Party("did:web:garden.example", SigningKey.generate())


@pytest.fixture(scope="session")
def bank() -> Party:
    return Party("did:web:bank.example:members:bank", SigningKey.generate("ES256"))


@pytest.fixture
def claims(garden: Party, bank: Party) -> dict[str, Any]:
    """Claims of an honest token from the garden to the bank."""
    issued = int(NOW.timestamp())
    return {
        "iss": garden.did,
        "sub": garden.did,
        "aud": bank.did,
        "jti": "0b0c2c1e-1c39-4c5e-8df1-1f2e6a4b7b10",
        "iat": issued,
        "exp": issued + 300,
    }


@pytest.fixture
def header(garden: Party) -> dict[str, Any]:
    return {"alg": "EdDSA", "typ": "JWT", "kid": garden.key_id}


@pytest.fixture
def forge(garden: Party, header: dict[str, Any], claims: dict[str, Any]) -> Callable[..., str]:
    """Sign anything at all with the garden's key or with ``sign``; bytes are left as they are."""

    def make(
        changed_header: object = None,
        changed_claims: object = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        first = encode(header if changed_header is None else changed_header)
        second = encode(claims if changed_claims is None else changed_claims)
        content = f"{first}.{second}".encode()
        if sign is None:
            sign = garden.key.private_key.sign  # type: ignore[assignment]
            assert sign is not None
        return f"{first}.{second}.{encode(sign(content))}"

    return make


class Check(Protocol):
    """Verifies a token as the bank would, with anything changed."""

    def __call__(self, token: str, **changes: Any) -> Claims: ...


@pytest.fixture
def check(garden: Party, bank: Party) -> Check:
    def verify_for_bank(token: str, **changes: Any) -> Claims:
        arguments: dict[str, Any] = {"keys": garden.keys, "audience": bank.did, "now": NOW}
        return verify(token, **(arguments | changes))

    return verify_for_bank
