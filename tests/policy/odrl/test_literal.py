"""Values in every spelling, and those of the wrong kind."""

from typing import Any

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.decimals import as_written
from trustspace.policy.odrl.literal import literal
from trustspace.policy.odrl.names import Names
from trustspace.policy.operands import known
from trustspace.policy.vocabulary import OPERATORS, Kind, LeftOperand

ANY = LeftOperand("ex:any", Kind.ANY, "contractual", OPERATORS)
NAMES = Names.of({"@context": {"ex": "http://e.org/"}})


def typed(value: Any, datatype: str) -> dict[str, Any]:
    return {"@value": value, "@type": datatype}


@pytest.mark.parametrize(
    ("raw", "operand", "value"),
    [
        ("urn:a", "purpose", "urn:a"),
        ("ex:a", "purpose", "http://e.org/a"),
        ({"@id": "ex:a"}, "purpose", "http://e.org/a"),
        ({"@value": "x", "@language": "en"}, "language", "x"),
        (typed("urn:a", "xsd:anyURI"), "purpose", "urn:a"),
        (typed("zh", "http://www.w3.org/2001/XMLSchema#string"), "language", "zh"),
        (5, "version", "5"),
        (True, "purpose", True),
        (5, "count", 5),
        ("5", "count", 5),
        (5.0, "count", 5),
        (typed("5", "xsd:integer"), "count", 5),
        (typed(5, "xsd:decimal"), "count", 5),
        ("5.00", "payAmount", 50_000),
        (5, "payAmount", 50_000),
        (typed("0.5", "xsd:double"), "percentage", 500_000),
        ("2027-01-01T00:00:00Z", "dateTime", 1798761600),
        (1798761600, "dateTime", 1798761600),
        (typed("2027-01-01T08:00:00+08:00", "xsd:dateTimeStamp"), "dateTime", 1798761600),
        (typed("2027-01-01T00:00:00Z", "xsd:string"), "dateTime", 1798761600),
        ("P1D", "delayPeriod", 86_400),
        (60, "delayPeriod", 60),
        (typed("PT1H", "xsd:duration"), "elapsedTime", 3_600),
        (["urn:a", "urn:a", "urn:b"], "purpose", ("urn:a", "urn:b")),
        ({"@list": ["urn:a"]}, "purpose", "urn:a"),
    ],
)
def test_values_are_read(raw: Any, operand: str, value: Any):
    assert literal(raw, known(operand), NAMES) == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (5, 5_000_000),
        (typed("5", "xsd:int"), 5_000_000),
        (typed("P1D", "xsd:duration"), 86_400),
        (typed("2027-01-01T00:00:00Z", "xsd:dateTime"), 1798761600),
        (typed("false", "xsd:boolean"), False),
        ("monday", "monday"),
    ],
)
def test_an_operand_of_any_kind_takes_the_kind_of_its_value(raw: Any, value: Any):
    assert literal(raw, ANY, NAMES) == value


def test_a_type_may_be_said_apart():
    assert literal("7", ANY, NAMES, datatype="xsd:integer") == 7_000_000


@pytest.mark.parametrize(
    ("raw", "operand", "code"),
    [
        ([], "purpose", "policy.malformed"),
        ({}, "purpose", "policy.datatype"),
        ({"@value": [1]}, "purpose", "policy.datatype"),
        ({"@value": None}, "purpose", "policy.datatype"),
        ([["x"]], "purpose", "policy.datatype"),
        (typed("x", "ex:colour"), "purpose", "policy.unsupported"),
        (typed("x", "xsd:duration"), "dateTime", "policy.datatype"),
        (typed(5, "xsd:string"), "dateTime", "policy.datatype"),
        ("five", "count", "policy.datatype"),
        (True, "count", "policy.datatype"),
        (5.5, "count", "policy.datatype"),
        ("five", "payAmount", "policy.datatype"),
        (True, "payAmount", "policy.datatype"),
        ("NaN", "payAmount", "policy.datatype"),
        ("0.00001", "payAmount", "policy.datatype"),
        ("1e30", "payAmount", "policy.datatype"),
        ("2027-01-01", "dateTime", "policy.datetime.no_zone"),
        ("soon", "dateTime", "policy.datatype"),
        (True, "dateTime", "policy.datatype"),
        ("P1Y", "delayPeriod", "policy.datatype"),
    ],
)
def test_values_of_another_kind_are_refused(raw: Any, operand: str, code: str):
    with pytest.raises(PolicyError) as caught:
        literal(raw, known(operand), NAMES, src="/x")
    assert (caught.value.code, caught.value.location) == (code, "/x")


@pytest.mark.parametrize(
    ("operand", "value", "written"),
    [
        (known("payAmount"), 50_000, 5),
        (known("payAmount"), 49_900, "4.99"),
        (known("percentage"), (500_000, 2_000_000), ("0.5", 2)),
        (known("count"), 5, 5),
        (ANY, True, True),
        (ANY, "monday", "monday"),
        (ANY, 1_500_000, "1.5"),
    ],
)
def test_values_are_shown_as_they_are_written(operand: LeftOperand, value: Any, written: Any):
    assert as_written(value, operand) == written
