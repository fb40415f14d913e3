"""Parameters of masks: what each method takes, and what it says when it is something else."""

from decimal import Decimal

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.mask import parse_mask
from trustspace.policy.mask_parameters import read_parameters, step_of


@pytest.mark.parametrize(
    ("method", "written", "message", "hint"),
    [
        ("constant", {}, "needs 'value'", "constant(value=…)"),
        ("date_floor", {"zone": "UTC"}, "needs 'unit'", "date_floor(unit=…)"),
        ("date_floor", {"unit": "moth"}, "'unit' is not 'moth'", "did you mean 'month'"),
        ("date_floor", {"unit": "zz"}, "'unit' is not 'zz'", "use one of: year, quarter"),
        (
            "date_floor",
            {"unit": "day", "zone": "+08:00"},
            "'zone' is not '+08:00'",
            "Asia/Shanghai",
        ),
        ("date_floor", {"unit": "day", "zone": "A" * 65}, "'zone' is not", "time zone"),
        ("round", {}, "either digits or step", "round(step=10)"),
        ("round", {"digits": "1", "step": "2"}, "either digits or step", ""),
        ("round", {"digits": "19"}, "'digits' is an integer from -18 to 18", ""),
        ("round", {"step": "0"}, "a positive decimal number", "round(step=0.5)"),
        ("round", {"step": "0.0"}, "a positive decimal number", ""),
        ("round", {"step": "-1"}, "a positive decimal number", ""),
        ("round", {"step": "1e3"}, "a positive decimal number", ""),
        ("round", {"step": "1" * 19}, "a positive decimal number", ""),
    ],
)
def test_what_a_parameter_has_to_be(method, written, message, hint):
    with pytest.raises(PolicyError) as caught:
        read_parameters(method, written)
    assert caught.value.code == "policy.mask"
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_steps_have_one_spelling():
    assert read_parameters("round", {"step": "010.50"}) == {"step": "10.5"}
    assert read_parameters("round", {"step": "1000"}) == {"step": "1000"}


@pytest.mark.parametrize(
    ("text", "step"),
    [("n:round(digits=2)", "0.01"), ("n:round(digits=-3)", "1000"), ("n:round(step=0.25)", "0.25")],
)
def test_the_step_of_a_round(text, step):
    assert step_of(parse_mask(text)) == Decimal(step)
