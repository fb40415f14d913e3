"""Tokens: what an honest sender writes passes, every row of the attack table (J1-J11) does not."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from trustspace.errors import (
    ConfigurationError,
    ExpiredTokenError,
    IdentityError,
    InvalidTokenError,
    UntrustedIssuerError,
)
from trustspace.identity.keys import SigningKey, VerificationKey, encode_base64url
from trustspace.identity.token import issue, read_unverified, verify

if TYPE_CHECKING:
    from tests.identity.conftest import Check, Party

Forge = Callable[..., str]


# What honest senders write


@pytest.mark.parametrize("sender", ["garden", "bank"])
def test_a_token_of_ours_is_verified(
    request: pytest.FixtureRequest, sender: str, now: datetime
) -> None:
    party: Party = request.getfixturevalue(sender)
    token = issue(party.key, issuer=party.did, audience="did:web:c.example", now=now)
    unverified = read_unverified(token)
    claims = verify(token, keys=party.keys, audience="did:web:c.example", now=now)
    assert (unverified.issuer, unverified.kid) == (party.did, party.key_id)
    assert unverified.algorithm == party.key.algorithm
    assert claims.issuer == claims.subject == party.did
    assert claims.expires_at == now + timedelta(minutes=5)
    assert claims.extra == {}


def test_further_claims_are_signed(garden: Party, bank: Party, now: datetime, check: Check) -> None:
    token = issue(
        garden.key,
        issuer=garden.did,
        audience=bank.did,
        now=now + timedelta(milliseconds=999),
        lifetime=timedelta(seconds=60),
        claims={"sub": bank.did, "agreement": "urn:uuid:a1"},
    )
    claims = check(token, self_issued=False)
    assert (claims.subject, claims.extra) == (bank.did, {"agreement": "urn:uuid:a1"})
    assert claims.iat == now.timestamp()
    with pytest.raises(InvalidTokenError, match="not its subject"):
        check(token)


def test_two_tokens_are_never_the_same(
    garden: Party, bank: Party, now: datetime, check: Check
) -> None:
    tokens = [issue(garden.key, issuer=garden.did, audience=bank.did, now=now) for _ in range(99)]
    assert len({check(token).token_id for token in tokens}) == 99


@pytest.mark.parametrize(
    "changes",
    [
        {"lifetime": timedelta(minutes=5, seconds=1)},
        {"lifetime": timedelta(0)},
        {"lifetime": timedelta(seconds=-1)},
        {"claims": {"exp": 1}},
        {"claims": {"iss": "did:web:evil.example"}},
    ],
)
def test_we_issue_no_other_tokens(garden: Party, now: datetime, changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        issue(garden.key, issuer=garden.did, audience="x", now=now, **changes)


def test_a_time_without_zone_is_refused(garden: Party) -> None:
    with pytest.raises(ValueError, match="UTC"):
        issue(garden.key, issuer=garden.did, audience="x", now=datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_forger_can_write_an_honest_token(forge: Forge, garden: Party, check: Check) -> None:
    assert check(forge()).issuer == garden.did


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_j3_both_names_of_ed25519_from_another_library(
    algorithm: str, claims: dict[str, Any], bank: Party, now: datetime
) -> None:
    key = OKPKey.generate_key("Ed25519")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        token = jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])
    keys = {"k": VerificationKey.from_jwk(key.as_dict(private=False))}
    assert verify(token, keys=keys, audience=bank.did, now=now).token_id == claims["jti"]


@pytest.mark.parametrize(("algorithm", "curve"), [("ES256", "P-256"), ("ES384", "P-384")])
def test_ec_tokens_from_another_library(
    algorithm: str, curve: Any, claims: dict[str, Any], bank: Party, now: datetime
) -> None:
    key = ECKey.generate_key(curve)
    token = jwt.encode({"alg": algorithm, "kid": "k"}, claims, key, algorithms=[algorithm])
    keys = {"k": VerificationKey.from_jwk(key.as_dict(private=False))}
    assert verify(token, keys=keys, audience=bank.did, now=now).token_id == claims["jti"]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_rsa_tokens_from_another_library(
    algorithm: str, claims: dict[str, Any], bank: Party, now: datetime
) -> None:
    key = RSAKey.generate_key(2048)
    token = jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])
    jwk = {**key.as_dict(private=False), "alg": algorithm}
    keys = {"k": VerificationKey.from_jwk(jwk)}
    assert verify(token, keys=keys, audience=bank.did, now=now).token_id == claims["jti"]
    other = "PS256" if algorithm == "RS256" else "RS256"
    keys = {"k": VerificationKey.from_jwk({**jwk, "alg": other})}
    with pytest.raises(InvalidTokenError, match="algorithm"):
        verify(token, keys=keys, audience=bank.did, now=now)


@pytest.mark.parametrize("sender", ["garden", "bank"])
def test_another_library_reads_ours(
    request: pytest.FixtureRequest, sender: str, now: datetime
) -> None:
    party: Party = request.getfixturevalue(sender)
    token = issue(party.key, issuer=party.did, audience="did:web:c.example", now=now)
    oracle = OKPKey if party.key.algorithm == "EdDSA" else ECKey
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        read = jwt.decode(
            token, oracle.import_key(dict(party.key.jwk())), algorithms=[party.key.algorithm]
        )
    assert read.header == {"alg": party.key.algorithm, "kid": party.key_id, "typ": "JWT"}
    assert set(read.claims) == {"iss", "sub", "aud", "jti", "iat", "exp"}


# P7, J6: claims


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b'{"alg":"none","alg":"EdDSA"}', None),
        (b'{"alg":"EdDSA","\\u0061lg":"EdDSA"}', None),
        (b'["EdDSA"]', None),
        (b"\xff", None),
        (b'{"alg":"EdDSA","x":' + b"[" * 2_000 + b"]" * 2_000 + b"}", None),
        (None, b'{"sub":"a","sub":"b"}'),
        (None, b'{"iss":"did:web:evil.example","iss":"did:web:garden.example"}'),
        (None, b'{"exp":NaN}'),
        (None, b'{"iss":"\\ud800"}'),
        (None, b'"x"'),
        (None, b"[]"),
        (None, b"null"),
        (None, b"\xef\xbb\xbf{}"),
        (None, b'{"a":' * 3_000),
    ],
)
def test_p7_json_with_two_readings_is_refused(
    forge: Forge, header: bytes | None, payload: bytes | None, check: Check
) -> None:
    with pytest.raises(InvalidTokenError):
        check(forge(header, payload))


def test_p7_duplicates_are_refused_under_a_good_signature(
    forge: Forge, claims: dict[str, Any], garden: Party, check: Check
) -> None:
    text = json.dumps(claims)
    payload = (text[:-1] + ', "sub": "' + garden.did + '"}').encode()
    with pytest.raises(InvalidTokenError, match="twice"):
        check(forge(None, payload))


REQUIRED = ["iss", "sub", "aud", "jti", "iat", "exp"]


@pytest.mark.parametrize("name", REQUIRED)
def test_j6_every_claim_is_required(
    forge: Forge, claims: dict[str, Any], name: str, check: Check
) -> None:
    del claims[name]
    with pytest.raises(InvalidTokenError):
        check(forge(None, claims))


@pytest.mark.parametrize("value", [None, True, "1795000000", 1.5, 1e30, -1, [], {}, "now"])
@pytest.mark.parametrize("name", ["iat", "exp"])
def test_j6_times_are_integers(
    forge: Forge, claims: dict[str, Any], name: str, value: object, check: Check
) -> None:
    with pytest.raises(InvalidTokenError):
        check(forge(None, claims | {name: value}))
    if value is not None:
        with pytest.raises(InvalidTokenError):
            check(forge(None, claims | {"nbf": value}))


@pytest.mark.parametrize("value", [None, 1, True, "", [], ["x"], {"x": 1}, "x" * 3_000])
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti"])
def test_j6_names_are_strings(
    forge: Forge, claims: dict[str, Any], name: str, value: object, check: Check
) -> None:
    with pytest.raises(InvalidTokenError):
        check(forge(None, claims | {name: value}))


def test_j6_there_is_one_audience(
    forge: Forge, claims: dict[str, Any], bank: Party, check: Check
) -> None:
    for audience in ([bank.did], [bank.did, "did:web:c.example"], {"0": bank.did}):
        with pytest.raises(InvalidTokenError, match="aud"):
            check(forge(None, claims | {"aud": audience}))


@pytest.mark.parametrize(
    "audience",
    [
        "did:web:c.example",
        "did:web:bank.example",
        "did:web:bank.example:members",
        "did:web:bank.example:members:bank:",
        "did:web:bank.example:members:Bank",
        "did:web:bank.example:members:bank ",
        "https://bank.example",
    ],
)
def test_j9_a_token_for_another_tenant_is_refused(
    forge: Forge, claims: dict[str, Any], audience: str, check: Check
) -> None:
    with pytest.raises(InvalidTokenError, match="somebody else"):
        check(forge(None, claims | {"aud": audience}))


# Time (rows J8 and J10)


def test_tokens_live_at_most_ten_minutes(
    forge: Forge, claims: dict[str, Any], check: Check
) -> None:
    assert check(forge(None, claims | {"exp": claims["iat"] + 600})).token_id
    for life in (601, 3_600, 10**9, 0, -1):
        with pytest.raises(InvalidTokenError, match="lifetime"):
            check(forge(None, claims | {"exp": claims["iat"] + life}))


@given(skew=st.floats(-120, 120))
def test_j10_clocks_may_differ_by_thirty_seconds(skew: float) -> None:
    key = SigningKey.generate()
    start = datetime(2026, 11, 24, 12, tzinfo=UTC)
    token = issue(key, issuer="did:web:a.example", audience="b", now=start)
    keys = {key.key_id("did:web:a.example"): key.verification_key()}
    for moment, is_inside in (
        (start + timedelta(seconds=skew), skew >= -30),
        (start + timedelta(minutes=5, seconds=skew), skew < 30),
    ):
        # A microsecond either way belongs to rounding of the clock, not to the rule.
        if abs(abs(skew) - 30) < 1e-5:
            continue
        if is_inside:
            assert verify(token, keys=keys, audience="b", now=moment).token_id
        else:
            with pytest.raises(ExpiredTokenError):
                verify(token, keys=keys, audience="b", now=moment)


def test_j10_the_limits_are_exact(
    forge: Forge, claims: dict[str, Any], now: datetime, check: Check
) -> None:
    second = timedelta(seconds=1)
    token = forge()
    assert check(token, now=now - 30 * second).token_id
    assert check(token, now=now + 330 * second - timedelta(milliseconds=1)).token_id
    for moment in (now - 30.1 * second, now + 330 * second, now + timedelta(days=9)):
        with pytest.raises(ExpiredTokenError):
            check(token, now=moment)
    assert check(forge(None, claims | {"nbf": claims["iat"] + 30})).token_id
    with pytest.raises(ExpiredTokenError):
        check(forge(None, claims | {"nbf": claims["iat"] + 31}))
    assert check(token, leeway=timedelta(0), max_lifetime=300 * second).token_id
    with pytest.raises(InvalidTokenError):
        check(token, max_lifetime=299 * second)


def test_errors_never_repeat_the_token(forge: Forge, claims: dict[str, Any], check: Check) -> None:
    secret = "canary" + hashlib.sha256(b"canary").hexdigest()
    for token in (
        forge({"alg": secret}),
        forge({"alg": "EdDSA", "kid": secret}),
        forge(None, claims | {"jti": [secret]}),
        forge(None, claims | {"sub": secret}),
        f"{encode_base64url(secret.encode())}.a.b",
    ):
        with pytest.raises(IdentityError) as caught:
            check(token)
        error: BaseException | None = caught.value
        while error is not None:
            assert secret not in str(error)
            error = error.__cause__


# Fuzzing


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_any_text_gives_one_error(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        read_unverified(text)


KEY = SigningKey.generate()
TOKEN = issue(KEY, issuer="did:web:a.example", audience="b", now=datetime(2026, 11, 24, tzinfo=UTC))


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("AQgw-_.=0 "))
def test_no_character_can_be_changed(position: int, character: str) -> None:
    changed = TOKEN[:position] + character + TOKEN[position + 1 :]
    if changed != TOKEN:
        keys = {KEY.key_id("did:web:a.example"): KEY.verification_key()}
        with pytest.raises((InvalidTokenError, UntrustedIssuerError)):
            verify(changed, keys=keys, audience="b", now=datetime(2026, 11, 24, tzinfo=UTC))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x"]), VALUES),
    st.dictionaries(st.sampled_from([*REQUIRED, "nbf", "x"]), VALUES),
)
def test_any_signed_content_gives_claims_or_an_identity_error(
    header: dict[str, Any], payload: dict[str, Any]
) -> None:
    parts = [encode_base64url(json.dumps(part).encode()) for part in (header, payload)]
    content = ".".join(parts)
    token = f"{content}.{encode_base64url(KEY.private_key.sign(content.encode()))}"  # type: ignore[call-arg]
    with pytest.raises(IdentityError):
        verify(token, keys={"k": KEY.verification_key()}, audience="b", now=datetime.now(UTC))
