"""Random walks over both sides of a negotiation, through the wire form and the table."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trustspace.dsp.messages import ContractRequestMessage, NegotiationMessage
from trustspace.dsp.negotiation import TERMINAL, TRANSITIONS, ContractNegotiation, key_of
from trustspace.dsp.wire import emit, parse_any
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.contexts import DSP_CONTEXT
from trustspace.model.participant import Role

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
PIDS = {Role.CONSUMER: "urn:uuid:consumer", Role.PROVIDER: "urn:uuid:provider"}
RULES = {"target": "d1", "permission": [{"action": "use"}]}
OFFER = {"@id": "urn:uuid:o1", "@type": "Offer", **RULES}
AGREEMENT = {
    "@id": "urn:uuid:a1",
    "@type": "Agreement",
    "assigner": "did:web:provider.example",
    "assignee": "did:web:consumer.example",
    "timestamp": "2026-11-24T10:00:00Z",
    **RULES,
}
SAYINGS: list[dict[str, Any]] = [
    {"@type": "ContractRequestMessage", "offer": OFFER},
    {"@type": "ContractOfferMessage", "offer": OFFER},
    {"@type": "ContractAgreementMessage", "agreement": AGREEMENT},
    {"@type": "ContractAgreementVerificationMessage"},
    {"@type": "ContractNegotiationEventMessage", "eventType": "ACCEPTED"},
    {"@type": "ContractNegotiationEventMessage", "eventType": "FINALIZED"},
    {"@type": "ContractNegotiationTerminationMessage", "code": "9", "reason": ["enough"]},
]
SAYING = st.sampled_from(SAYINGS)
SENDER = st.sampled_from(Role)

_ids = count(1)


def said(document: dict[str, Any], *senders: Role) -> Any:
    """Build a message with an id of its own and the pids of these parties."""
    pids = {f"{role}Pid": PIDS[role] for role in senders or tuple(Role)}
    head = {"@context": [DSP_CONTEXT], "@id": f"urn:uuid:m{next(_ids)}"}
    return parse_any({**head, **pids, **document})


class NegotiationWalk(RuleBasedStateMachine):
    """Two sides exchange any message at any time; only what the table has may happen."""

    sides: dict[Role, ContractNegotiation]
    last: tuple[Role, NegotiationMessage]

    @initialize(opener=SENDER, learn=st.booleans())
    def open(self, opener: Role, learn: bool) -> None:
        name = "ContractRequestMessage" if opener is Role.CONSUMER else "ContractOfferMessage"
        base = f"https://{opener}.example/dsp"
        opening = said({"@type": name, "offer": OFFER, "callbackAddress": base}, opener)
        assert isinstance(opening, ContractRequestMessage) is (opener is Role.CONSUMER)
        self.sides = {
            role: ContractNegotiation.create(
                opening,
                role=role,
                own_pid=PIDS[role],
                counterparty=f"did:web:{role.other}.example",
                callback_address=f"https://{role.other}.example/dsp",
                now=NOW,
            )
            for role in Role
        }
        self.last = opener, opening
        if learn:
            self.learn(opener)

    def learn(self, role: Role) -> None:
        """Let a side read the answer of the other one, which names its pid."""
        answer = parse_any(emit(self.sides[role.other].acknowledgement()))
        pid = getattr(answer, f"{role.other}_pid")
        self.sides[role] = self.sides[role].learn_peer_pid(pid, now=NOW)

    @rule(sender=SENDER, saying=SAYING)
    def say(self, sender: Role, saying: dict[str, Any]) -> None:
        if self.sides[sender].peer_pid is None:  # nothing can be sent before the answer is there
            self.learn(sender)
        message: NegotiationMessage = said(saying)
        expected = TRANSITIONS.get((self.sides[sender].state, sender, key_of(message)))
        for role, error in ((sender, LocalProtocolError), (sender.other, RemoteProtocolError)):
            side = self.sides[role]
            before = side.model_dump_json()
            try:
                self.sides[role] = side.receive(message, sender=sender, now=NOW)
                assert self.sides[role].state == expected
            except error:
                assert expected is None
            assert side.model_dump_json() == before
            message = parse_any(emit(message))  # type: ignore[assignment]  # of the same class
        if expected is not None:
            self.last = sender, message

    @rule()
    def repeat(self) -> None:
        sender, message = self.last
        receiver = self.sides[sender.other]
        assert receiver.receive(message, sender=sender, now=NOW) is receiver

    @rule(sender=SENDER, saying=SAYING, whose=SENDER)
    def confuse(self, sender: Role, saying: dict[str, Any], whose: Role) -> None:
        receiver = self.sides[sender.other]
        if receiver.peer_pid is None and whose is sender:
            return  # a pid that is not known yet cannot be wrong
        message = said({**saying, f"{whose}Pid": "urn:uuid:stranger"})
        try:
            receiver.receive(message, sender=sender, now=NOW)
        except RemoteProtocolError as error:
            assert error.code == "negotiation.pid"  # noqa: PT017 - a walk has no pytest.raises
        else:
            raise AssertionError("a message of another negotiation was accepted")

    @precondition(lambda self: self.sides[Role.PROVIDER].is_terminal)
    @rule(sender=SENDER, saying=SAYING)
    def knock_at_the_end(self, sender: Role, saying: dict[str, Any]) -> None:
        state = self.sides[Role.PROVIDER].state
        self.say(sender, saying)
        assert self.sides[Role.PROVIDER].state is state
        assert state in TERMINAL

    @invariant()
    def both_sides_agree(self) -> None:
        consumer, provider = self.sides[Role.CONSUMER], self.sides[Role.PROVIDER]
        assert consumer.state is provider.state
        assert consumer.offer == provider.offer
        assert consumer.agreement == provider.agreement

    @invariant()
    def what_is_agreed_is_known(self) -> None:
        for side in self.sides.values():
            assert side.agreement or side.state not in ("AGREED", "VERIFIED", "FINALIZED")


NegotiationWalk.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
TestNegotiationWalk = NegotiationWalk.TestCase
