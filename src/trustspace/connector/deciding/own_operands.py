"""Operands of the owner's own: declared by providers of facts or by Rego files of the site.

What a provider declares, it says the value of, and the engine compares it as it comes. What a Rego
file declares, that file works out; until it is part of the rules that decide, policies that name
the operand are refused, because its value would be compared before it was worked out.

Example::

    own = OwnOperands(slot, folder / "operands", provided)
    stack.callback(own.withdraw)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.decision import (
    DecisionRequest,
    DutyFacts,
    Leaf,
    PolicyIR,
    Resource,
    RuleIR,
)
from trustspace.policy.facts import anyone
from trustspace.policy.own_operand import declared_in
from trustspace.policy.vocabulary import declare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from trustspace.policy.engine import PolicyEngine
    from trustspace.policy.left_operand import LeftOperand

logger: logging.Logger = logging.getLogger(__name__)


def site_operands(folder: Path) -> tuple[LeftOperand, ...]:
    """Return the operands that the Rego files of a folder declare; none where there is no folder.

    Raises:
        ConfigurationError: A file cannot be read, or a declaration is malformed.
    """
    found: list[LeftOperand] = []
    for file in sorted(folder.glob("*.rego")):
        try:
            found += declared_in(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, PolicyError) as error:
            raise ConfigurationError(
                f"{file.name}: {error}",
                setting="policy.site",
                hint='declare as in # operand: {"name": "acme:class", "kind": "string"}',
            ) from error
    return tuple(found)


class OwnOperands:
    """Keeps the vocabulary in step with providers, with the site's files and with the rules.

    Args:
        engine: The rules that decide.
        folder: Where the site's Rego files are.
        provided: What providers declare.

    Raises:
        ConfigurationError: A declaration is malformed, or a name means something else already.
    """

    def __init__(self, engine: PolicyEngine, folder: Path, provided: Iterable[LeftOperand]) -> None:
        self._engine = engine
        self._folder = folder
        self._withdraw: list[Callable[[], None]] = []
        names = {operand.name for operand in site_operands(folder)}
        own = [one for one in provided if one.name not in names]
        try:
            self._withdraw.append(declare(own))
            self._take()
        except PolicyError as error:
            self.withdraw()
            raise ConfigurationError(str(error), setting="policy.facts", hint=error.hint) from error

    def follow(self) -> None:
        """Understand what the rules that decide now know, as the site's files declare it now."""
        try:
            self._take()
        except (ConfigurationError, PolicyError) as error:
            logger.warning("the operands of the site stay as they were: %s", error)

    def withdraw(self) -> None:
        """Take everything out of the vocabulary again."""
        for withdraw in self._withdraw:
            withdraw()
        self._withdraw.clear()

    def _take(self) -> None:
        known = []
        for operand in site_operands(self._folder):
            if is_known(self._engine, operand.name):
                known.append(operand)
            else:
                logger.warning(
                    "%s is declared, but not part of the rules that decide: build them with"
                    " `trustspace policy build`",
                    operand.name,
                )
        # Before the old ones go, so that what is known by both is known all the time.
        added = declare(known)
        for withdraw in self._withdraw[1:]:
            withdraw()
        self._withdraw[1:] = [added]


def is_known(engine: PolicyEngine, name: str) -> bool:
    """Say whether the rules that decide know an operand."""
    decision = engine.decide(_question(engine.revision, name))
    ids = {reason.id for reason in decision.reasons}
    return bool(ids) and not any(id_.startswith(("odrl.operand.", "engine.")) for id_ in ids)


def _question(revision: str, name: str) -> DecisionRequest:
    """Return a question whose only answer is why an operand has no value."""
    leaf = Leaf(id="c1", left=name, op="odrl:eq", right="", unit=None, src="")
    rule = RuleIR(
        id="p1",
        actions=("odrl:use",),
        target=None,
        assignee=None,
        counter=None,
        leaves=(leaf,),
        logic=(),
        top=("c1",),
        refine=(),
        duties=(),
        filters=(),
        columns=None,
        masks=(),
        limits=(),
        depends=(),
        src="",
    )
    policy = PolicyIR(
        uid="urn:trustspace:operand",
        digest="sha256:0",
        kind="set",
        conflict="prohibit",
        permissions=(rule,),
        prohibitions=(),
        obligations=(),
    )
    return DecisionRequest(
        v=1,
        id="operand",
        point="evaluation",
        now=0,
        bundle=revision,
        action="odrl:use",
        subject=anyone(),
        resource=Resource(id="urn:x", ids=("urn:x",), columns=(), classification=None),
        agreement=None,
        facts={},
        duties=DutyFacts(fulfilled={}, outstanding={}),
        policies=(policy,),
    )
