"""Data pushed to the command line, once."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import CommandLine, Service


def test_a_push_is_received_once(
    services: dict[str, Service], garden: CommandLine, bank: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "lilies.csv"
    file.write_text("name,price\nAda,12\n", encoding="utf-8")
    garden.json("publish", file, "--id", "lilies", "--count", "2")
    agreement = bank.json("negotiate", services["garden"].address, "lilies")["id"]
    copy = tmp_path / "copy.csv"
    done = bank("receive", agreement, "-o", copy)
    assert done.exit_code == 0, done.output
    assert f"{copy}: " in done.stdout
    assert ", 1 rows in " in done.stdout
    assert "sha256 " in done.stdout
    assert copy.read_text(encoding="utf-8") == '"name","price"\n"Ada",12\n'
    (push,) = [one for one in bank.json("transfers") if one["agreement"] == agreement]
    again = bank("receive", agreement, "-o", tmp_path / "again.csv", "--transfer", push["id"])
    assert again.exit_code == 5
    assert "taken already" in again.stderr


def test_a_sink_that_does_not_fit_is_wrong_usage(bank: CommandLine) -> None:
    done = bank(
        "receive", "urn:uuid:00000000-0000-4000-8000-000000000000", "--sink", "no-url",
        "--authorization", "Bearer x", "--media-type", "text/csv",
    )  # fmt: skip
    assert done.exit_code == 2, done.output
