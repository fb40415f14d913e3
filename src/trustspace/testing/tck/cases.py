"""The cases of the kit and the datasets and agreements that they are about.

A case's id and its subject's id differ in the prefix only: ``CN_01_02`` is about ``ACN0102``.

Example::

    dict(NEGOTIATED_BY_US.cases())["CN_01_02"]  # 'ACN0102'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

KIT: Final = "TCK_PARTICIPANT"
"""Participant id of the kit."""

FORMAT: Final = "HttpData-PULL"
"""Transfer format of every agreement."""


@dataclass(frozen=True)
class Group:
    """Cases with a common prefix.

    Attributes:
        case: Prefix of the cases' ids.
        subject: Prefix of their subjects' ids.
        counts: How many cases there are in ``<case>_01``, ``<case>_02`` and so on.
    """

    case: str
    subject: str
    counts: tuple[int, ...]

    def cases(self) -> Iterator[tuple[str, str]]:
        """Yield id and subject of every case."""
        for part, count in enumerate(self.counts, start=1):
            for number in range(1, count + 1):
                yield (
                    f"{self.case}_{part:02}_{number:02}",
                    f"{self.subject}{part:02}{number:02}",
                )

    def subjects(self) -> tuple[str, ...]:
        """Return the subject of every case."""
        return tuple(subject for _, subject in self.cases())


PROVIDED_NEGOTIATIONS: Final = Group("CN", "ACN", (4, 7, 4))  # codespell:ignore
CONSUMED_NEGOTIATIONS: Final = Group("CN_C", "ACNC", (4, 6, 6))
PROVIDED_TRANSFERS: Final = Group("TP", "ATP", (5, 5, 6))
CONSUMED_TRANSFERS: Final = Group("TP_C", "ATPC", (5, 5, 6))
CATALOGUE: Final = Group("CAT", "CAT", (3,))

ABSENT: Final = "CAT0103"
"""The dataset that the catalogue must not have."""


def offer_id(dataset_id: str) -> str:
    """Return the offer's id that the kit asks for; the kit knows some of them by heart."""
    return f"CD123:{dataset_id}:456"
