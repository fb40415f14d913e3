"""Guides say the same in both languages: chapters, commands, documents."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
NAMES = ("policies", "refused", "kept-data")
PAIRS = [(GUIDE / f"{name}.md", GUIDE / f"{name}.zh.md") for name in NAMES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
pairs = pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=NAMES)


def outline(page: Path) -> list[str]:
    """The levels of the headings, in their order."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.findall(r"^(#+) ", text, re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    """What stands in fences, but for trees of files, whose notes are words."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(language, block) for language, block in found if language != "text"]


def options(page: Path) -> set[str]:
    """Commands, options and codes that the text names."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return set(re.findall(r"`([^`\n]+)`", text))


@pairs
def test_the_chapters_are_the_same(english: Path, chinese: Path) -> None:
    assert outline(english) == outline(chinese)


@pairs
def test_the_commands_and_documents_are_the_same(english: Path, chinese: Path) -> None:
    assert blocks(english) == blocks(chinese)


@pairs
def test_the_same_names_are_named(english: Path, chinese: Path) -> None:
    assert options(english) - options(chinese) == set()


@pairs
def test_each_leads_to_the_other(english: Path, chinese: Path) -> None:
    assert f"]({chinese.name})" in english.read_text(encoding="utf-8")
    assert f"]({english.name})" in chinese.read_text(encoding="utf-8")


def test_the_chinese_pages_are_chinese() -> None:
    for _, page in PAIRS:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
            assert re.search("[\u4e00-\u9fff]", heading), heading
        assert not re.search("[\u4e00-\u9fff][,;?!]", text), "Chinese is written with its own signs"
