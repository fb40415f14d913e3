from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustspace.dataplane.edr import issue_edr, verify_edr_token
from trustspace.errors import (
    ConfigurationError,
    ExpiredTokenError,
    IdentityError,
    InvalidTokenError,
    UntrustedIssuerError,
)
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue, verify
from trustspace.model.data_address import DataAddress

PROVIDER, CONSUMER = "did:web:garden.example", "did:web:bank.example"
ENDPOINT = "https://garden.example/garden/data/urn:uuid:t1"
NOW = datetime(2026, 1, 31, 8, 0, 0, 500_000, tzinfo=UTC)
KEY = SigningKey.generate()
KEYS = {KEY.key_id(PROVIDER): KEY.verification_key()}
EDC = "https://w3id.org/edc/v0.0.1/ns/"


def edr(
    *,
    refresh_endpoint: str | None = ENDPOINT + "/token",
    lifetime: timedelta = timedelta(minutes=5),
) -> DataAddress:
    return issue_edr(
        KEY,
        issuer=PROVIDER,
        consumer=CONSUMER,
        agreement_id="urn:uuid:a1",
        transfer_pid="urn:uuid:t1",
        endpoint=ENDPOINT,
        refresh_endpoint=refresh_endpoint,
        now=NOW,
        lifetime=lifetime,
    )


def token() -> str:
    value = edr().property("authorization")
    assert value is not None
    return value


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
def test_a_token_is_accepted_bare_or_as_bearer(prefix: str) -> None:
    claims = verify_edr_token(prefix + token(), keys=KEYS, endpoint=ENDPOINT, now=NOW)
    assert claims.consumer == CONSUMER
    assert claims.agreement_id == "urn:uuid:a1"
    assert claims.transfer_pid == "urn:uuid:t1"
    assert claims.expires_at == datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
    assert len(claims.token_id) >= 32


def test_the_address_has_both_spellings() -> None:
    wire = edr().to_wire()
    assert wire["endpoint"] == ENDPOINT
    assert wire["endpointType"] == "https://w3id.org/idsa/v4.1/HTTP"
    found = {entry["name"]: entry["value"] for entry in wire["endpointProperties"]}
    for prefix in ("", EDC):
        assert found[prefix + "authType"] == "bearer"
        assert found[prefix + "expiresIn"] == "300"
        assert found[prefix + "refreshEndpoint"] == ENDPOINT + "/token"
        assert found[prefix + "authorization"] == found["authorization"]
    assert found[EDC + "endpoint"] == ENDPOINT
    assert found[EDC + "endpointType"] == wire["endpointType"]
    assert "endpoint" not in found


def test_without_a_refresh_endpoint_none_is_named() -> None:
    assert edr(refresh_endpoint=None).property("refreshEndpoint") is None


def test_the_token_is_not_shown() -> None:
    address = edr()
    secret = address.property("authorization")
    assert secret is not None
    assert secret not in repr(address)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "a.b.c", "…"])
def test_no_token_opens_nothing(header: str | None) -> None:
    with pytest.raises(InvalidTokenError):
        verify_edr_token(header, keys=KEYS, endpoint=ENDPOINT, now=NOW)


def test_a_token_ends_on_the_second() -> None:
    ends = datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
    verify_edr_token(token(), keys=KEYS, endpoint=ENDPOINT, now=ends - timedelta(milliseconds=1))
    with pytest.raises(ExpiredTokenError):
        verify_edr_token(token(), keys=KEYS, endpoint=ENDPOINT, now=ends)


def test_a_token_is_not_good_before_its_issue() -> None:
    with pytest.raises(ExpiredTokenError):
        verify_edr_token(token(), keys=KEYS, endpoint=ENDPOINT, now=NOW - timedelta(seconds=1))


@pytest.mark.parametrize(
    "endpoint", [ENDPOINT + "2", ENDPOINT.replace("https", "http"), ENDPOINT + "/", PROVIDER]
)
def test_a_token_is_good_at_its_endpoint_only(endpoint: str) -> None:
    with pytest.raises(InvalidTokenError):
        verify_edr_token(token(), keys=KEYS, endpoint=endpoint, now=NOW)


def test_a_token_of_another_key_is_refused() -> None:
    other = SigningKey.generate()
    with pytest.raises(UntrustedIssuerError):
        verify_edr_token(
            token(),
            keys={other.key_id(PROVIDER): other.verification_key()},
            endpoint=ENDPOINT,
            now=NOW,
        )
    with pytest.raises(InvalidTokenError):
        verify_edr_token(
            token(),
            keys={KEY.key_id(PROVIDER): other.verification_key()},
            endpoint=ENDPOINT,
            now=NOW,
        )


def test_identity_and_data_tokens_do_not_stand_in_for_each_other() -> None:
    identity = issue(KEY, issuer=PROVIDER, audience=CONSUMER, now=NOW)
    with pytest.raises(IdentityError):
        verify_edr_token(identity, keys=KEYS, endpoint=ENDPOINT, now=NOW)
    # Even one whose audience is an endpoint names no transfer.
    identity = issue(KEY, issuer=PROVIDER, audience=ENDPOINT, now=NOW)
    with pytest.raises(InvalidTokenError, match="not for a transfer"):
        verify_edr_token(identity, keys=KEYS, endpoint=ENDPOINT, now=NOW)
    with pytest.raises(InvalidTokenError):
        verify(token(), keys=KEYS, audience=ENDPOINT, now=NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": CONSUMER, "agreement": "urn:uuid:a1"},
        {"sub": CONSUMER, "transfer": "urn:uuid:t1"},
        {"sub": CONSUMER, "agreement": 1, "transfer": "urn:uuid:t1"},
        {"sub": CONSUMER, "agreement": "urn:uuid:a1", "transfer": ["urn:uuid:t1"]},
    ],
)
def test_a_token_names_agreement_and_transfer(claims: dict[str, object]) -> None:
    other = issue(KEY, issuer=PROVIDER, audience=ENDPOINT, now=NOW, claims=claims)
    with pytest.raises(InvalidTokenError, match="not for a transfer"):
        verify_edr_token(other, keys=KEYS, endpoint=ENDPOINT, now=NOW)


def test_a_token_lives_five_minutes_at_most() -> None:
    with pytest.raises(ConfigurationError):
        edr(lifetime=timedelta(minutes=6))
    assert edr(lifetime=timedelta(seconds=30)).property("expiresIn") == "30"
