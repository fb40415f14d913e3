"""What an ODRL document says, after its spelling is settled (ODRL Information Model 2.2).

Everything keeps the JSON pointer to where it was written. A rule may name several actions, assets
and parties; each stands for a rule of its own.

Example::

    policy = read_policy(document)
    policy.rules[0].actions[0].name  # 'odrl:use'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trustspace.policy.constraint import Normal

RuleKind = Literal["permission", "prohibition", "obligation"]
PolicyKind = Literal["offer", "agreement", "set"]


@dataclass(frozen=True)
class Action:
    """An action, possibly narrowed.

    Attributes:
        name: Prefixed name.
        refine: Conditions on how it is carried out.
    """

    name: str
    refine: tuple[Normal, ...]
    src: str


@dataclass(frozen=True)
class Scope:
    """An asset or a party, or a collection of them.

    Attributes:
        name: Its id; ``None`` for a collection that is described by its refinement alone.
        refine: Conditions that a member of the collection meets.
    """

    name: str | None
    refine: tuple[Normal, ...]
    src: str


@dataclass(frozen=True)
class Duty:
    """A duty of a permission, a remedy of a prohibition, a consequence, or what is owed.

    Attributes:
        uid: Its id, or its pointer where it has none.
        action: What has to be done.
        parts: Constraints under which it binds.
        consequences: What has to be done as well once it has lapsed.
        params: For whoever carries it out: who informs whom, who is paid.
    """

    uid: str
    action: Action
    parts: tuple[Normal, ...]
    consequences: tuple[Duty, ...]
    params: Mapping[str, str]
    src: str


@dataclass(frozen=True)
class Rule:
    """A permission, a prohibition or an obligation.

    Attributes:
        uid: Its id, or its pointer where it has none.
        actions: What it is about, at least one.
        targets: Assets; empty for whatever the policy is about.
        assignees: Parties; empty for anyone.
        parts: Constraints.
        duties: Duties of a permission, remedies of a prohibition; of an obligation, itself.
    """

    uid: str
    kind: RuleKind
    actions: tuple[Action, ...]
    targets: tuple[Scope, ...]
    assignees: tuple[Scope, ...]
    parts: tuple[Normal, ...]
    duties: tuple[Duty, ...]
    src: str


@dataclass(frozen=True)
class Document:
    """A policy.

    Attributes:
        uid: Its id.
        kind: What its class makes of it.
        conflict: What a conflict of its rules comes to.
        inherits: Ids of policies whose rules hold too.
        rules: Permissions, prohibitions, obligations, in this order.
        uids: Names of constraints by their pointer.
        included: Actions of its own, each with the action that includes it.
    """

    uid: str
    kind: PolicyKind
    conflict: Literal["prohibit", "invalid"]
    inherits: tuple[str, ...]
    rules: tuple[Rule, ...]
    uids: Mapping[str, str]
    included: Mapping[str, str]
