"""The commands against two real services: each outcome with its words, its JSON and its code."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import Any

import polars as pl
import pytest

# The first test waits for two services to start, however busy the machine is.
pytestmark = pytest.mark.timeout(90)

ROSES = "name,phone,grade,price\nAda,030-1,A,12\nBob,040-2,B,7\nCyd,089-3,A,15\n"


@pytest.fixture
def roses(tmp_path):
    file = tmp_path / "roses.csv"
    file.write_text(ROSES, encoding="utf-8")
    return file


@pytest.fixture
def dataset():
    """An id of its own for each test, since the services are shared."""
    return f"roses-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def agreement(garden, bank, address, roses, dataset):
    garden.json("publish", roses, "--id", dataset, "--purpose", "research", "--count", 2)
    return bank.json("negotiate", address, dataset, "--purpose", "research")["agreement"]


def test_serve_says_one_line_when_it_is_ready(services):
    for service in services.values():
        assert service.id in service.ready
        assert service.address in service.ready


def test_publishing_twice_changes_nothing(garden, roses, dataset):
    terms = ("--purpose", "research", "--mask", "phone", "--until", "2999-01-01")
    first = garden("publish", roses, "--id", dataset, *terms)
    assert first.exit_code == 0
    assert first.stdout.startswith(f"published: {dataset} as table\n")
    assert "enforced" in first.stdout
    assert garden("publish", roses, "--id", dataset, *terms).stdout.startswith("unchanged:")
    shown = garden.json("publish", roses, "--id", dataset, *terms)
    assert shown["changed"] is False
    assert shown["forms"] == ["table"]


def test_terms_come_from_a_file_as_well(garden, bank, address, roses, dataset, tmp_path):
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps({"where": 'grade = "A"', "mask": {"phone": "hash"}}), "utf-8")
    garden.json("publish", roses, "--id", dataset, "--title", "Roses", "--terms", terms)
    found = garden.json("datasets")
    assert dataset in [each["id"] for each in found]
    agreed = bank.json("negotiate", address, dataset)
    bank.json("open", agreed["agreement"], "-o", tmp_path / "got.parquet")
    frame = pl.read_parquet(tmp_path / "got.parquet")
    assert frame["name"].to_list() == ["Ada", "Cyd"]
    assert not set(frame["phone"].to_list()) & {"030-1", "089-3"}


def test_flags_are_terms(garden, bank, address, roses, dataset, tmp_path):
    flags = ("--where", "price > 10", "--drop", "phone", "--mask", "name=partial")
    garden.json("publish", roses, "--id", dataset, *flags)
    agreed = bank.json("negotiate", address, dataset)
    saved = bank.json("open", agreed["agreement"], "-o", tmp_path / "got.csv")
    frame = pl.read_csv(tmp_path / "got.csv")
    assert frame.columns == ["name", "grade", "price"]
    assert (saved["rows"], frame.height) == (2, 2)


def test_masks_have_parameters_on_the_command_line(garden, bank, address, roses, dataset, tmp_path):
    masks = ("name=tokenise", "grade=constant(value=X)", "price:round(step=10)", "phone=redact_pii")
    flags = [part for mask in masks for part in ("--mask", mask)]
    garden.json("publish", roses, "--id", dataset, *flags)
    agreed = bank.json("negotiate", address, dataset)
    bank.json("open", agreed["agreement"], "-o", tmp_path / "got.parquet")
    frame = pl.read_parquet(tmp_path / "got.parquet")
    assert all(name.startswith("tok_") for name in frame["name"])
    assert set(frame["grade"]) == {"X"}
    assert all(price % 10 == 0 for price in frame["price"])


def test_terms_that_say_nothing_are_pointed_out(garden, roses, dataset):
    done = garden("publish", roses, "--id", dataset)
    assert done.exit_code == 0
    assert "everyone may use it" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--terms", "{both}", "--count", "1"), "both give terms"),
        (("--terms", "{list}"), "not an object"),
        (("--terms", "{broken}"), "is not JSON"),
        (("--terms", "{absent}"), "No such file"),
        (("--until", "someday"), "until"),
        (("--mask", "phone=scramble"), "scramble"),
        (("--where", "grade ~ 1"), "row filter"),
    ],
)
def test_terms_that_cannot_be_read_are_wrong_usage(garden, roses, tmp_path, arguments, words):
    for name, content in {"both": "{}", "list": "[]", "broken": "{"}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    filled = [
        each.format(**{name: tmp_path / name for name in ("both", "list", "broken", "absent")})
        for each in arguments
    ]
    done = garden("publish", roses, "--id", "x", *filled)
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_file_that_is_not_there_is_wrong_usage(garden, tmp_path):
    done = garden("publish", tmp_path / "absent.csv", "--id", "x", "--count", 1)
    assert done.exit_code in (2, 5)
    assert "absent.csv" in done.stderr


def test_the_catalogue_shows_what_is_published(garden, bank, address, roses, dataset, services):
    garden.json("publish", roses, "--id", dataset, "--purpose", "research")
    found = bank.json("catalog", address)
    assert found["participant_id"] == services["garden"].id
    assert dataset in [each["id"] for each in found["datasets"]]
    listed = bank("catalog", services["garden"].id, "--limit", 1000)
    assert dataset in listed.stdout
    assert f"{dataset}\t" in garden("datasets").stdout
    assert garden("unpublish", dataset).stdout == f"withdrawn: {dataset}\n"
    assert dataset not in bank("catalog", address).stdout
    assert garden("unpublish", dataset, "--json").exit_code == 5


def test_unpublish_answers_in_json(garden, roses, dataset):
    garden.json("publish", roses, "--id", dataset, "--count", 1)
    assert garden.json("unpublish", dataset) == {"id": dataset, "withdrawn": True}


def test_an_empty_catalogue_is_an_empty_list(garden, services):
    found = garden.json("catalog", services["bank"].address)
    assert found["datasets"] == []


def test_a_refused_negotiation_exits_3_with_its_reasons(garden, bank, address, roses, dataset):
    garden.json("publish", roses, "--id", dataset, "--purpose", "research")
    done = bank("negotiate", address, dataset, "--purpose", "marketing", "--json")
    assert done.exit_code == 3
    refused = json.loads(done.stdout)
    assert refused["reasons"][0]["left"] == "odrl:purpose"
    assert "research" in refused["error"]
    negotiation = next(
        each["id"]
        for each in bank.json("negotiations")
        if each["dataset"] == dataset and each["state"] == "TERMINATED"
    )
    assert negotiation in bank("negotiations").stdout
    explained = bank.json("explain", negotiation)
    assert explained["sentences"]
    assert explained["reasons"]
    chinese = bank("explain", negotiation, "--language", "zh")
    assert chinese.exit_code == 0
    assert "research" in chinese.stdout
    assert not chinese.stdout.isascii()


def test_an_unknown_dataset_is_not_found(bank, address):
    assert bank("negotiate", address, "no-such-dataset").exit_code == 5
    assert bank("explain", "urn:uuid:none").exit_code == 5
    assert bank("open", "urn:uuid:none", "-o", "x.csv").exit_code == 5


def test_an_address_where_nobody_is_is_the_other_side(bank):
    done = bank("catalog", "http://127.0.0.1:1")
    assert done.exit_code == 4
    assert "Traceback" not in done.output


def test_negotiate_says_what_comes_next(garden, bank, address, roses, dataset):
    garden.json("publish", roses, "--id", dataset, "--count", 1)
    done = bank("negotiate", address, dataset, "--deadline", 30)
    assert done.exit_code == 0
    assert "use it: trustspace open urn:" in done.stdout


def test_open_writes_a_file_and_counts_it(bank, agreement, roses, tmp_path):
    saved = bank.json("open", agreement, "-o", tmp_path / "got.txt")
    assert (tmp_path / "got.txt").read_bytes() == roses.read_bytes()
    assert saved["sha256"] == hashlib.sha256(roses.read_bytes()).hexdigest()
    assert (saved["bytes"], saved["rows"]) == (len(ROSES), None)
    assert saved["seconds"] > 0
    done = bank("open", agreement, "-o", tmp_path / "got.jsonl", "--purpose", "research")
    assert done.exit_code == 0
    assert ", 3 rows in " in done.stdout
    assert f"sha256 {hashlib.sha256((tmp_path / 'got.jsonl').read_bytes()).hexdigest()}" in (
        done.stdout
    )
    exhausted = bank("open", agreement, "-o", tmp_path / "third.csv", "--json")
    assert exhausted.exit_code == 3
    assert json.loads(exhausted.stdout)["reasons"][0]["left"] == "odrl:count"
    assert not (tmp_path / "third.csv").exists()


def test_another_purpose_than_the_agreed_is_denied(bank, agreement, tmp_path):
    done = bank("open", agreement, "-o", tmp_path / "x.csv", "--purpose", "marketing")
    assert done.exit_code == 3
    assert "not for 'marketing'" in done.stderr


def test_a_form_that_the_terms_exclude_is_denied_and_the_other_named(
    garden, bank, address, roses, dataset, tmp_path
):
    garden.json("publish", roses, "--id", dataset, "--drop", "phone")
    agreed = bank.json("negotiate", address, dataset)["agreement"]
    done = bank("open", agreed, "-o", tmp_path / "x.bin")
    assert done.exit_code == 3
    assert ".parquet" in done.stderr


def test_a_place_that_cannot_be_written_is_wrong_usage(bank, agreement, tmp_path):
    done = bank("open", agreement, "-o", tmp_path / "no" / "x.bin")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_agreements_are_listed_with_their_use(garden, bank, agreement, tmp_path):
    bank.json("open", agreement, "-o", tmp_path / "x.bin")
    listed = {each["id"]: each for each in bank.json("agreements")}
    assert listed[agreement]["role"] == "consumer"
    assert f"{agreement}\tconsumer\t" in bank("agreements").stdout
    (line,) = [each for each in garden("agreements").stdout.splitlines() if agreement in each]
    assert line.split("\t")[6:] == ["1/2 uses", ""]


def test_an_agreement_is_found_again(bank, address, dataset, agreement):
    again = bank("negotiate", address, dataset, "--purpose", "research")
    assert again.stdout.startswith(f"found: {agreement}\n")
    found = bank.json("negotiate", address, dataset, "--purpose", "research")
    assert (found["agreement"], found["reused"]) == (agreement, True)
    fresh = bank.json("negotiate", address, dataset, "--purpose", "research", "--fresh")
    assert (fresh["agreement"] == agreement, fresh["reused"]) == (False, False)


def test_an_agreement_ends_by_both_or_by_its_consumer(garden, bank, agreement):
    done = bank("end", agreement, "--reason", "over")
    assert done.stdout.startswith(f"proposed: {agreement}")
    end = time.monotonic() + 20
    while "end standing" not in _line(garden, agreement):
        assert time.monotonic() < end, _line(garden, agreement)
    assert "end standing by counterparty: over" in _line(garden, agreement)
    assert garden("end", agreement, "--reject").stdout.startswith(f"rejected: {agreement}")
    assert garden("give-up", agreement).exit_code == 2
    assert bank("give-up", agreement).stdout == f"TERMINATED: {agreement}\n"


def _line(side: Any, agreement: str) -> str:
    lines: list[str] = side("agreements").stdout.splitlines()
    return next(line for line in lines if agreement in line)


def test_a_transfer_takes_its_steps(garden, bank, agreement, tmp_path):
    bank.json("open", agreement, "-o", tmp_path / "x.bin")

    def transfer(side: Any) -> Any:
        return next(each for each in side.json("transfers") if each["agreement"] == agreement)

    ours = transfer(garden)["id"]
    assert f"\t{agreement}\tSTARTED\t" in garden("transfers").stdout
    assert garden("suspend", ours, "--reason", "audit").stdout == f"SUSPENDED: {ours}\n"
    assert garden.json("resume", ours)["state"] == "STARTED"
    assert garden("resume", ours).exit_code == 2
    assert garden("release", agreement).stdout == "released: 0\n"
    assert garden.json("release", agreement) == {"agreement": agreement, "released": 0}
    assert bank("complete", transfer(bank)["id"]).stdout.startswith("COMPLETED: ")
    bank.json("open", agreement, "-o", tmp_path / "z.bin")
    running = next(
        each["id"]
        for each in bank.json("transfers")
        if each["agreement"] == agreement and each["state"] == "STARTED"
    )
    assert bank.json("terminate", running, "--reason", "done")["state"] == "TERMINATED"


def test_a_revoked_agreement_gives_nothing(garden, bank, agreement, tmp_path):
    done = garden("revoke", agreement, "--reason", "the season is over")
    assert done.stdout == f"REVOKED: {agreement}\n"
    denied = bank("open", agreement, "-o", tmp_path / "x.csv", "--json")
    assert denied.exit_code == 3
    assert json.loads(denied.stdout)["reasons"]
    assert not (tmp_path / "x.csv").exists()
    assert garden.json("revoke", agreement)["state"] == "REVOKED"


def test_events_are_printed(garden, roses, dataset):
    before = garden.json("events")
    last = before[-1]["seq"] if before else 0
    garden.json("publish", roses, "--id", dataset, "--count", 1)
    new = garden.json("events", "--after", last)
    assert [each["seq"] for each in new] == list(range(last + 1, last + 1 + len(new)))
    line = garden("events", "--after", last).stdout.splitlines()[0].split("\t")
    assert (int(line[0]), line[2]) == (last + 1, new[0]["kind"])
    assert dataset in line[3]


def test_facts_about_a_counterparty_open_what_a_place_closes(
    garden, bank, address, roses, dataset, services, tmp_path
):
    terms = tmp_path / "terms.json"
    terms.write_text(json.dumps({"spatial": "CN"}), encoding="utf-8")
    garden.json("publish", roses, "--id", dataset, "--terms", terms)
    agreed = bank.json("negotiate", address, dataset)["agreement"]
    did = services["bank"].id
    assert garden("attest", did, "spatial=DE").stdout == "spatial: DE\n"
    assert bank("open", agreed, "-o", tmp_path / "x.csv").exit_code == 3
    facts = garden.json("attest", did, "spatial=CN-SH")
    assert facts == {"id": did, "facts": {"spatial": "CN-SH"}}
    assert bank("open", agreed, "-o", tmp_path / "x.csv").exit_code == 0


@pytest.mark.parametrize("facts", [["spatial"], ["=CN"], ["spatial=CN", "spatial=DE"], ["x=y"]])
def test_what_cannot_be_attested_is_wrong_usage(garden, services, facts):
    assert garden("attest", services["bank"].id, *facts).exit_code == 2
