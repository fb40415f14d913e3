"""From nested constraints to the flat form that the engine evaluates: it has no recursion.

Example::

    flat = Flat()
    top = tuple(flat.add(part)[0] for part in parts)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trustspace.policy.constraint import Atom
from trustspace.policy.rule import Leaf, LogicNode

if TYPE_CHECKING:
    from trustspace.policy.constraint import Normal


class Flat:
    """Comparisons and levels of logical nodes of one rule, numbered in the order of the text.

    Attributes:
        leaves: Comparisons, ``c1`` ….
        levels: Logical nodes ``n1`` …, lowest level first.
    """

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.levels: list[list[LogicNode]] = []
        self._nodes = 0

    def add(self, part: Normal) -> tuple[str, int]:
        """Add a constraint; return its id and its level, 0 for a leaf."""
        if isinstance(part, Atom):
            name = f"c{len(self.leaves) + 1}"
            self.leaves.append(
                Leaf(
                    id=name,
                    left=part.left,
                    op=part.op,
                    right=part.right,
                    unit=part.unit,
                    src=part.src,
                )
            )
            return name, 0
        added = [self.add(each) for each in part.parts]
        level = 1 + max(depth for _, depth in added)
        self._nodes += 1
        node = LogicNode(
            id=f"n{self._nodes}",
            kind=part.kind,
            args=tuple(each for each, _ in added),
            src=part.src,
        )
        while len(self.levels) < level:
            self.levels.append([])
        self.levels[level - 1].append(node)
        return node.id, level
