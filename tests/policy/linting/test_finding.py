"""The words of the lint: each rule in both languages, and the page that lists them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from trustspace.policy.linting.finding import Finding, rules

ROOT = Path(__file__).parents[3]
FIELD = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("name", rules())
def test_a_rule_says_the_same_in_both_languages(name: str):
    rule = rules()[name]
    assert rule.keys() == {"severity", "en", "zh"}
    assert rule["severity"] in ("error", "warning", "note")
    fields = [
        sorted(
            {one.removesuffix("_en").removesuffix("_zh") for one in FIELD.findall(rule[language])}
        )
        for language in ("en", "zh")
    ]
    assert fields[0] == fields[1]
    assert re.search("[\u4e00-\u9fff]", rule["zh"])


def test_what_a_policy_says_moves_no_cursor():
    finding = Finding("column.unknown", "/x", 0, {"column": "a\x1b[2J", "known": "b"})
    assert "\x1b" not in finding.words("en")
    assert finding.to_document()["line"] is None
    assert Finding("rego.input", line=3).to_document()["line"] == 3


def test_the_page_lists_the_rules():
    path = ROOT / "docs" / "list_lint.py"
    spec = importlib.util.spec_from_file_location("list_lint", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), (
        "run `python docs/list_lint.py` and commit the page"
    )
