"""Every spelling of a term means the same, and what is unknown is refused with a suggestion."""

import json
from importlib.resources import files

import pytest

from trustspace.errors import UnsupportedTermError
from trustspace.policy.vocabulary import (
    ACTIONS,
    DUTIES,
    DUTY_OPERANDS,
    EDC_NAMESPACE,
    LEFT_OPERANDS,
    ODRL_NAMESPACE,
    OPERATORS,
    TRUSTSPACE_NAMESPACE,
    action,
    compact,
    duty_action,
    included_actions,
    left_operand,
    operator,
    spelled,
    suggestion,
    to_wire,
)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("dateTime", "odrl:dateTime"),
        ("odrl:dateTime", "odrl:dateTime"),
        (ODRL_NAMESPACE + "dateTime", "odrl:dateTime"),
        ("ts:mask", "ts:mask"),
        (TRUSTSPACE_NAMESPACE + "mask", "ts:mask"),
        ("edc:inForceDate", "edc:inForceDate"),
        (EDC_NAMESPACE + "inForceDate", "edc:inForceDate"),
    ],
)
def test_every_spelling_of_a_left_operand_is_the_same_one(spelling, name):
    assert left_operand(spelling).name == name


@pytest.mark.parametrize(
    ("term", "wire"),
    [
        ("odrl:use", "use"),
        ("use", "use"),
        ("ts:mask", "https://w3id.org/trustspace/ns#mask"),
        ("edc:inForceDate", "https://w3id.org/edc/v0.0.1/ns/inForceDate"),
        ("http://www.w3.org/2001/XMLSchema#dateTime", "xsd:dateTime"),
        ("https://example.com/x", "https://example.com/x"),
    ],
)
def test_on_the_wire_odrl_is_bare_and_others_are_absolute(term, wire):
    assert to_wire(term) == wire


@pytest.mark.parametrize(
    "name", [*LEFT_OPERANDS, *ACTIONS, *DUTIES, *sorted(OPERATORS), *DUTY_OPERANDS]
)
def test_the_wire_spelling_is_read_back(name):
    assert compact(to_wire(name)) == name


def test_use_includes_its_children_and_not_transfer():
    covered = included_actions("odrl:use")
    assert {"odrl:use", "odrl:read", "odrl:display", "ts:train", "ts:download"} <= covered
    assert not covered & {"odrl:transfer", "odrl:sell", "odrl:give"}
    assert included_actions("odrl:transfer") == {"odrl:transfer", "odrl:sell", "odrl:give"}
    assert included_actions("odrl:distribute") == {"odrl:distribute"}


@pytest.mark.parametrize(
    ("term", "hint"),
    [
        ("datetime", "did you mean 'dateTime'?"),
        ("purpse", "did you mean 'purpose'?"),
        ("rowFilter", "did you mean 'ts:rowFilter'?"),
        ("inForceDate", "did you mean 'edc:inForceDate'?"),
        ("https://example.com/ns#masks", "did you mean 'ts:mask'?"),
    ],
)
def test_a_near_miss_is_suggested(term, hint):
    with pytest.raises(UnsupportedTermError) as caught:
        left_operand(term, location="/permission/0/constraint/0/leftOperand")
    assert caught.value.code == "policy.unsupported"
    assert caught.value.location == "/permission/0/constraint/0/leftOperand"
    assert caught.value.hint == hint


def test_without_a_near_miss_the_known_terms_are_listed():
    with pytest.raises(UnsupportedTermError) as caught:
        left_operand("payAmount")
    assert "supported are:" in caught.value.hint
    assert "purpose" in caught.value.hint
    assert suggestion("zzz", LEFT_OPERANDS) == ""


def test_an_obligation_has_operands_and_actions_of_its_own():
    assert left_operand("delayPeriod", duty=True).name == "odrl:delayPeriod"
    with pytest.raises(UnsupportedTermError):
        left_operand("delayPeriod")
    with pytest.raises(UnsupportedTermError):
        left_operand("dateTime", duty=True)
    assert duty_action("delete") == "odrl:delete"
    assert duty_action(TRUSTSPACE_NAMESPACE + "log") == "ts:log"
    with pytest.raises(UnsupportedTermError, match="duty 'watermark' is not supported"):
        duty_action("watermark")


def test_actions_are_known_or_refused():
    assert action("odrl:read") == "odrl:read"
    with pytest.raises(UnsupportedTermError) as caught:
        action("distribut")
    assert "'distribute'" in caught.value.hint


def test_operators_are_known_and_mean_something():
    date_time = left_operand("dateTime")
    assert operator("lt", date_time) == "odrl:lt"
    with pytest.raises(UnsupportedTermError, match="operator 'term-lteq' is not supported"):
        operator("term-lteq", date_time)
    with pytest.raises(UnsupportedTermError) as caught:
        operator("isAnyOf", date_time, location="/x")
    assert caught.value.hint == "use one of: eq, gt, gteq, lt, lteq, neq"
    assert caught.value.location == "/x"


def test_people_read_short_names():
    assert spelled("odrl:purpose") == "purpose"
    assert spelled(TRUSTSPACE_NAMESPACE + "mask") == "ts:mask"


def test_the_engine_knows_every_operand_that_decides_and_defers_it_at_the_same_points():
    description = json.loads((files("trustspace.policy") / "compiled/policy.json").read_bytes())
    tables = description["tables"]
    found = {name: one for name, one in LEFT_OPERANDS.items() if not one.stated}
    deciding = {name for name, known in found.items() if not known.shapes_delivery}
    assert deciding <= set(tables["known"])
    assert not set(tables["known"]) & {n for n, one in LEFT_OPERANDS.items() if one.stated}
    for point, names in tables["deferred"].items():
        deferred = {name for name, known in found.items() if point in known.deferred}
        assert deferred == set(names) & set(LEFT_OPERANDS), point
