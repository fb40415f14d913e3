"""What a permission says about the shape of a delivery: rows, columns, masks, uses.

These constraints do not decide whether data leaves but what leaves, so they never become leaves
of the engine's logic: the data plane carries them out. Only the count does both.

Example::

    parts = read_constraints(offer.permissions[0].constraints, "/permission/0")
    Delivery.of(parts, counter="rule:p1").masks  # (MaskSpec(column='phone', method='hash', …),)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustspace.policy.constraint import Atom, Group, Normal, atoms, highest_count
from trustspace.policy.mask import strongest
from trustspace.policy.predicate import MAX_INTEGER, MaskSpec, Predicate
from trustspace.policy.quantity import COUNT, MEASURES, Measured
from trustspace.policy.rule import Limit
from trustspace.policy.vocabulary import COUNTED, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Delivery:
    """The shape of what may leave under one permission.

    Attributes:
        filters: Row filters, joined by AND.
        columns: Columns that may leave, or ``None`` for all of them.
        masks: The strongest mask of every column; ``drop`` for columns that may not leave.
        limits: Counters to reserve.
    """

    filters: tuple[Predicate, ...] = ()
    columns: tuple[str, ...] | None = None
    masks: tuple[MaskSpec, ...] = ()
    limits: tuple[Limit, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Normal], *, counter: str) -> Delivery:
        """Return the delivery that the constraints of a permission describe."""
        return cls(
            filters=tuple(atom.filter for atom in _of_kind(parts, Kind.ROW_FILTER)),
            columns=_columns(parts),
            masks=_masks(parts),
            limits=tuple(_limits(parts, counter)),
        )


def deciding(parts: Sequence[Normal]) -> tuple[Normal, ...]:
    """Return the constraints that decide whether, leaving out those that only shape."""
    return tuple(
        part for part in parts if isinstance(part, Group) or not part.operand.shapes_delivery
    )


def _of_kind(parts: Sequence[Normal], kind: Kind) -> Iterator[Atom]:
    return (atom for atom in atoms(parts) if atom.operand.kind is kind)


def _limits(parts: Sequence[Normal], counter: str) -> Iterator[Limit]:
    """Yield what is counted: uses, rows, bytes, time, each in all and in each kind of window."""
    highest: dict[str, int] = {}
    for atom in atoms(parts):
        if atom.left in COUNTED:
            unit = str(Measured(MEASURES.get(atom.left, "use"), atom.unit))
            highest[unit] = min(highest_count(atom), highest.get(unit, MAX_INTEGER))
    for unit, maximum in highest.items():
        key = counter if unit == COUNT else f"{counter}:{unit}"
        yield Limit(counter=key, max=maximum, unit=unit)


def _columns(parts: Sequence[Normal]) -> tuple[str, ...] | None:
    """Return the columns that every list of permitted columns names, or None without a list."""
    lists = [
        [str(value) for value in atom.values]
        for atom in _of_kind(parts, Kind.COLUMNS)
        if atom.op == "odrl:isAnyOf"
    ]
    if not lists:
        return None
    return tuple(name for name in lists[0] if all(name in other for other in lists[1:]))


def _masks(parts: Sequence[Normal]) -> tuple[MaskSpec, ...]:
    dropped = [
        MaskSpec(column=str(value), method="drop", params={})
        for atom in _of_kind(parts, Kind.COLUMNS)
        if atom.op == "odrl:isNoneOf"
        for value in atom.values
    ]
    masks = [mask for atom in _of_kind(parts, Kind.MASKS) for mask in atom.masks]
    return strongest(dropped + masks)
