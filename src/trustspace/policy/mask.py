"""Column masks as text: ``phone:hash``, and which of two masks is the stronger.

Methods form an order with a flat end. ``drop``, ``null`` and ``constant`` leave nothing of a value,
``hash`` and ``tokenise`` only which values are equal; each of these hides more than what follows.
The last four leave a part, each another one: a text without a telephone number passes
``redact_pii`` as it is, but not ``partial``. None of them stands for another, so that two of them
on one column make ``null``.

Example::

    parse_mask("phone")  # hash, the method when none is named
    parse_mask("id_card:partial(keep=4)")
    parse_mask('grade:constant(value="n/a, or (secret)")')
    strongest((parse_mask("phone:partial"), parse_mask("phone:drop")))  # drop
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from trustspace.errors import PolicyError
from trustspace.policy.mask_parameters import PARAMETERS, is_coarser, read_parameters
from trustspace.policy.predicate import MaskMethod, MaskSpec
from trustspace.policy.vocabulary import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "PARAMETERS",
    "STRENGTH",
    "format_mask",
    "hides_as_much",
    "parse_mask",
    "strongest",
]

DEFAULT_METHOD: MaskMethod = "hash"
"""Method of a mask that names none."""

MAX_LENGTH = 4_096
"""Characters of one mask."""

STRENGTH: Mapping[MaskMethod, int] = MappingProxyType(
    {
        "drop": 6,
        "null": 5,
        "constant": 4,
        "hash": 3,
        "tokenise": 2,
        "redact_pii": 1,
        "partial": 1,
        "date_floor": 1,
        "round": 1,
    }
)
"""How much a method hides: of two masks for one column the larger number stands."""

METHODS: tuple[MaskMethod, ...] = tuple(STRENGTH)
"""Methods, strongest first."""

_MASK = re.compile(
    r"""(?P<column>.*):\s*+(?P<method>\w++)\s*+
        (?:\( (?P<params>(?:[^()"]|"(?:[^"]|"")*+")*+) \))?\s*+""",
    re.DOTALL | re.VERBOSE,
)
"""The method stands after the last colon at which the rest can be read."""

_PARAM = re.compile(
    r"""\s*+(?P<name>\w++)\s*+=\s*+(?:"(?P<quoted>(?:[^"]|"")*+)"\s*+|(?P<bare>[^,"]++))(?:,|\Z)""",
    re.VERBOSE,
)

_NEEDS_QUOTES = re.compile(r'[(),"]|\A\s|\s\Z|\A\Z')


def parse_mask(text: str) -> MaskSpec:
    """Read ``column``, ``column:method`` or ``column:method(name=value, …)``.

    The method stands after the last colon, so that a column's name may hold colons. A value with
    parentheses, commas or quotes stands in double quotes, a quote in it twice.

    Raises:
        PolicyError: The text is malformed, the method unknown or a parameter not what it has to
            be, code ``policy.mask``.
    """
    match = _MASK.fullmatch(text if ":" in text else f"{text}:{DEFAULT_METHOD}")
    if len(text) > MAX_LENGTH or match is None or not match["column"].strip():
        raise PolicyError(
            f"a mask is written column:method, found {text[:80]!r}",
            code="policy.mask",
            hint=f"write for example 'phone:{DEFAULT_METHOD}'",
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PolicyError("a column's name is Unicode text", code="policy.mask")
    method = _method(match["method"])
    return MaskSpec(
        column=match["column"].strip(),
        method=method,
        params=read_parameters(method, _params(method, match["params"] or "")),
    )


def format_mask(mask: MaskSpec) -> str:
    """Write a mask so that `parse_mask` reads the same one."""
    params = ", ".join(f"{name}={_value(value)}" for name, value in sorted(mask.params.items()))
    return f"{mask.column}:{mask.method}" + (f"({params})" if params else "")


def strongest(masks: Iterable[MaskSpec]) -> tuple[MaskSpec, ...]:
    """Keep the strongest mask of every column, in the order of the columns' first mention.

    Of equally strong ones that differ, none hides what all of them hide; they become ``null``.
    """
    kept: dict[str, MaskSpec] = {}
    for mask in masks:
        other = kept.get(mask.column)
        if other is None or STRENGTH[mask.method] > STRENGTH[other.method]:
            kept[mask.column] = mask
        elif STRENGTH[mask.method] == STRENGTH[other.method] and mask != other:
            kept[mask.column] = MaskSpec(column=mask.column, method="null", params={})
    return tuple(kept.values())


def hides_as_much(mask: MaskSpec, other: MaskSpec) -> bool:
    """Tell whether a mask of the same column hides at least as much as another."""
    if mask == other or STRENGTH[mask.method] > STRENGTH[other.method]:
        return True
    return mask.method == other.method and is_coarser(mask, other)


def _method(name: str) -> MaskMethod:
    if name not in STRENGTH:
        hint = suggestion(name, METHODS) or f"methods are: {', '.join(METHODS)}"
        raise PolicyError(f"mask method {name[:80]!r} is unknown", code="policy.mask", hint=hint)
    return cast("MaskMethod", name)


def _params(method: MaskMethod, text: str) -> dict[str, str]:
    params: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        match = _PARAM.match(text, position)
        name = match["name"] if match else ""
        if match is None or name in params or name not in PARAMETERS.get(method, ()):
            usable = ", ".join(PARAMETERS.get(method, ())) or "none"
            raise PolicyError(
                f"mask method {method!r} does not take {text[position:].strip()[:80]!r}",
                code="policy.mask",
                hint=f"its parameters: {usable}",
            )
        quoted = match["quoted"]
        params[name] = match["bare"].strip() if quoted is None else quoted.replace('""', '"')
        position = match.end()
    return params


def _value(value: object) -> str:
    text = str(value)
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if _NEEDS_QUOTES.search(text) else text
