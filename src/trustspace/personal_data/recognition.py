"""Personal data in text: where it stands, and the text without it.

What is recognised has a form of its own: telephone numbers, e-mail addresses, identity cards of the
People's Republic of China, bank cards, passports, IP addresses. Names and addresses have none and
are not found. A number with a check digit is only taken for one when the digit fits; a telephone
number has none, so that other numbers of its form are taken along: too much is found rather than
too little.

Digits and letters of any width and script count as themselves, invisible characters between digits
are looked through. Every pass is linear in the length of the text: patterns never go back, and what
needs a second look is looked at in a window of fixed size.

Example::

    redact("call 138 1234 5678 or mail to li@example.cn")  # 'call [PHONE] or mail to [EMAIL]'
    find("id 11010519491231002X")  # (Finding(start=3, end=21, kind='ID_CARD'),)
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from trustspace.personal_data.numbers import FEWEST_DIGITS, number_kind, passport_letters
from trustspace.personal_data.spelling import INVISIBLE, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["EMAIL", "PASSPORT", "IP", "ID_CARD", "BANK_CARD", "PHONE"]
"""What is recognised; where two overlap the first in this order stands."""

KINDS: tuple[Kind, ...] = get_args(Kind)


class Finding(NamedTuple):
    """Personal data in a text.

    Attributes:
        start: Index of its first character.
        end: Index after its last character.
        kind: What it is.
    """

    start: int
    end: int
    kind: Kind


def find(text: str) -> tuple[Finding, ...]:
    """Return what is personal in a text, in order; no two overlap."""
    spelled = plain(text)
    found: list[Finding] = []
    for recogniser in (_emails, _passports, _addresses, _numbers):
        new = sorted(recogniser(spelled))
        if new:
            found += new
            spelled = _without(spelled, new, "\0")
    return tuple(sorted(found))


def redact(text: str) -> str:
    """Return a text with everything personal replaced by its kind in brackets."""
    found = find(text)
    return _without(text, found) if found else text


def _without(text: str, found: Sequence[Finding], filler: str = "") -> str:
    """Return a text without findings: filled up to the same length, or with their kind instead."""
    pieces: list[str] = []
    last = 0
    for start, end, kind in found:
        pieces += (text[last:start], filler * (end - start) if filler else f"[{kind}]")
        last = end
    return "".join([*pieces, text[last:]])


# Addresses with an @.

_LOCAL = re.compile(r"[A-Za-z0-9!#$%'*+^_`{|}~.-]*+")
_LOCAL_OF_ANY_SCRIPT = re.compile(r"[\w.+-]*+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++")
_DOMAIN_OF_ANY_SCRIPT = re.compile(r"[\w-]++(?:\.[\w-]++)++")
_LONGEST_QUOTED = 66
"""Characters of a local part in quotes (RFC 5321, section 4.5.3.1.1)."""


def _emails(text: str) -> Iterator[Finding]:
    last, at = 0, text.find("@")
    while at >= 0:
        start = _local_start(text, last, at)
        domain = _DOMAIN.match(text, at + 1) or _DOMAIN_OF_ANY_SCRIPT.match(text, at + 1)
        if start < at and domain is not None:
            last = domain.end()
            yield Finding(start, last, "EMAIL")
        else:
            last = at + 1
        at = text.find("@", last)


def _local_start(text: str, last: int, at: int) -> int:
    """Return where the local part before an @ begins; what is before `last` was looked at."""
    if text[at - 1 : at] == '"':
        opening = text.rfind('"', max(last, at - _LONGEST_QUOTED), at - 1)
        return at if opening < 0 else opening
    backwards = text[last:at][::-1]
    for pattern in (_LOCAL, _LOCAL_OF_ANY_SCRIPT):
        match = pattern.match(backwards)
        if match is not None and match.end():
            return at - match.end()
    return at


# Passports: after the word, or the lines for machines; those of China by their own form as well.

_WORDS = ("护照", "護照", "assport", "ASSPORT")
_NEAR = 48
"""Characters after the word in which its number is looked for."""

_TOKEN = re.compile(r"[A-Za-z0-9]++")
_MACHINE_LINES = re.compile(r"P[A-Z<][A-Z<]{42}(?:\r?\n[A-Z0-9<]{44})?")
"""ICAO 9303-4, machine readable zone of a passport of size TD3."""


def _passports(text: str) -> Iterator[Finding]:
    found = [Finding(*match.span(), "PASSPORT") for match in _lines(text)]
    for place in _places(text):
        for token in _TOKEN.finditer(text, place, place + _NEAR):
            if _is_passport_number(token[0]) and not text[token.end() : token.end() + 1].isalnum():
                found.append(Finding(*token.span(), "PASSPORT"))
                break
    last = 0
    for one in sorted(found):
        if one.start >= last:
            yield one
            last = one.end


def _places(text: str) -> Iterator[int]:
    """Yield where a word for a passport ends."""
    for word in _WORDS:
        start = text.find(word)
        while start >= 0:
            yield start + len(word)
            start = text.find(word, start + len(word))


def _lines(text: str) -> Iterable[re.Match[str]]:
    return _MACHINE_LINES.finditer(text) if "<<" in text else ()


def _is_passport_number(token: str) -> bool:
    return 6 <= len(token) <= 9 and sum(map(str.isdigit, token)) >= 5


# Addresses of machines.

_QUAD = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_COLONS = re.compile(r"(?:[0-9A-Fa-f]{1,4}:|::)[0-9A-Fa-f:]*+(?:\.[0-9]{1,3}){0,3}")


def _addresses(text: str) -> Iterator[Finding]:
    if "::" in text or text.count(":") >= 7:
        six = [Finding(*match.span(), "IP") for match in _COLONS.finditer(text) if _is_six(match)]
        yield from six
        text = _without(text, six, "\0") if six else text
    for match in _QUAD.finditer(text) if text.count(".") >= 3 else ():
        after = text[match.end() : match.end() + 2]
        before = text[max(match.start() - 2, 0) : match.start()]
        is_longer = after[:1].isdigit() or (after[:1] == "." and after[1:].isdigit())
        is_longer |= before[-1:].isdigit() or (before[-1:] == "." and before[:1].isdigit())
        if not is_longer and all(int(octet) < 256 for octet in match[0].split(".")):
            yield Finding(*match.span(), "IP")


def _is_six(match: re.Match[str]) -> bool:
    """Tell whether it is an address, and not two colons of a programming language."""
    text, (start, end) = match.string, match.span()
    if text[start - 1 : start].isalnum() if start else False:
        return False
    if text[end : end + 1].isalnum() or not any(len(each) > 2 for each in match[0].split(":")):
        return False
    try:
        IPv6Address(match[0])
    except ValueError:
        return False
    return True


# Numbers.

_GAP = f"[ ./(){INVISIBLE}-]"
_LONG = f"(?:{INVISIBLE}*+[0-9])"
_OWN = f"{_LONG}{{2,}}+(?:{_GAP}{{1,3}}[0-9]{_LONG}{{2,}}+)*+"
_RUN = re.compile(f"[+0-9](?:(?<=[0-9]){_OWN}|(?<=[+])[0-9](?:[0-9]|{_GAP})*+)")
"""Groups of at least three digits; after a plus there may be fewer."""
_SHORTEST_RUN = 7
_GROUP = re.compile(rf"[0-9]++(?:{INVISIBLE}++[0-9]++)*+")

_WIDEST_GAP = 3
"""Characters between two groups of digits of one number."""

_MOST_GROUPS = 8
_MOST_DIGITS = 19
_ORDER = ("ID_CARD", "BANK_CARD", "PHONE")


class _Group(NamedTuple):
    """Digits without a visible separator."""

    start: int
    end: int
    digits: str


def _numbers(text: str) -> Iterator[Finding]:
    last = 0
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _SHORTEST_RUN:
            continue
        groups = [
            _Group(*group.span(), group[0].replace(INVISIBLE, ""))
            for group in _GROUP.finditer(text, *run.span())
        ]
        for index, group in enumerate(groups):
            has_plus = group.start > 0 and text[group.start - 1] == "+"
            if group.start < last:
                continue
            found = _number_at(text, groups[index : index + _MOST_GROUPS], has_plus=has_plus)
            if found is not None:
                yield found
                last = found.end


def _number_at(text: str, groups: Sequence[_Group], *, has_plus: bool) -> Finding | None:
    """Return the best number that begins with the first of some groups of digits."""
    first = groups[0]
    best: Finding | None = None
    for window in _windows(text, groups, fewest=0 if has_plus else FEWEST_DIGITS):
        end = window[-1].end
        digits = [group.digits for group in window]
        kind = number_kind(digits, has_plus=has_plus)
        if kind is None and text[end : end + 1] in ("x", "X"):
            digits[-1] += "X"
            end += 1
            kind = number_kind(digits)
        if kind is not None and (best is None or _ORDER.index(kind) <= _ORDER.index(best.kind)):
            best = Finding(first.start - has_plus, end, kind)
    return best or _passport_at(text, first)


def _passport_at(text: str, group: _Group) -> Finding | None:
    after = text[group.end : group.end + 1]
    if len(group.digits) not in (7, 8) or (after.isascii() and after.isalnum()):
        return None
    count = passport_letters(group.digits, text[max(group.start - 3, 0) : group.start])
    return Finding(group.start - count, group.end, "PASSPORT") if count else None


def _windows(text: str, groups: Sequence[_Group], *, fewest: int) -> Iterator[Sequence[_Group]]:
    """Yield the beginnings of groups that may be one number: near each other."""
    count = 0
    for index, group in enumerate(groups):
        count += len(group.digits)
        if index:
            gap = text[groups[index - 1].end : group.start]
            if len(gap) > _WIDEST_GAP or "+" in gap:
                return
        if count > _MOST_DIGITS:
            return
        if count >= fewest:
            yield groups[: index + 1]
