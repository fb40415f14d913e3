"""Duties on the command line, against two real services."""

from __future__ import annotations

import json
import uuid

import pytest

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def roses(tmp_path):
    file = tmp_path / "roses.csv"
    file.write_text("name,price\nAda,12\n", encoding="utf-8")
    return file


def test_a_payment_opens_what_was_agreed(garden, bank, address, roses):
    dataset = f"paid-{uuid.uuid4().hex[:8]}"
    options = ("--pay", "500 CNY", "--attribute", "Rose Garden", "--log")
    shown = garden.json("publish", roses, "--id", dataset, *options)
    assert {term["term"] for term in shown["terms"]} >= {"odrl:compensate", "odrl:attribute"}
    agreement = bank.json("negotiate", address, dataset)["id"]
    (owed,) = bank.json("duties", "list", "--agreement", agreement, "--state", "owed")
    assert (owed["duty"], owed["state"]) == ("p1d1", "open")
    told = garden("duties", "list", "--agreement", agreement, "--language", "zh").stdout
    assert "使用方" in told
    proof = ("--evidence", "receipt-7", "--amount", "500", "--unit", "CNY")
    done = garden.json("duties", "fulfil", agreement, "p1d1", *proof)
    assert done["state"] == "fulfilled"
    assert done["evidence"]["facts"]["odrl:payAmount"] == {"value": "500", "unit": "CNY"}
    shown = garden("duties", "show", agreement, "p1d1").stdout
    assert "receipt-7" in shown
    assert json.loads(garden("duties", "show", agreement, "p1d1", "--json").stdout)
    assert garden("duties", "show", agreement, "p9").exit_code != 0
    late = (*proof[:2], "--at", "2026-01-01T00:00:00")
    refused = garden("duties", "fulfil", agreement, "p1d1", *late)
    assert "zone" in refused.stderr
    assert garden("explain", agreement).stdout
