"""The request and the state of the world that a question is asked in.

::

    request  {"party"?, "action", "target"?, "context"?: {operand: value | {"value", "unit"?,
              "within"?, "parts"?, "at"?}}}
    world    {"time", "membership"?: {collection: [members]}, "duties"?: {uid: {"state", "at"?,
              "evidence"?, "context"?, "due"?}}, "payments"?: [{"amount", "unit", "at"?,
              "duty"?, "evidence"?}], "policies"?: [...]}

Times are ISO 8601 with a zone, or Unix seconds; the clock is never read. ``assignee`` may stand for
``party``, ``now`` and ``dateTime`` for ``time``; a context may be a list of ``{"leftOperand",
"value", "unit"}``; a membership may list the collections of a member instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustspace.errors import PolicyError
from trustspace.policy.decision import DutyFacts, Fact, Fulfilment, Resource, Subject
from trustspace.policy.facts import regions_around
from trustspace.policy.odrl.literal import literal
from trustspace.policy.odrl.names import listed
from trustspace.policy.operands import EVERY_ACTION, known
from trustspace.policy.vocabulary import unknown_term

if TYPE_CHECKING:
    from trustspace.policy.document import Duty, Rule
    from trustspace.policy.lowering import Lowered
    from trustspace.policy.odrl.names import Names
    from trustspace.policy.predicate import Scalar
    from trustspace.policy.vocabulary import LeftOperand

NOBODY = "urn:trustspace:no-target"
"""Target of a request that names none."""

_LATE = frozenset({"overdue", "lapsed", "violated", "expired", "infringed", "breached"})
_DONE = frozenset({"fulfilled", "done", "performed", "complete", "completed"})


@dataclass(frozen=True)
class Question:
    """A request in its world, as the engine takes it."""

    action: str
    subject: Subject
    resource: Resource
    now: int
    facts: Mapping[str, Fact]
    duties: DutyFacts

    def is_bound(self, rule: Rule) -> bool:
        """Return whether an obligation is one of whoever asks."""
        ids = {*self.subject.ids, *self.subject.groups}
        return not rule.assignees or any(scope.name in ids for scope in rule.assignees)


def read_question(
    request: Any,  # noqa: ANN401 - any JSON value
    world: Mapping[str, Any],
    names: Names,
    lowered: Lowered,
    operands: Mapping[str, LeftOperand],
) -> Question:
    """Read a request and its world.

    Raises:
        PolicyError: They are malformed, code ``request.malformed``, or ``policy.*`` for a term.
    """
    if not isinstance(request, Mapping):
        raise _wrong("a request is an object", "/request")
    reader = _Reader(names, operands, world)
    party = reader.name(_first(request, "party", "assignee", "subject"), "/request/party")
    target = reader.name(_first(request, "target", "asset"), "/request/target")
    now = reader.now(request)
    around = reader.around(party), reader.around(target)
    return Question(
        action=reader.action(request.get("action"), lowered),
        subject=Subject(
            id=party,
            ids=() if party is None else (party,),
            groups=around[0],
            credentials=(),
        ),
        resource=Resource(
            id=target or NOBODY, ids=(target or NOBODY, *around[1]), columns=(), classification=None
        ),
        now=now,
        facts=reader.facts(request.get("context"), party, around[0], now),
        duties=reader.duties(lowered, now),
    )


class _Reader:
    def __init__(
        self, names: Names, operands: Mapping[str, LeftOperand], world: Mapping[str, Any]
    ) -> None:
        self._names = names
        self._operands = operands
        self._world = world

    def name(self, value: Any, src: str) -> str | None:  # noqa: ANN401 - any JSON value
        if isinstance(value, Mapping):
            value = _first(value, "@id", "uid", "id")
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise _wrong("the id of one thing is expected", src)
        return self._names.identifier(value)

    def action(self, value: Any, lowered: Lowered) -> str:  # noqa: ANN401 - any JSON value
        text = self.name(value, "/request/action")
        if text is None:
            raise _wrong("a request names an action", "/request/action")
        name = self._term(text)
        own = {
            action
            for policy in lowered.policies
            for rule in (*policy.permissions, *policy.prohibitions)
            for action in rule.actions
        }
        if name not in EVERY_ACTION and name not in own:
            raise unknown_term("action", name, EVERY_ACTION, "/request/action")
        return name

    def now(self, request: Mapping[str, Any]) -> int:
        value = _first(self._world, "time", "now", "dateTime", "currentTime")
        if value is None:
            value = _first(request, "time", "dateTime")
        if value is None:
            return 0  # No time is known; what compares it gets no fact either.
        return self._moment(value, "/world/time")

    def facts(
        self,
        context: Any,  # noqa: ANN401 - any JSON value
        party: str | None,
        groups: tuple[str, ...],
        now: int,
    ) -> dict[str, Fact]:
        facts: dict[str, Fact] = {}
        if now:
            for clock in ("odrl:dateTime", "edc:inForceDate"):
                facts[clock] = Fact.ok(now)
        else:
            facts = {name: Fact.unavailable() for name in ("odrl:dateTime", "edc:inForceDate")}
        if party is not None:
            facts["odrl:recipient"] = Fact.ok(party, within=(party, *groups))
        for term, given, src in self._entries(context):
            operand = known(self._term(term), more=self._operands, location=src)
            facts[operand.name] = self._fact(given, operand, src)
        return facts

    def _entries(self, context: Any) -> Iterator[tuple[str, Any, str]]:  # noqa: ANN401 - any JSON value
        if context is None:
            return
        if isinstance(context, Mapping):
            for term, given in context.items():
                if not term.startswith("@"):
                    yield term, given, f"/request/context/{term}"
            return
        for index, item in enumerate(listed(context)):
            src = f"/request/context/{index}"
            term = (
                self.name(_first(item, "leftOperand", "operand", "name"), src)
                if isinstance(item, Mapping)
                else None
            )
            if term is None:
                raise _wrong("a context entry is {leftOperand, value, unit?}", src)
            yield term, item, src

    def _fact(self, given: Any, operand: LeftOperand, src: str) -> Fact:  # noqa: ANN401 - any JSON value
        """Return a fact; a value of the wrong kind is no value, which is unknown."""
        if not isinstance(given, Mapping) or "@value" in given or "@id" in given:
            given = {"value": given}
        value = _first(given, "value", "rightOperand")
        if value is None:
            return Fact.unavailable()
        try:
            found = () if value == [] else literal(value, operand, self._names, src=src)
            within = self._several(given.get("within"), operand, src)
            parts = self._several(given.get("parts"), operand, src)
            at = given.get("at")
            moment = None if at is None else self._moment(at, src)
        except PolicyError:
            return Fact.unavailable("error")
        if within is None:
            within = self._ancestors(found, operand)
        return Fact.ok(
            found,
            unit=self.name(given.get("unit"), src),
            within=within,
            parts=parts if parts is not None else _several(found),
            at=moment,
        )

    def _several(
        self,
        value: Any,  # noqa: ANN401 - any JSON value
        operand: LeftOperand,
        src: str,
    ) -> tuple[Scalar, ...] | None:
        if value is None:
            return None
        return _several(literal(listed(value), operand, self._names, src=src))

    def _ancestors(
        self, found: Scalar | tuple[Scalar, ...], operand: LeftOperand
    ) -> tuple[Scalar, ...]:
        """Return a value with all that holds it: collections of the world, regions around it."""
        around: dict[Scalar, None] = dict.fromkeys(_several(found))
        for value in _several(found):
            if isinstance(value, str):
                around |= dict.fromkeys(self.around(value))
                if operand.name in ("odrl:spatial", "ts:destination"):
                    around |= dict.fromkeys(regions_around(value))
        return tuple(around)

    def around(self, name: str | None) -> tuple[str, ...]:
        """Return the collections that hold a thing, directly or through others."""
        if name is None:
            return ()
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            member = waiting.pop()
            for one, collection in self._memberships(name):
                if one == member and collection not in found and collection != name:
                    found[collection] = None
                    waiting.append(collection)
        return tuple(found)

    def _memberships(self, asked: str) -> Iterator[tuple[str, str]]:
        """Yield pairs of member and collection."""
        given = _first(self._world, "membership", "memberships", "collections")
        if isinstance(given, Mapping):
            for key, values in given.items():
                name = self._names.identifier(key)
                for value in listed(values):
                    other = self.name(value, "/world/membership")
                    if other is not None:
                        yield (name, other) if name == asked else (other, name)
            return
        for item in listed(given):
            if not isinstance(item, Mapping):
                raise _wrong("a membership is {member, collection}", "/world/membership")
            collection = self.name(_first(item, "collection", "group", "of"), "/world/membership")
            for one in listed(_first(item, "member", "members", "party", "asset")):
                member = self.name(one, "/world/membership")
                if member is not None and collection is not None:
                    yield member, collection

    # --- duties ----------------------------------------------------------------------------------

    def duties(self, lowered: Lowered, now: int) -> DutyFacts:
        fulfilled: dict[str, Fulfilment] = {}
        outstanding: dict[str, int] = {}
        states = list(self._states())
        payments = [
            item for item in listed(self._world.get("payments")) if isinstance(item, Mapping)
        ]
        for name, duty in lowered.duties.items():
            for state in states:
                if self._is_about(state, duty):
                    if _is_done(state):
                        fulfilled[name] = self._proof(state, now)
                    due = self._due(state, now)
                    if due is not None:
                        outstanding[name] = due
            if name not in fulfilled and duty.action.name == "odrl:compensate":
                paid = self._payment(payments, duty, now)
                if paid is not None:
                    fulfilled[name] = paid
        return DutyFacts(fulfilled=fulfilled, outstanding=outstanding)

    def _due(self, state: Mapping[str, Any], now: int) -> int | None:
        """Return until when a duty has to be done that the world knows to be owed."""
        due = _first(state, "due", "deadline")
        if due is not None:
            return self._moment(due, "/world/duties")
        if _is_done(state):
            return None
        return max(now - 1, 0) if _stated(state) in _LATE else now

    def _term(self, text: str) -> str:
        """Return a term of the request; a bare one is ODRL's whatever the policy says."""
        is_bare = ":" not in text and text not in self._names.aliases
        return f"odrl:{text}" if is_bare else self._names.term(text)

    def _states(self) -> Iterator[Mapping[str, Any]]:
        given = self._world.get("duties")
        if isinstance(given, Mapping):
            for uid, state in given.items():
                whole = state if isinstance(state, Mapping) else {"state": state}
                yield {"duty": uid, **whole}
            return
        for item in listed(given):
            if not isinstance(item, Mapping):
                raise _wrong("the state of a duty is an object", "/world/duties")
            yield item

    def _is_about(self, state: Mapping[str, Any], duty: Duty) -> bool:
        uid = _first(state, "duty", "uid", "@id", "id")
        if uid is not None:
            return uid == duty.uid or self._names.identifier(str(uid)) == duty.uid
        action = _first(state, "action")
        return action is not None and self._term(str(action)) == duty.action.name

    def _proof(self, state: Mapping[str, Any], now: int) -> Fulfilment:
        at = _first(state, "at", "time", "performedAt")
        evidence = _first(state, "evidence", "proof")
        shown = _first(state, "context", "facts") or {}
        facts = {}
        for term, given in shown.items() if isinstance(shown, Mapping) else ():
            operand = known(self._term(term), more=self._operands, location="/world/duties")
            facts[operand.name] = self._fact(given, operand, "/world/duties")
        amount = _first(state, "amount", "payAmount")
        if amount is not None:
            facts["odrl:payAmount"] = self._amount(amount, state)
        return Fulfilment(
            at=now if at is None else self._moment(at, "/world/duties"),
            evidence=str(evidence or "urn:trustspace:stated"),
            facts=facts,
        )

    def _payment(
        self, payments: list[Mapping[str, Any]], duty: Duty, now: int
    ) -> Fulfilment | None:
        """Return the payment for a duty: one that names it, else the last that names none."""
        named = [one for one in payments if _first(one, "duty") is not None]
        free = [one for one in payments if _first(one, "duty") is None]
        own = [one for one in named if self._is_about(one, duty)] or free
        return self._proof(own[-1], now) if own else None

    def _amount(self, amount: Any, state: Mapping[str, Any]) -> Fact:  # noqa: ANN401 - any JSON value
        unit = _first(state, "unit", "currency")
        return self._fact({"value": amount, "unit": unit}, known("payAmount"), "/world/payments")

    def _moment(self, value: Any, src: str) -> int:  # noqa: ANN401 - any JSON value
        found = literal(value, known("dateTime"), self._names, src=src)
        if not isinstance(found, int) or found < 0:
            raise _wrong("a moment is a time with a zone or Unix seconds", src)
        return found


def _is_done(state: Mapping[str, Any]) -> bool:
    stated = _first(state, "state", "status", "fulfilled")
    if stated is None:
        return _first(state, "evidence", "proof", "at", "amount", "payAmount") is not None
    return stated is True or _stated(state) in _DONE


def _stated(state: Mapping[str, Any]) -> str:
    """Return the name of a state, whatever its namespace."""
    text = str(_first(state, "state", "status", "fulfilled"))
    return text.rpartition(":")[2].rpartition("/")[2].rpartition("#")[2].lower()


def _several(value: Scalar | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _first(node: Mapping[str, Any], *names: str) -> Any:  # noqa: ANN401 - any JSON value
    return next((node[name] for name in names if node.get(name) is not None), None)


def _wrong(message: str, src: str) -> PolicyError:
    return PolicyError(message, code="request.malformed", location=src)
