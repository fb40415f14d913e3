"""Participants and their roles."""

from trustspace.model.participant import Participant, Role


def test_the_other_role():
    assert Role.CONSUMER.other is Role.PROVIDER
    assert Role.PROVIDER.other is Role.CONSUMER


def test_a_participant():
    participant = Participant(
        name="bank", id="did:web:bank.example", address="https://bank.example"
    )
    assert participant.to_wire() == {
        "name": "bank",
        "id": "did:web:bank.example",
        "address": "https://bank.example",
    }
