"""Mutants of every message, over HTTP, against a connector that goes on by itself.

Never a fault of ours, never a change by what was refused, never a change that the protocol does not
know, never long work for one message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from tests.connector.mutants.mutation import mutants, spoilt
from tests.connector.mutants.subject import ABOUT, About, Subject, after, subject

from trustspace.dsp.messages import MESSAGE_TYPES

pytestmark = pytest.mark.timeout(120)

T = TypeVar("T")

SAMPLE = settings(
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SOAK = settings(
    max_examples=10_000, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
ERRORS = {
    "catalog": "CatalogError",
    "negotiations": "ContractNegotiationError",
    "transfers": "TransferError",
}


class Attack:
    """The connector under attack in a loop of its own; Hypothesis knows no loops."""

    def __init__(self, portal: BlockingPortal, target: Subject) -> None:
        self._portal = portal
        self._target = target

    def __call__(self, play: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        answer: T = self._portal.call(play, self._target, *arguments)
        return answer


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """Start what is attacked, for this module."""
    folder = tmp_path_factory.mktemp("mutants")
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(subject(folder)) as target,
    ):
        yield Attack(portal, target)


def test_every_message_has_mutants() -> None:
    wanted = {
        name
        for name in MESSAGE_TYPES
        if name.endswith("Message") and name != "DatasetRequestMessage"  # It has no body.
    }
    assert {about.said.type for about in ABOUT.values()} == wanted
    assert len(wanted) == 12


def _structure(attack: Attack, name: str, data: st.DataObject) -> None:
    ended = data.draw(st.integers(0, 4)) == 0
    process, valid = attack(Subject.about, name, ended)
    mutant = data.draw(mutants(valid))
    note(str(mutant.story))
    _say(attack, name, process, json.dumps(mutant.body).encode(), is_broken=mutant.is_broken)


def _bytes(attack: Attack, name: str, data: st.DataObject) -> None:
    ended = data.draw(st.integers(0, 4)) == 0
    process, valid = attack(Subject.about, name, ended)
    content = data.draw(spoilt(json.dumps(valid, ensure_ascii=False).encode()))
    note(repr(content[:2_000]))
    _say(attack, name, process, content, is_broken=False)


def _say(attack: Attack, name: str, process: Any, content: bytes, *, is_broken: bool) -> None:
    before, answer, seen = attack(Subject.told, name, process, content)
    note(f"{answer.status_code} {answer.text[:300]}")
    if answer.status_code not in (200, 201):
        _is_refused(ABOUT[name], answer)
        assert seen == before
        return
    assert not is_broken
    _is_accepted(ABOUT[name], process, answer)
    attack(Subject.moved, name, process)


def _is_accepted(about: About, process: Any, answer: httpx.Response) -> None:
    if about.said.endpoint == "catalog/request":
        assert answer.json()["@type"] == "Catalog"
        return
    assert answer.json()["state"] == after(about)
    if process is not None:
        assert process.state == about.state
        told = answer.json()["consumerPid"], answer.json()["providerPid"]
        assert told == (process.consumer_pid, process.provider_pid)


def _is_refused(about: About, answer: httpx.Response) -> None:
    assert answer.status_code in (400, 404, 413), answer.text
    kind = about.said.endpoint.partition("/")[0] if about.opens else about.kind
    if answer.status_code == 404 and kind != "catalog":
        assert answer.content == b""
        return
    body = answer.json()
    assert body["@type"] == ERRORS[kind]
    assert body["code"]
    assert body["reason"]
    assert len(answer.content) < 64 * 1024
    if kind != "catalog":
        assert body["consumerPid"]
        assert body["providerPid"]


@pytest.mark.parametrize("name", ABOUT)
@SAMPLE
@given(data=st.data())
def test_a_mutant_is_refused_or_harmless(attack: Attack, name: str, data: st.DataObject) -> None:
    _structure(attack, name, data)


@pytest.mark.parametrize("name", ABOUT)
@settings(SAMPLE, max_examples=25)
@given(data=st.data())
def test_spoilt_bytes_are_refused_or_harmless(
    attack: Attack, name: str, data: st.DataObject
) -> None:
    _bytes(attack, name, data)


@pytest.mark.soak
@pytest.mark.parametrize("name", ABOUT)
@SOAK
@given(data=st.data())
def test_ten_thousand_mutants_are_refused_or_harmless(
    attack: Attack, name: str, data: st.DataObject
) -> None:
    """Every fourth one is spoilt bytes."""
    (_bytes if data.draw(st.integers(0, 3)) == 0 else _structure)(attack, name, data)


# --- what has no body ----------------------------------------------------------------------------

_SEGMENTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(["..", ".", "\x00", "a/b", "%2e", "x" * 4_000, "roses\x00", "roses ", "ROSES"]),
)


def _look(attack: Attack, data: st.DataObject) -> None:
    path = data.draw(
        st.sampled_from(["catalog/datasets/{}", "negotiations/{}", "transfers/{}", "{}", "{}/{}"])
    )
    named = path.format(*(quote(_encoded(data.draw(_SEGMENTS)), safe="") for _ in range(2)))
    answer = attack(Subject.look, named)
    note(f"{named} {answer.status_code} {answer.text[:300]}")
    assert answer.status_code in (404, 405)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@SAMPLE
@given(data=st.data())
def test_a_look_at_what_is_not_there_is_404(attack: Attack, data: st.DataObject) -> None:
    """The dataset request is one of them: it is a GET that names the dataset in its path."""
    _look(attack, data)


@pytest.mark.soak
@SOAK
@given(data=st.data())
def test_ten_thousand_looks_at_what_is_not_there_are_404(
    attack: Attack, data: st.DataObject
) -> None:
    _look(attack, data)


@SAMPLE
@given(token=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_page_that_was_never_offered_is_refused(attack: Attack, token: str) -> None:
    path = f"catalog/request?page={quote(token, safe='')}"
    _, answer, _ = attack(Subject.told, "CatalogRequestMessage", None, None, path)
    assert answer.status_code in (200, 400), answer.text


@SAMPLE
@given(data=st.data())
def test_a_spoilt_token_identifies_nobody(attack: Attack, data: st.DataObject) -> None:
    valid = attack(Subject.token)
    spoilt_token = bytes(byte for byte in data.draw(spoilt(valid)) if 32 <= byte < 127)
    answer = attack(Subject.look, "catalog/datasets/roses", spoilt_token.decode())
    note(f"{spoilt_token!r} {answer.status_code}")
    assert answer.status_code == (200 if spoilt_token == valid else 401)
