"""Pages of the documentation that are made from tables say what the tables say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from trustspace.policy.operands import EVERY_ACTION, EVERY_OPERAND
from trustspace.policy.vocabulary import DUTIES, DUTY_OPERANDS, LEFT_OPERANDS

DOCS = Path(__file__).parent.parent / "docs"


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPERANDS = program("list_operands")
REFUSALS = program("list_refusals")


def test_the_page_of_operands_is_current() -> None:
    assert OPERANDS.PAGE.read_text(encoding="utf-8") == OPERANDS.page(), (
        "run `python docs/list_operands.py` and commit the page"
    )


@pytest.mark.parametrize("name", sorted({*EVERY_OPERAND, *LEFT_OPERANDS, *DUTY_OPERANDS}))
def test_every_operand_is_listed_in_words(name: str) -> None:
    english, chinese = OPERANDS.in_words(name, "operands")
    assert english, "say it in docs/words.toml"
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


@pytest.mark.parametrize("name", sorted({*EVERY_ACTION, *DUTIES}))
def test_every_action_is_listed_in_words(name: str) -> None:
    english, chinese = OPERANDS.in_words(name, "actions")
    assert english, "say it in docs/words.toml"
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese)


def test_whoever_finds_a_value_out_is_named() -> None:
    for operand in LEFT_OPERANDS.values():
        assert OPERANDS.finder(operand) in OPERANDS.FINDERS
        label = OPERANDS.label(operand)
        if OPERANDS.finder(operand) == "nobody":
            assert label.provider == "contractual"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_of_refusals_are_current(language: str) -> None:
    assert REFUSALS.PAGES[language].read_text(encoding="utf-8") == REFUSALS.page(language), (
        "run `python docs/list_refusals.py` and commit the pages"
    )


def test_every_refusal_is_explained_and_nothing_else() -> None:
    """What is missing or has gone is entered or taken out in docs/refusals.toml."""
    assert REFUSALS.raised() == REFUSALS.said()


def test_every_refusal_says_what_to_do_in_both_languages() -> None:
    for group in REFUSALS.groups().values():
        assert len(group["heading"]) == 2
        for name, texts in group.items():
            if name != "heading" and not name.startswith("module."):
                assert [len(cells) for cells in texts] == [3, 3], name
                assert all(cell.strip() for cells in texts for cell in cells), name
                assert any(character >= "\u4e00" for character in texts[1][0]), name
