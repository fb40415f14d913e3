"""The Authorization header: whose it claims to be, whose it is, and the one who believes all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import (
    ExpiredTokenError,
    IdentityError,
    InvalidTokenError,
    UntrustedIssuerError,
)
from trustspace.identity.did import build_document
from trustspace.identity.identity_provider import (
    Sender,
    UnsafeClientIdIdentity,
    UnsafeIdentityWarning,
    bearer_header,
    read_header,
    verify_header,
)
from trustspace.identity.keys import SigningKey
from trustspace.identity.token import issue

if TYPE_CHECKING:
    from tests.identity.conftest import Party

Forge = Callable[..., str]


def test_the_sender_of_a_header_is_found(garden: Party, bank: Party, now: datetime) -> None:
    header = bearer_header(issue(garden.key, issuer=garden.did, audience=bank.did, now=now))
    assert read_header(header).issuer == garden.did
    sender = verify_header(header, document=garden.document, audience=bank.did, now=now)
    assert sender.id == garden.did
    assert sender.expires_at == now + timedelta(minutes=5)
    assert sender.remember_until == now + timedelta(hours=1, minutes=5, seconds=30)
    assert sender == verify_header(
        header.replace("Bearer ", "bearer  "), document=garden.document, audience=bank.did, now=now
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda _: "",
        lambda token: token,
        lambda _: "Bearer",
        lambda _: "Bearer ",
        lambda token: f"Bearer{token}",
        lambda token: f" Bearer {token}",
        lambda token: f"Bearer {token} ",
        lambda token: f"Bearer {token}\n",
        lambda token: f"Bearer {token}, Bearer {token}",
        lambda token: f"Bearer Bearer {token}",
        lambda token: f"Basic {token}",
        lambda token: f"DPoP {token}",
        lambda token: f"Bearer\t{token}",
        lambda token: f"Bearer {token}" + "a" * 20_000,
        lambda token: "Bearer " + " " * 20_000 + token,
    ],
)
def test_other_headers_are_refused(
    forge: Forge,
    garden: Party,
    bank: Party,
    now: datetime,
    change: Callable[[str], str | None],
) -> None:
    with pytest.raises(InvalidTokenError):
        verify_header(change(forge()), document=garden.document, audience=bank.did, now=now)


@pytest.mark.parametrize(
    "issuer",
    [
        "garden",
        "https://garden.example",
        "did:key:z6Mkh",
        "did:web:garden.example:",
        "did:web:Garden.example",
        "did:web:garden%2eexample",
        "did:web:127.0.0.2",
    ],
)
def test_j11_the_issuer_is_a_did_web_in_its_one_spelling(
    forge: Forge, claims: dict[str, Any], issuer: str
) -> None:
    token = forge({"alg": "EdDSA"}, claims | {"iss": issuer, "sub": issuer})
    with pytest.raises(UntrustedIssuerError):
        read_header(bearer_header(token))


LOOK_ALIKES = [
    ("did:web:id.acme.example", "did:web:id-acme.example"),
    ("did:web:acme.example", "did:web:acme.example.evil.example"),
    ("did:web:acme.example", "did:web:acme.example:evil"),
    ("did:web:acme.example:a", "did:web:acme.example:ab"),
    ("did:web:acme.example:a", "did:web:acme.example:A"),
    ("did:web:acme.example", "did:web:acme.example%3A443"),
]


@pytest.mark.parametrize(("real", "alike"), [*LOOK_ALIKES, *((b, a) for a, b in LOOK_ALIKES)])
def test_j11_look_alikes_are_strangers(now: datetime, real: str, alike: str) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    real_document = build_document(real, key)
    # Its own key under its own name is not the other's.
    header = bearer_header(issue(other, issuer=alike, audience="b", now=now))
    document = build_document(alike, other)
    assert verify_header(header, document=document, audience="b", now=now).id == alike
    with pytest.raises(UntrustedIssuerError):
        verify_header(header, document=real_document, audience="b", now=now)
    # The same key under the other's name is not the other's either.
    header = bearer_header(issue(key, issuer=alike, audience="b", now=now))
    with pytest.raises(UntrustedIssuerError):
        verify_header(header, document=real_document, audience="b", now=now)


def test_j11_a_key_of_somebody_else_is_refused_before_anything_is_fetched(
    forge: Forge, garden: Party
) -> None:
    for kid in (
        "did:web:garden.example.evil.example#x",
        "did:web:evil.example#x",
        "did:web:garden#x",
        "key-1",
        "#key-1",
        "",
        garden.did.upper() + "#x",
    ):
        with pytest.raises(UntrustedIssuerError):
            read_header(bearer_header(forge({"alg": "EdDSA", "kid": kid})))


def test_j12_a_removed_key_proves_nothing(
    forge: Forge, garden: Party, bank: Party, now: datetime
) -> None:
    rolled = build_document(garden.did, SigningKey.generate())
    with pytest.raises(UntrustedIssuerError):
        verify_header(bearer_header(forge()), document=rolled, audience=bank.did, now=now)


@given(
    forgotten=st.timedeltas(timedelta(0), timedelta(days=1)),
    jump=st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_j10_a_clock_that_jumps_back_revives_no_forgotten_token(
    forgotten: timedelta, jump: timedelta
) -> None:
    """Used tokens are forgotten from ``remember_until`` on; an hour earlier they are dead."""
    key, start = SigningKey.generate(), datetime(2026, 11, 24, tzinfo=UTC)
    document = build_document("did:web:a.example", key)
    header = bearer_header(issue(key, issuer="did:web:a.example", audience="b", now=start))
    sender = verify_header(header, document=document, audience="b", now=start)
    assert sender.remember_until is not None
    back = sender.remember_until + forgotten - jump
    with pytest.raises(ExpiredTokenError):
        verify_header(header, document=document, audience="b", now=back)


def _believer(name: str = "bank") -> UnsafeClientIdIdentity:
    with pytest.warns(UnsafeIdentityWarning, match="without proof"):
        return UnsafeClientIdIdentity(name)


@pytest.mark.anyio
async def test_the_development_identity_believes_what_it_is_told(now: datetime) -> None:
    header = _believer("garden").issue("did:web:bank", now)
    assert json.loads(header)["clientId"] == "garden"
    assert await _believer().verify(header, audience="other", now=now) == Sender("garden")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garden",
        "Bearer x",
        "[]",
        "{}",
        '{"clientId": ""}',
        '{"clientId": 1}',
        '{"clientId": "a", "clientId": "b"}',
        '{"clientId": "a"}' + " " * 20_000,
        '{"clientId": "\ud800"}',
    ],
)
async def test_the_development_identity_refuses_what_says_nothing(
    header: str | None, now: datetime
) -> None:
    with pytest.raises(IdentityError):
        await _believer().verify(header, audience="bank", now=now)
