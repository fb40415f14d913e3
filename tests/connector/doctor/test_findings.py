"""The tables of findings: complete in both languages, listed in the reference, used by probes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from trustspace.connector.doctor import findings
from trustspace.connector.doctor.findings import (
    Finding,
    Severity,
    catalogue,
    finding_ids,
    is_well,
)
from trustspace.policy.messages import LANGUAGES

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "src/trustspace/connector/doctor").glob("*.py"))


@pytest.mark.parametrize("finding_id", finding_ids())
def test_a_finding_is_told_in_every_language(finding_id):
    finding = Finding(finding_id)
    for language in LANGUAGES:
        shown = finding.shown(language)
        assert shown["id"] == finding_id
        assert shown["expected"]
        assert shown["found"]
        needs_advice = finding.severity is not Severity.OK
        assert bool(shown["advice"]) is needs_advice, finding_id
        assert "{" not in "".join(shown.values())


def test_both_languages_have_the_same_facts():
    for name, group in catalogue().items():
        for part in (entry for key, entry in group.items() if key != "expected"):
            for words in (part["found"], part.get("advice", {"en": "", "zh": ""})):
                facts = [
                    {fact.removesuffix(f"_{language}") for fact in re.findall(r"{(\w+)}", text)}
                    for language, text in words.items()
                ]
                assert facts[0] == facts[1], name


def test_every_finding_is_told_somewhere_and_no_other():
    text = "\n".join(source.read_text("utf-8") for source in SOURCES)
    told = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))
    assert set(finding_ids()) <= told
    groups = set(catalogue())
    others = {name for name in told if name.split(".")[0] in groups} - set(finding_ids())
    assert not others


def test_only_errors_are_in_the_way():
    assert is_well([Finding("clock.off"), Finding("tls.none"), Finding("dns.ok")])
    assert not is_well([Finding("dns.ok"), Finding("tls.expired")])


def test_the_reference_is_current():
    path = ROOT / "docs" / "list_findings.py"
    spec = importlib.util.spec_from_file_location("list_findings", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text("utf-8") == script.page(), (
        "run `python docs/list_findings.py` and commit the page"
    )
    assert findings.TABLES


def test_troubleshooting_names_only_findings_that_there_are():
    text = (ROOT / "docs" / "guide" / "troubleshooting.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+[.][a-z_]+)`", text)
    groups = set(catalogue())
    found = {name for name in named if name.split(".")[0] in groups}
    assert len(found) > 30
    assert found <= set(finding_ids())
