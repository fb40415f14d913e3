"""``trustspace doctor``: findings as lines and as JSON, with and without a connector."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(90)


def test_a_healthy_peer_is_told_line_by_line_and_exits_0(bank, address, tmp_path):
    trace = tmp_path / "trace.jsonl"
    done = bank("doctor", address, "--trace", trace)
    assert done.exit_code == 0, done.output
    assert "ok      version.ok" in done.stdout
    assert "nothing is in the way" in done.stderr
    said = [json.loads(line)["url"] for line in trace.read_text().splitlines()]
    assert any(url.endswith("/catalog/request") for url in said)


def test_json_is_one_document(bank, address):
    told = bank.json("doctor", address, "--as", "consumer", "--language", "zh")
    assert told["well"] is True
    assert {"id", "severity", "expected", "found", "advice"} == told["findings"][0].keys()
    assert not told["findings"][0]["expected"].isascii()


def test_a_peer_that_is_not_there_exits_4_and_says_what_to_do(bank, alone):
    for side in (bank, alone):
        done = side("doctor", "http://127.0.0.1:1")
        assert done.exit_code == 4
        assert "expected: a server that takes connections" in done.stdout
        assert "in the way: port.closed" in done.stderr


def test_without_a_connector_everything_but_the_identity_is_examined(alone, address, services):
    for where in (address, services["garden"].id):
        told = alone.json("doctor", where)
        ids = [finding["id"] for finding in told["findings"]]
        assert "did.ok" in ids
        assert "identity.not_checked" in ids
        assert told["well"] is True
    assert alone("doctor", "did:web:").exit_code == 4
    assert alone("doctor", "http://[").exit_code == 4


def test_one_thing_is_examined_at_a_time(alone):
    assert alone("doctor").exit_code == 2
    assert alone("doctor", "http://localhost", "--self").exit_code == 2
    assert alone("doctor", "--self").exit_code == 2


def test_the_own_home_is_examined(garden, alone, tmp_path):
    done = garden("doctor", "--self")
    assert done.exit_code == 0, done.output
    assert "ok      public.ok" in done.stdout
    bare = alone("doctor", "--self", "--home", tmp_path)
    assert bare.exit_code == 2
    assert "in the way: settings.invalid" in bare.stderr
    assert "没有发现障碍" in garden("doctor", "--self", "--language", "zh").stderr
    chinese = garden.json("doctor", "--self", "--language", "zh")
    assert chinese["well"] is True
    assert not chinese["findings"][0]["expected"].isascii()


def test_terminate_ends_a_negotiation_too(bank):
    assert bank("terminate", "urn:uuid:none").exit_code == 5
