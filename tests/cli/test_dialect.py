"""How a counterparty speaks, shown and set on the command line."""

from __future__ import annotations

from tests.cli.conftest import CommandLine, Service


def test_a_dialect_is_shown_and_set(bank: CommandLine, services: dict[str, Service]) -> None:
    garden = services["garden"].id
    assert bank("dialect", garden).stdout == "strict\n"
    assert bank.json("dialect", garden, "edc") == {"id": garden, "dialect": "edc"}
    assert bank("dialect", garden).stdout == "edc\n"
    assert bank("dialect", garden, "strict").stdout == "strict\n"
    assert bank.json("dialect", garden) == {"id": garden, "dialect": "strict"}


def test_a_dialect_nobody_speaks_is_wrong_usage(
    bank: CommandLine, services: dict[str, Service]
) -> None:
    done = bank("dialect", services["garden"].id, "klingon")
    assert done.exit_code == 2
    assert "klingon" in done.stderr
