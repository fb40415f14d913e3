"""Column masks as text: ``phone:hash``, and which of two masks is the stronger.

Example::

    parse_mask("phone")  # hash, the method when none is named
    parse_mask("id_card:partial(keep=4)")
    strongest((parse_mask("phone:partial"), parse_mask("phone:drop")))  # drop
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, cast, get_args

from trustspace.errors import PolicyError
from trustspace.policy.predicate import MAX_INTEGER, MaskMethod, MaskSpec, Scalar
from trustspace.policy.vocabulary import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_METHOD: MaskMethod = "hash"
"""Method of a mask that names none."""

MAX_LENGTH = 4_096
"""Characters of one mask."""

METHODS: tuple[MaskMethod, ...] = get_args(MaskMethod)
"""Methods, strongest first."""

STRENGTH = MappingProxyType({method: len(METHODS) - index for index, method in enumerate(METHODS)})
"""How much a method hides: of two masks for one column the larger number stands."""

PARAMETERS: MappingProxyType[str, MappingProxyType[str, type]] = MappingProxyType(
    {
        "constant": MappingProxyType({"value": str}),
        "partial": MappingProxyType({"keep": int}),
        "date_floor": MappingProxyType({"unit": str}),
        "round": MappingProxyType({"digits": int}),
    }
)
"""Parameters that a method takes, with their type; all others take none."""

_MASK = re.compile(r"(?P<method>\w+)\s*(?:\((?P<params>[^()]*)\))?")
_INTEGER = re.compile(r"-?[0-9]{1,16}")


def parse_mask(text: str) -> MaskSpec:
    """Read ``column``, ``column:method`` or ``column:method(name=value)``.

    The method stands after the last colon, so that a column's name may hold colons.

    Raises:
        PolicyError: The text is malformed or the method unknown, code ``policy.mask``.
    """
    column, colon, rest = text.rpartition(":") if ":" in text else (text, "", DEFAULT_METHOD)
    match = _MASK.fullmatch(rest.strip())
    if not column.strip() or len(text) > MAX_LENGTH or match is None:
        raise PolicyError(
            f"a mask is written column:method, found {text[:80]!r}",
            code="policy.mask",
            hint=f"write for example 'phone:{DEFAULT_METHOD}'",
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PolicyError("a column's name is Unicode text", code="policy.mask")
    method = _method(match["method"], colon)
    return MaskSpec(
        column=column.strip(), method=method, params=_params(method, match["params"] or "")
    )


def format_mask(mask: MaskSpec) -> str:
    """Write a mask so that `parse_mask` reads the same one."""
    params = ", ".join(f"{name}={value}" for name, value in sorted(mask.params.items()))
    return f"{mask.column}:{mask.method}" + (f"({params})" if params else "")


def strongest(masks: Iterable[MaskSpec]) -> tuple[MaskSpec, ...]:
    """Keep the strongest mask of every column, in the order of the columns' first mention.

    Two masks of one method with different parameters become ``null``, which hides at least as
    much as either.
    """
    kept: dict[str, MaskSpec] = {}
    for mask in masks:
        other = kept.get(mask.column)
        if other is None or STRENGTH[mask.method] > STRENGTH[other.method]:
            kept[mask.column] = mask
        elif mask.method == other.method and mask.params != other.params:
            kept[mask.column] = MaskSpec(column=mask.column, method="null", params={})
    return tuple(kept.values())


def hides_as_much(mask: MaskSpec, other: MaskSpec) -> bool:
    """Tell whether a mask of the same column hides at least as much as another."""
    return mask == other or STRENGTH[mask.method] > STRENGTH[other.method]


def _method(name: str, colon: str) -> MaskMethod:
    if name not in STRENGTH:
        hint = suggestion(name, METHODS) or f"methods are: {', '.join(METHODS)}"
        raise PolicyError(f"mask method {name[:80]!r} is unknown", code="policy.mask", hint=hint)
    return cast("MaskMethod", name if colon else DEFAULT_METHOD)


def _params(method: MaskMethod, text: str) -> dict[str, Scalar]:
    allowed = PARAMETERS.get(method, MappingProxyType({}))
    params: dict[str, Scalar] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, value = (piece.strip() for piece in part.partition("="))
        expected = allowed.get(name)
        if expected is None or not value or name in params:
            usable = ", ".join(allowed) or "none"
            raise PolicyError(
                f"mask method {method!r} does not take {part.strip()[:80]!r}",
                code="policy.mask",
                hint=f"its parameters: {usable}",
            )
        params[name] = _integer(name, value) if expected is int else value
    return params


def _integer(name: str, value: str) -> int:
    if _INTEGER.fullmatch(value) is None or abs(int(value)) > MAX_INTEGER:
        raise PolicyError(
            f"mask parameter {name!r} is an integer, found {value[:80]!r}", code="policy.mask"
        )
    return int(value)
