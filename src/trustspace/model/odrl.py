"""Policies as the Dataspace Protocol profiles them from ODRL: offers and agreements.

DSP 2025-1, "Policies": a rule has one action (a string) and constraints that are conjunctive; a
constraint is atomic or exactly one of ``and``, ``or``, ``xone``, ``andSequence``.

What ODRL has beyond that profile (duties of a permission, remedies, consequences, refinements,
units) stands in further members, which the protocol's schemas let through. They are named so that
they mean the same to whoever reads JSON-LD: bare where the protocol's context defines the name,
else prefixed (``odrl:remedy``) or absolute. A policy that uses them names our profile, so that
nobody who does not know it takes the policy for a weaker one.

Example::

    offer = Offer.read({"@id": "urn:uuid:o1", "@type": "Offer", "permission": [{"action": "use"}]})
    offer.permissions[0].action  # 'use'
"""

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trustspace.model.value import Value

PROFILE = "https://w3id.org/trustspace/ns#"
"""Profile that a policy names which says more than the protocol's own profile of ODRL."""

ACTION_REFINEMENT = f"{PROFILE}actionRefinement"
"""Wire name of the conditions on how an action is carried out: an action is only a string."""

ASSETS = f"{PROFILE}assets"
"""Wire name of the asset collection of a rule: ``target`` belongs to the policy."""

PARTIES = f"{PROFILE}parties"
"""Wire name of the party collection of a rule."""

Operator = Literal[
    "eq",
    "neq",
    "lt",
    "lteq",
    "gt",
    "gteq",
    "isA",
    "hasPart",
    "isPartOf",
    "isAllOf",
    "isAnyOf",
    "isNoneOf",
    "term-lteq",
]
"""Operators of DSP 2025-1; ``term-lteq`` stands in the schema and is refused by the engine."""

CONNECTIVES = frozenset({"and", "or", "xone", "andSequence"})
"""Wire names of the logical connectives; a constraint has at most one of them."""

RightOperand = str | dict[str, Any] | list[Any]
"""A string, a typed value ``{"@value", "@type"}``, or a list of these (never a bare number)."""


class AtomicConstraint(Value):
    """One comparison: a left operand, an operator, a right operand."""

    left_operand: str = Field(alias="leftOperand")
    operator: Operator
    right_operand: RightOperand = Field(alias="rightOperand")
    unit: str | None = Field(default=None, alias="odrl:unit")

    @model_validator(mode="after")
    def _is_not_logical_too(self) -> Self:
        if not CONNECTIVES.isdisjoint(self.model_extra or {}):
            msg = "a constraint is either a comparison or one logical connective, not both"
            raise ValueError(msg)
        return self


class LogicalConstraint(Value):
    """Exactly one of the four logical connectives over constraints."""

    all_of: "tuple[Constraint, ...] | None" = Field(default=None, alias="and")
    any_of: "tuple[Constraint, ...] | None" = Field(default=None, alias="or")
    one_of: "tuple[Constraint, ...] | None" = Field(default=None, alias="xone")
    in_sequence: "tuple[Constraint, ...] | None" = Field(default=None, alias="andSequence")

    @model_validator(mode="after")
    def _is_exactly_one(self) -> Self:
        given = [
            parts
            for parts in (self.all_of, self.any_of, self.one_of, self.in_sequence)
            if parts is not None
        ]
        if len(given) != 1 or not given[0] or "leftOperand" in (self.model_extra or {}):
            msg = "a logical constraint has exactly one of and, or, xone, andSequence, not empty"
            raise ValueError(msg)
        return self

    @property
    def connective(self) -> Literal["and", "or", "xone", "andSequence"]:
        """The connective's wire name."""
        if self.all_of:
            return "and"
        if self.any_of:
            return "or"
        return "xone" if self.one_of else "andSequence"

    @property
    def parts(self) -> "tuple[Constraint, ...]":
        """The constraints that the connective joins."""
        return self.all_of or self.any_of or self.one_of or self.in_sequence or ()


Constraint = AtomicConstraint | LogicalConstraint


class Collection(Value):
    """Parties or assets that a rule is about, by the name of their collection or by conditions."""

    source: str | None = Field(default=None, alias="odrl:source")
    refinements: tuple[Constraint, ...] = Field(default=(), alias="odrl:refinement")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.source is None and not self.refinements:
            msg = "a collection has a source or a refinement"
            raise ValueError(msg)
        return self


class Rule(Value):
    """An action under constraints; the kind is given by the list that holds it.

    Attributes:
        action: What it is about.
        constraints: Conditions, all of which hold.
        refinements: Conditions on how the action is carried out.
        assets: Which of the assets it is about; all where there is nothing.
        parties: Which parties it is about.
        duties: Pre-conditions of a permission.
        remedies: What is owed once a prohibition was breached.
        consequences: What has to be done as well once a duty has lapsed.
    """

    action: str
    constraints: tuple[Constraint, ...] = Field(default=(), alias="constraint")
    refinements: tuple[Constraint, ...] = Field(default=(), alias=ACTION_REFINEMENT)
    assets: Collection | None = Field(default=None, alias=ASSETS)
    parties: Collection | None = Field(default=None, alias=PARTIES)
    duties: "tuple[Rule, ...]" = Field(default=(), alias="duty")
    remedies: "tuple[Rule, ...]" = Field(default=(), alias="odrl:remedy")
    consequences: "tuple[Rule, ...]" = Field(default=(), alias="odrl:consequence")

    def constrained(self) -> Iterator[Constraint]:
        """Yield its constraints and refinements, those of its duties left out."""
        yield from self.constraints
        yield from self.refinements
        for scope in (self.assets, self.parties):
            yield from scope.refinements if scope else ()

    def within(self) -> "Iterator[Rule]":
        """Yield its duties, remedies and consequences, and theirs."""
        for each in (*self.duties, *self.remedies, *self.consequences):
            yield each
            yield from each.within()


class Policy(Value):
    """Rules over one dataset.

    Attributes:
        id: URI, unique (DSP 2025-1, "Contract Negotiation Protocol").
        target: Dataset id; absent on offers inside a catalogue.
    """

    id: str = Field(alias="@id")
    type: str = Field(alias="@type")
    profile: str | tuple[str, ...] | None = None
    target: str | None = None
    permissions: tuple[Rule, ...] = Field(default=(), alias="permission")
    prohibitions: tuple[Rule, ...] = Field(default=(), alias="prohibition")
    obligations: tuple[Rule, ...] = Field(default=(), alias="obligation")

    @property
    def is_empty(self) -> bool:
        """Whether it neither permits nor prohibits anything, which the protocol's schemas forbid.

        There are peers whose owners mean "no conditions" by it (`trustspace.dsp.dialects`).
        """
        return not (self.permissions or self.prohibitions)

    def rules(self) -> Iterator[tuple[str, Rule]]:
        """Yield every rule with its JSON pointer, permissions first."""
        for kind, rules in (
            ("permission", self.permissions),
            ("prohibition", self.prohibitions),
            ("obligation", self.obligations),
        ):
            for index, rule in enumerate(rules):
                yield f"/{kind}/{index}", rule


class Offer(Policy):
    """Terms under which a provider would agree, or a consumer would accept."""

    type: Literal["Offer"] = Field(default="Offer", alias="@type")


class Agreement(Policy):
    """Terms agreed by both parties; ``timestamp`` is UTC ``xsd:dateTime``."""

    type: Literal["Agreement"] = Field(default="Agreement", alias="@type")
    target: str
    assigner: str
    assignee: str
    timestamp: str | None = None


LogicalConstraint.model_rebuild()
