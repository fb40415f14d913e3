"""Policies with blanks, and the cases that say what they mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from trustspace.errors import PolicyError
from trustspace.model.odrl import Offer
from trustspace.policy.lower import lower
from trustspace.policy.odrl.evaluation import evaluate
from trustspace.policy.templates import TEMPLATES, template
from trustspace.policy.wasm import WasmEngine

CASES = Path(__file__).parents[2] / "policies" / "templates"


def cases_of(name: str) -> dict[str, Any]:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_there_are_the_eleven_of_the_reference():
    assert list(TEMPLATES) == [
        "limit-content",
        "delivery-connector",
        "using-connector",
        "user",
        "operation",
        "count",
        "duration",
        "visible-scope",
        "usable-scope",
        "notify-on-use",
        "destroy-after-use",
    ]
    assert {path.stem for path in CASES.glob("*.json")} == set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_means_what_its_cases_say(name: str, engine: WasmEngine):
    found = cases_of(name)
    assert found["policy"] == template(name).policy(template(name).example)
    assert {case["expect"] for case in found["cases"]} >= {"permit", "deny"}
    for case in found["cases"]:
        told = evaluate(engine, {**case, "policy": found["policy"]})
        assert told["refused"] is None
        assert (case["name"], told["decision"]) == (case["name"], case["expect"])
        assert [one["id"] for one in told["reasons"]] == case.get("reasons", [])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_told_in_both_languages(name: str):
    one = template(name)
    english, chinese = one.words(one.example), one.words(one.example, "zh")
    for value in one.example.values():
        assert value.replace(",", ", ") in english
        assert value.replace(",", ", ") in chinese
    assert one.title["en"].isascii()
    assert not one.title["zh"].isascii()


@pytest.mark.parametrize("name", ["limit-content", "user", "operation", "count"])
def test_a_connector_takes_what_it_resolves(name: str):
    lower(Offer.read(template(name).policy(template(name).example)), kind="offer")


def test_values_come_as_texts_lists_or_numbers():
    assert template("count").policy({"count": 3}) == template("count").policy({"count": "3"})
    users = template("user").policy({"users": ["urn:a", "urn:b"], "target": "urn:d", "id": "urn:p"})
    assert users["permission"][0]["constraint"][0]["rightOperand"] == ["urn:a", "urn:b"]
    assert (users["target"], users["@id"]) == ("urn:d", "urn:p")
    trained = template("operation").policy({"operations": "ts:train"})
    assert trained["permission"] == [{"action": "https://w3id.org/trustspace/ns#train"}]


def test_what_is_optional_leaves_no_trace():
    one = template("limit-content")
    policy = one.policy({"columns": "city"})
    assert len(policy["permission"][0]["constraint"]) == 1
    assert "all" in one.words({"columns": "city"})


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("count", {}, "count needs count"),
        ("count", {"count": 0}, "count cannot be '0'"),
        ("count", {"count": "ten"}, "count cannot be 'ten'"),
        ("count", {"count": 1, "user": "x"}, "count has no parameter 'user'"),
        ("user", {"users": "a,,b"}, "users cannot be 'a,,b'"),
        ("user", {"users": 7}, "users cannot be '7'"),
        ("notify-on-use", {"informed": " ", "within": "PT1H"}, "informed cannot be ' '"),
        ("duration", {"duration": "a while"}, "a while"),
        ("limit-content", {"columns": "a", "where": "a >"}, "expected a literal"),
        ("operation", {"operations": "fly"}, "fly"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, given: dict[str, Any], said: str):
    with pytest.raises(PolicyError, match=said):
        template(name).policy(given)


def test_a_name_that_is_nearly_right_is_recognised():
    with pytest.raises(PolicyError) as refused:
        template("cuont")
    assert refused.value.hint == "did you mean 'count'?"
    with pytest.raises(PolicyError) as lost:
        template("xyz")
    assert "there are: limit-content" in (lost.value.hint or "")
