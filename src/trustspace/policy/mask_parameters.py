"""Parameters of the masks: which a method takes, and when those of one hide more than another's.

There are no floats in policies: the step of ``round`` is a decimal number as text.

Example::

    read_parameters("round", {"step": "0.50"})  # {'step': '0.5'}
    read_parameters("date_floor", {"unit": "moth"})  # PolicyError, code policy.mask
"""

from __future__ import annotations

import re
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

from trustspace.errors import PolicyError
from trustspace.policy.vocabulary import suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trustspace.policy.predicate import MaskMethod, MaskSpec, Scalar

MAX_KEEP = 4_096
"""Characters that ``partial`` may leave at either end."""

MAX_DIGITS = 18
"""Places before and after the point that ``round`` may name."""

PARAMETERS: Mapping[MaskMethod, tuple[str, ...]] = MappingProxyType(
    {
        "constant": ("value",),
        "partial": ("keep",),
        "date_floor": ("unit", "zone"),
        "round": ("digits", "step"),
    }
)
"""Parameters that a method takes; all others take none."""

UNITS: tuple[str, ...] = ("year", "quarter", "month", "week", "day", "hour")
"""Units of ``date_floor``."""

_FINER: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "year": frozenset({"quarter", "month", "day", "hour"}),
        "quarter": frozenset({"month", "day", "hour"}),
        "month": frozenset({"day", "hour"}),
        "week": frozenset({"day", "hour"}),
        "day": frozenset({"hour"}),
    }
)
"""Units whose beginnings are told by no more than the beginning of this one; weeks cross months."""

_INTEGER = re.compile(r"-?[0-9]{1,9}")
_STEP = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(?:\.[0-9]{{1,{MAX_DIGITS}}})?")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")


def read_parameters(method: MaskMethod, written: Mapping[str, str]) -> dict[str, Scalar]:
    """Return the parameters of a mask with their types.

    Args:
        method: The method; it takes all names that are given.
        written: Values by name as they are written.

    Raises:
        PolicyError: One is missing or is not what it has to be, code ``policy.mask``.
    """
    if method == "round" and len(written) != 1:
        raise _wrong("'round' takes either digits or step", "write round(step=10)")
    for name in ("value", "unit"):
        if name in PARAMETERS.get(method, ()) and name not in written:
            raise _wrong(f"mask method {method!r} needs {name!r}", f"write {method}({name}=…)")
    return {name: _READERS[name](text) for name, text in written.items()}


def is_coarser(mask: MaskSpec, other: MaskSpec) -> bool:
    """Tell whether a mask leaves less than another of the same method with other parameters."""
    if mask.method == "date_floor" and mask.params.get("zone") == other.params.get("zone"):
        return other.params["unit"] in _FINER.get(str(mask.params["unit"]), ())
    if mask.method == "round":
        return step_of(mask) % step_of(other) == 0
    return False


def step_of(mask: MaskSpec) -> Decimal:
    """Return the step to multiples of which ``round`` rounds."""
    if "digits" in mask.params:
        return Decimal(1).scaleb(-int(mask.params["digits"]))
    return Decimal(str(mask.params["step"]))


def _keep(text: str) -> int:
    return _integer("keep", text, range(MAX_KEEP + 1))


def _digits(text: str) -> int:
    return _integer("digits", text, range(-MAX_DIGITS, MAX_DIGITS + 1))


def _integer(name: str, text: str, allowed: range) -> int:
    if _INTEGER.fullmatch(text) is None or int(text) not in allowed:
        raise _wrong(
            f"mask parameter {name!r} is an integer from {allowed[0]} to {allowed[-1]},"
            f" found {text[:80]!r}"
        )
    return int(text)


def _step(text: str) -> str:
    if _STEP.fullmatch(text) is None or not Decimal(text):
        raise _wrong(
            f"mask parameter 'step' is a positive decimal number, found {text[:80]!r}",
            "write for example round(step=0.5)",
        )
    return f"{Decimal(text).normalize():f}"


def _unit(text: str) -> str:
    if text not in UNITS:
        raise _wrong(f"mask parameter 'unit' is not {text[:80]!r}", _one_of(text, UNITS))
    return text


def _zone(text: str) -> str:
    if _ZONE.fullmatch(text) is None or len(text) > 64:
        raise _wrong(
            f"mask parameter 'zone' is not {text[:80]!r}",
            "write the name of a time zone, for example Asia/Shanghai",
        )
    return text


_READERS: Mapping[str, Callable[[str], Scalar]] = MappingProxyType(
    {
        "value": str,
        "keep": _keep,
        "digits": _digits,
        "step": _step,
        "unit": _unit,
        "zone": _zone,
    }
)


def _one_of(text: str, known: Iterable[str]) -> str:
    return suggestion(text, known) or f"use one of: {', '.join(known)}"


def _wrong(message: str, hint: str = "") -> PolicyError:
    return PolicyError(message, code="policy.mask", hint=hint)
