"""The objects of a document: members, lists, names and references, whatever their spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.odrl.constraints import ConstraintReader
from trustspace.policy.odrl.names import Names, listed

if TYPE_CHECKING:
    from trustspace.policy.vocabulary import LeftOperand

Members = dict[str, tuple[Any, str]]
"""Values and pointers by name."""


class Nodes:
    """Reads the objects of one document.

    Attributes:
        names: The spelling of the document.
        constraints: Reads its constraints.
        graph: Objects that others refer to, by id.
    """

    def __init__(self, names: Names, operands: Mapping[str, LeftOperand]) -> None:
        self.names = names
        self.graph: dict[str, Mapping[str, Any]] = {}
        self.constraints: ConstraintReader = ConstraintReader(names, operands, self.node)

    def members(self, node: Any, src: str) -> Members:  # noqa: ANN401 - any JSON value
        """Return the members of an object by name."""
        if not isinstance(node, Mapping):
            raise malformed("an object is expected here", src)
        return {name: (value, where) for name, value, where in self.names.members(node, src)}

    def items(self, members: Members, name: str) -> list[tuple[Any, str]]:
        """Return the values of a member with their pointers."""
        if name not in members:
            return []
        value, where = members[name]
        items = listed(value)
        if not isinstance(value, list | tuple):
            return [(item, where) for item in items]
        return [(item, f"{where}/{index}") for index, item in enumerate(items)]

    def node(self, item: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return what a reference refers to, where the document holds it."""
        name = item.get("@id") if isinstance(item, Mapping) and set(item) == {"@id"} else item
        if isinstance(name, str):
            return self.graph.get(self.names.identifier(name), item)
        return item

    def uid(self, members: Members, src: str) -> str | None:
        """Return the id of an object, or None."""
        items = self.items(members, "@id")
        if not items:
            return None
        value = items[0][0]
        if len(items) > 1 or not isinstance(value, str) or not value:
            raise malformed("an id is one text", src)
        return value

    def ident(self, item: Any, src: str) -> str:  # noqa: ANN401 - any JSON value
        """Return the name of a thing that is given by its id or as an object."""
        name = item
        if isinstance(item, Mapping):
            name = self.uid(self.members(item, src), src) or item.get("@value")
        if not isinstance(name, str) or not name:
            raise malformed("the id of one thing is expected here", src)
        return self.names.identifier(name)


def malformed(message: str, src: str) -> PolicyError:
    """Return the error for what cannot be a policy."""
    return PolicyError(message, code="policy.malformed", location=src)
