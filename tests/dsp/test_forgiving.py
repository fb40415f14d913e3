"""Where a dialect is forgiving: repeats under other ids, a second agreement, a second start."""

from __future__ import annotations

import pytest
from tests.dsp import test_negotiation as negotiations
from tests.dsp import test_transfer as transfers

from trustspace.dsp.messages import ContractAgreementMessage
from trustspace.dsp.negotiation import ContractNegotiation
from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model.participant import Role

C, P = Role.CONSUMER, Role.PROVIDER
NOW = negotiations.NOW


def _agreed_again(**members: str) -> ContractAgreementMessage:
    common = {"consumer_pid": negotiations.PIDS[C], "provider_pid": negotiations.PIDS[P]}
    agreement = negotiations.agreement(**members)
    return ContractAgreementMessage(id="urn:uuid:again", agreement=agreement, **common)


def test_a_repeat_under_another_id_is_forgiven_where_it_would_be_refused() -> None:
    negotiation = negotiations.in_state("AGREED", P)
    verified = negotiation.receive(negotiations.message("verification"), sender=C, now=NOW)
    again = negotiations.message("verification")
    assert verified.receive(again, sender=C, now=NOW, forgiving=True) is verified
    with pytest.raises(RemoteProtocolError):
        verified.receive(again, sender=C, now=NOW)
    with pytest.raises(RemoteProtocolError):
        verified.receive(negotiations.message("request"), sender=C, now=NOW, forgiving=True)


def test_our_own_message_is_not_forgiven() -> None:
    agreed = negotiations.in_state("AGREED", P)
    with pytest.raises(LocalProtocolError):
        agreed.receive(negotiations.message("agreement"), sender=P, now=NOW, forgiving=True)
    started = transfers.in_state("STARTED", P)
    with pytest.raises(LocalProtocolError):
        started.receive(transfers.message("start"), sender=P, now=NOW, forgiving=True)


@pytest.mark.parametrize("state", ["AGREED", "VERIFIED"])
def test_another_agreement_voids_the_first(state: str) -> None:
    negotiation = negotiations.in_state(state, C)
    message = _agreed_again(**{"@id": "urn:uuid:a2"})
    before = negotiation.before(message)
    assert (before.state, before.agreement) == ("REQUESTED", None)
    after = before.receive(message, sender=P, now=NOW, forgiving=True)
    assert after.state == "AGREED"
    assert after.agreement is not None
    assert after.agreement.id == "urn:uuid:a2"


@pytest.mark.parametrize(
    ("negotiation", "kind"),
    [
        (negotiations.in_state("AGREED", P), "other"),
        (negotiations.in_state("REQUESTED", C), "other"),
        (negotiations.in_state("FINALIZED", C), "other"),
        (negotiations.in_state("AGREED", C), "same"),
        (negotiations.in_state("VERIFIED", C), "FINALIZED"),
    ],
)
def test_nothing_else_is_taken_back(negotiation: ContractNegotiation, kind: str) -> None:
    made = {"other": _agreed_again(**{"@id": "urn:uuid:a2"}), "same": _agreed_again()}
    message = made.get(kind) or negotiations.message(kind)
    assert negotiation.before(message) is negotiation


def test_a_start_again_brings_another_address() -> None:
    started = transfers.in_state("REQUESTED", C).receive(
        transfers.message("start", data_address=transfers.address("1")), sender=P, now=NOW
    )
    same = transfers.message("start", data_address=transfers.address("1"))
    assert started.receive(same, sender=P, now=NOW, forgiving=True) is started
    other = transfers.message("start", data_address=transfers.address("2"))
    with pytest.raises(RemoteProtocolError):
        started.receive(other, sender=P, now=NOW)
    after = started.receive(other, sender=P, now=NOW, forgiving=True)
    assert (after.state, after.data_address) == ("STARTED", transfers.address("2"))


@pytest.mark.parametrize(
    ("role", "state", "kind", "sender"),
    [
        (C, "COMPLETED", "start", P),
        (C, "REQUESTED", "completion", P),
        (P, "STARTED", "start", C),
    ],
)
def test_what_is_no_repeat_is_refused(role: Role, state: str, kind: str, sender: Role) -> None:
    with pytest.raises(RemoteProtocolError):
        transfers.in_state(state, role).receive(
            transfers.message(kind), sender=sender, now=NOW, forgiving=True
        )
