"""Crawl and search on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import CommandLine

from trustspace.cli.commands.catalog import criterion
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Service


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keyword=roses", ("keyword", "eq", "roses")),
        ("title ~ a=b", ("title", "contains", "a=b")),
        ("byteSize<=10", ("byteSize", "lteq", "10")),
        ("policy.purpose!=x", ("policy.purpose", "neq", "x")),
    ],
)
def test_a_criterion_is_read(text: str, expected: tuple[str, str, str]) -> None:
    assert tuple(criterion(text).values()) == expected


def test_what_is_no_criterion_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no criterion"):
        criterion("roses")


def test_a_catalogue_is_crawled_and_searched(services: dict[str, Service], tmp_path: Path) -> None:
    garden, bank = CommandLine(services["garden"]), CommandLine(services["bank"])
    file = tmp_path / "orchids.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    told = ("--description", "Grown under glass", "--keyword", "兰花", "--purpose", "research")
    garden.json("publish", file, "--id", "orchids", "--title", "Orchids", *told)
    address = services["garden"].address
    shown = bank.json("catalog", address, "--filter", "keyword=兰花")
    assert [one["id"] for one in shown["datasets"]] == ["orchids"]
    done = bank.json("crawl", address)
    assert done["catalogs"][0]["datasets"] >= 1
    assert [one["id"] for one in bank.json("index", "search", "兰花", "GLASS")] == ["orchids"]
    assert "orchids" in bank("index", "search", "orchids").stdout
    (source,) = bank.json("index", "sources")
    assert source["participant_id"] == services["garden"].id
    assert services["garden"].id in bank("crawl", address).stdout
    assert services["garden"].id in bank("index", "sources").stdout
    absent = bank("crawl", "http://localhost:9")
    assert absent.exit_code == 4
    assert "http://localhost:9" in absent.stderr
    assert bank("index", "forget").exit_code == 2
    assert bank("index", "forget", source["source"]).exit_code == 0
    assert bank("index", "forget", source["source"]).exit_code == 5
    garden("unpublish", "orchids")
