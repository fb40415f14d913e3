"""Approvals, offers and other terms on the command line, against two real services."""

from __future__ import annotations

import json
import time
import uuid

import pytest

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def roses(tmp_path):
    file = tmp_path / "roses.csv"
    file.write_text("name,price\nAda,12\n", encoding="utf-8")
    return file


@pytest.fixture
def dataset():
    return f"asked-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def terms(tmp_path):
    def write(**words):
        file = tmp_path / f"{uuid.uuid4().hex}.json"
        file.write_text(json.dumps(words), encoding="utf-8")
        return file

    return write


def waiting(line, dataset):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for entry in line.json("approvals", "list"):
            if entry["dataset"] == dataset:
                return entry
        time.sleep(0.05)
    raise AssertionError(f"nothing about {dataset} waits")


def ended(line, pid):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        (found,) = [each for each in line.json("negotiations") if each["id"] == pid]
        if found["state"] in ("FINALIZED", "TERMINATED"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{pid} goes on")


def publish(garden, roses, dataset, how, *more):
    options = ("--purpose", "research", "--purpose", "teaching", "--count", 10)
    return garden.json("publish", roses, "--id", dataset, *options, "--negotiation", how, *more)


def test_a_request_is_listed_and_approved(garden, bank, address, roses, dataset):
    assert publish(garden, roses, dataset, "approval")["negotiation"] == "approval"
    asked = bank.json("negotiate", address, dataset, "--purpose", "research", "--no-wait")
    assert asked["state"] == "REQUESTED"
    entry = waiting(garden, dataset)
    assert entry["differences"][0]["change"] == "narrower"
    listed = garden("approvals", "list").stdout
    assert entry["id"] in listed
    assert "narrower: 'the purpose must be research'" in listed
    assert "收紧" in garden("approvals", "list", "--language", "zh").stdout
    done = garden("approvals", "approve", entry["id"])
    assert done.stdout == f"AGREED: {entry['id']}\n"
    assert ended(bank, asked["id"])["state"] == "FINALIZED"
    again = garden("approvals", "approve", entry["id"])
    assert again.exit_code == 2
    assert "approvals list" in again.stderr
    found = bank("negotiate", address, dataset, "--purpose", "research", "--no-wait")
    assert found.stdout == f"FINALIZED: {asked['id']}\n"


def test_a_request_is_rejected(garden, bank, address, roses, dataset):
    publish(garden, roses, dataset, "approval")
    asked = bank.json("negotiate", address, dataset, "--purpose", "research", "--no-wait")
    entry = waiting(garden, dataset)
    shown = garden.json("approvals", "reject", entry["id"], "--reason", "not to banks")
    assert shown["state"] == "TERMINATED"
    assert ended(bank, asked["id"])["reasons"] == ["not to banks"]


def test_a_request_is_answered_with_other_terms(garden, bank, address, roses, dataset, terms):
    publish(garden, roses, dataset, "approval")
    few = terms(purpose="research", count=2)
    asked = bank.json("negotiate", address, dataset, "--terms", few, "--no-wait")
    entry = waiting(garden, dataset)
    assert garden("approvals", "counter", entry["id"]).exit_code == 2
    more = terms(purpose=["research", "teaching"], count=5)
    shown = garden.json("approvals", "counter", entry["id"], "--terms", more)
    assert shown["state"] == "OFFERED"
    # That is all that was asked for and more, which is accepted at once.
    found = ended(bank, asked["id"])
    assert found["state"] == "FINALIZED"
    assert found["rounds"] == 1


def test_a_request_for_more_is_answered_with_the_offer(
    garden, bank, address, roses, dataset, terms
):
    shown = publish(garden, roses, dataset, "counter", "--rounds", 2)
    assert (shown["negotiation"], shown["rounds"]) == ("counter", 2)
    many = terms(purpose="research", count=100)
    done = bank("negotiate", address, dataset, "--terms", many)
    assert done.exit_code == 3
    assert "at most 10" in done.stderr


def test_a_consumer_is_offered_an_agreement(garden, bank, services, roses, dataset, terms):
    publish(garden, roses, dataset, "automatic")
    other = services["bank"].address
    done = garden("offer", other, dataset, "--purpose", "research")
    assert done.stdout.startswith("offered: urn:uuid:")
    entry = waiting(bank, dataset)
    assert entry["role"] == "consumer"
    assert "differences" not in entry
    bank.json("approvals", "approve", entry["id"])
    assert ended(bank, entry["id"])["state"] == "FINALIZED"
    special = terms(purpose="research", count=99)
    offered = garden.json("offer", other, dataset, "--terms", special)
    assert offered["state"] == "OFFERED"
    entry = waiting(bank, dataset)
    assert bank.json("approvals", "reject", entry["id"])["state"] == "TERMINATED"
