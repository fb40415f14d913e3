"""Windows of a quota: so many uses per day, hour or minute, counted from fixed moments on.

A frequency is written ``10000/P1D``: a number, and the length of the window in ISO 8601. DSP 2025-1
has no ``unit`` in a constraint, so the window stands in the right operand. Windows do not slide:
those that divide a day begin at midnight, a week on Monday, in UTC or in the zone that is given
(``10000/P1D+08:00`` for days in Beijing). Each has a counter of its own.

Example::

    read_frequency("10000/P1D+08:00")            # (10000, 'P1D+08:00')
    Window.of("P1D").label(now)                  # '2026-11-25'
    Window.of("PT1H").ends(now)                  # the next full hour
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from trustspace.errors import PolicyError
from trustspace.policy.predicate import MAX_INTEGER
from trustspace.policy.right_operand import seconds_of

_FREQUENCY = re.compile(r"(?P<number>[0-9]{1,16})/(?P<window>.{1,80})")
_WINDOW = re.compile(r"(?P<length>P[0-9A-Y]{1,40})(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?")
_DAY = 86_400
_WEEK = 7 * _DAY
_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday, from whose midnight all windows are counted."""
_FURTHEST = 14 * 3_600
"""Seconds that a zone lies from UTC at most."""


@dataclass(frozen=True, slots=True)
class Window:
    """Stretches of time of one length, one after another.

    Attributes:
        seconds: Length of each.
        offset: Seconds by which the zone in which they begin is ahead of UTC.
    """

    seconds: int
    offset: int = 0

    @classmethod
    def of(cls, text: str) -> Window:
        """Read a window such as ``P1D`` or ``PT1H+08:00``.

        Raises:
            PolicyError: It is none, code ``policy.datatype``.
        """
        match = _WINDOW.fullmatch(text)
        if match is None:
            raise _no_window(text)
        seconds, offset = seconds_of(match["length"]), _offset(match["zone"] or "Z")
        divides_a_day = 0 < seconds <= _DAY and _DAY % seconds == 0
        if not (divides_a_day or seconds == _WEEK) or abs(offset) > _FURTHEST:
            raise _no_window(text)
        return cls(seconds, offset)

    def __str__(self) -> str:
        """Return the one spelling of equal windows."""
        if self.seconds % _DAY == 0:
            length = f"P{self.seconds // _DAY}D"
        else:
            unit, name = next(
                (unit, name)
                for unit, name in ((3_600, "H"), (60, "M"), (1, "S"))
                if self.seconds % unit == 0
            )
            length = f"PT{self.seconds // unit}{name}"
        if not self.offset:
            return length
        hours, minutes = divmod(abs(self.offset) // 60, 60)
        return f"{length}{'-' if self.offset < 0 else '+'}{hours:02}:{minutes:02}"

    def begins(self, now: datetime) -> datetime:
        """Return the first moment of the window that holds a moment, in the window's zone."""
        zone = timezone(timedelta(seconds=self.offset))
        first = _MONDAY.replace(tzinfo=zone)
        return first + (now - first) // timedelta(seconds=self.seconds) * timedelta(
            seconds=self.seconds
        )

    def ends(self, now: datetime) -> datetime:
        """Return the first moment of the next window."""
        return self.begins(now) + timedelta(seconds=self.seconds)

    def label(self, now: datetime) -> str:
        """Return the name of the window that holds a moment: its day, and the time if shorter."""
        begins = self.begins(now)
        return begins.strftime("%Y-%m-%d" if self.seconds >= _DAY else "%Y-%m-%dT%H:%M:%S")


def read_frequency(text: str) -> tuple[int, str]:
    """Return the number of uses and the window of a frequency, in its one spelling.

    Raises:
        PolicyError: It is none, code ``policy.datatype``.
    """
    match = _FREQUENCY.fullmatch(text)
    if match is None or not 1 <= int(match["number"]) <= MAX_INTEGER:
        raise PolicyError(
            f"expected a frequency such as 10000/P1D, found {text[:80]!r}",
            code="policy.datatype",
            hint="write how many uses, a slash, and the length of the window: 100/PT1H",
        )
    return int(match["number"]), str(Window.of(match["window"]))


def _offset(zone: str) -> int:
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3_600 + int(zone[4:]) * 60
    return -seconds if zone[0] == "-" else seconds


def _no_window(text: str) -> PolicyError:
    return PolicyError(
        f"expected a window such as P1D, PT1H or P1D+08:00, found {text[:80]!r}",
        code="policy.datatype",
        hint="a window is a part of a day that divides it, a day, or P7D",
    )
