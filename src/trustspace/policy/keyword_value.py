"""Values of the keywords of terms: texts, durations and moments as a policy writes them.

Example::

    texts("purpose", {"b", "a"})              # ['a', 'b']
    duration("elapsed", timedelta(days=30))   # 'P30D'
    moment("until", "2027-01-01")             # '2027-01-01T00:00:00Z'
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from trustspace.errors import PolicyError
from trustspace.policy.right_operand import iso_duration, seconds_of, typed
from trustspace.policy.vocabulary import LEFT_OPERANDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME = LEFT_OPERANDS["odrl:dateTime"]


def duration(keyword: str, given: object) -> str:
    """Return a duration as ISO 8601 text.

    Raises:
        PolicyError: It is none, code ``policy.datatype``.
    """
    if isinstance(given, timedelta):
        return iso_duration(given)
    written = text(keyword, given)
    seconds_of(written)
    return written


def moment(keyword: str, given: object) -> str:
    """Return a date or time as UTC text; a date is its first moment in UTC.

    Raises:
        PolicyError: It is neither, or has no zone, code ``policy.datatype``.
    """
    if isinstance(given, str) and len(given) == len("2027-01-01"):
        written = f"{given}T00:00:00Z"
    elif isinstance(given, str):
        written = given
    elif isinstance(given, datetime):
        written = given.isoformat() if given.tzinfo is None else _in_utc(keyword, given).isoformat()
    elif isinstance(given, date):
        written = f"{given.isoformat()}T00:00:00Z"
    else:
        raise wrong(keyword, "a date or a time with zone", given)
    try:
        seconds = typed(written.replace("+00:00", "Z"), _DATE_TIME, "odrl:lt")
    except PolicyError as error:
        error.location = f"/{keyword}"
        raise
    if not isinstance(seconds, int):
        raise wrong(keyword, "a date or a time with zone", given)
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _in_utc(keyword: str, moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise wrong(keyword, "a time within the calendar", moment) from error


def some(keyword: str, given: object) -> list[str]:
    """Return one text or several, at least one.

    Raises:
        PolicyError: There is none, code ``policy.datatype``.
    """
    several = texts(keyword, given)
    if not several:
        raise wrong(keyword, "at least one text", given)
    return several


def texts(keyword: str, given: object) -> list[str]:
    """Return one text or several as a list, each once; a set is sorted.

    Raises:
        PolicyError: They are none, code ``policy.datatype``.
    """
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Sequence | set | frozenset):
        raise wrong(keyword, "a text or a list of texts", given)
    texts = sorted(map(str, given)) if isinstance(given, set | frozenset) else given
    return list(dict.fromkeys(text(keyword, each) for each in texts))


def text(keyword: str, given: object) -> str:
    """Return a text without spaces around it.

    Raises:
        PolicyError: It is none, or empty, code ``policy.datatype``.
    """
    if not isinstance(given, str) or not given.strip():
        raise wrong(keyword, "a text", given)
    return given.strip()


def wrong(keyword: str, expected: str, found: object) -> PolicyError:
    """Return the error of a keyword with a value of another kind."""
    return PolicyError(
        f"{keyword} is {expected}, found {str(found)[:80]!r}",
        code="policy.datatype",
        location=f"/{keyword}",
    )


@contextlib.contextmanager
def at(keyword: str) -> Iterator[None]:
    """Name the keyword in an error about its value."""
    try:
        yield
    except PolicyError as error:
        error.location = f"/{keyword}"
        raise
