"""Windows of quotas: where they begin, how they are spelled, and what is none."""

from datetime import UTC, datetime, timedelta

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.window import Window, read_frequency

NOW = datetime(2026, 11, 25, 20, 40, 30, tzinfo=UTC)  # A Wednesday.


@pytest.mark.parametrize(
    ("text", "label", "ends"),
    [
        ("P1D", "2026-11-25", "2026-11-26T00:00:00+00:00"),
        ("P1D+08:00", "2026-11-26", "2026-11-27T00:00:00+08:00"),
        ("P1D-05:30", "2026-11-25", "2026-11-26T00:00:00-05:30"),
        ("P7D", "2026-11-23", "2026-11-30T00:00:00+00:00"),
        ("PT1H", "2026-11-25T20:00:00", "2026-11-25T21:00:00+00:00"),
        ("PT6H+08:00", "2026-11-26T00:00:00", "2026-11-26T06:00:00+08:00"),
        ("PT1M", "2026-11-25T20:40:00", "2026-11-25T20:41:00+00:00"),
        ("PT30S", "2026-11-25T20:40:30", "2026-11-25T20:41:00+00:00"),
    ],
)
def test_windows_begin_at_fixed_moments(text: str, label: str, ends: str) -> None:
    window = Window.of(text)
    assert window.label(NOW) == label
    assert window.ends(NOW).isoformat() == ends
    assert str(window) == text
    # The last moment of a window is in it, the next one is not.
    assert window.label(window.ends(NOW) - timedelta(microseconds=1)) == label
    assert window.begins(window.ends(NOW)) == window.ends(NOW)


def test_windows_before_the_first_monday_are_fixed_too() -> None:
    assert Window.of("P1D").label(datetime(1999, 12, 31, 23, tzinfo=UTC)) == "1999-12-31"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10000/P1D", (10_000, "P1D")),
        ("1/PT24H", (1, "P1D")),
        ("5/P1W", (5, "P7D")),
        ("100/PT60MZ", (100, "PT1H")),
        ("100/PT60S+00:00", (100, "PT1M")),
        ("9007199254740991/P1D", (2**53 - 1, "P1D")),
    ],
)
def test_equal_frequencies_have_one_spelling(text: str, read: tuple[int, str]) -> None:
    assert read_frequency(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "10000",
        "10000/",
        "0/P1D",
        "-1/P1D",
        "1.5/P1D",
        "9007199254740992/P1D",
        "1/P1M",
        "1/P2D",
        "1/PT7H",
        "1/PT0S",
        "1/P1D+15:00",
        "1/P1D+8",
        "1/day",
        "1/P1D\n",
        "\u0661/P1D",
    ],
)
def test_what_is_no_frequency_is_refused(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_frequency(text)
    assert caught.value.code == "policy.datatype"
