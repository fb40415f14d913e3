"""The catalogue has every id in both languages, with the fields that sentences give it."""

import string

import pytest

from trustspace.policy.decision import REASONS
from trustspace.policy.messages import LANGUAGES, catalogue, is_known, phrase
from trustspace.policy.narrow import WIDER
from trustspace.policy.vocabulary import DUTIES, DUTY_OPERANDS, LEFT_OPERANDS, OPERATORS

ERRORS = (
    "policy.unsupported",
    "policy.datatype",
    "policy.datetime.no_zone",
    "policy.where",
    "policy.mask",
    "policy.limit",
    "policy.target",
    "policy.malformed",
)
NEGOTIATED = (
    "offer.short",
    "offer.gone",
    "offer.unasked",
    "negotiation.rounds",
    "negotiation.waiting",
)


@pytest.mark.parametrize("name", [*REASONS, *ERRORS, *NEGOTIATED, WIDER, *sorted(OPERATORS)])
def test_every_id_has_a_template(name):
    assert is_known(name)


@pytest.mark.parametrize("name", [*LEFT_OPERANDS, *DUTY_OPERANDS, *DUTIES])
def test_every_term_has_words(name):
    assert is_known(f"term.{name}")


@pytest.mark.parametrize("name", catalogue())
def test_both_languages_have_the_same_fields(name):
    templates = catalogue()[name]
    assert set(templates) == set(LANGUAGES)
    fields = [
        {field for _, field, _, _ in string.Formatter().parse(templates[language]) if field}
        for language in LANGUAGES
    ]
    assert fields[0] == fields[1]
    assert all(templates[language] for language in LANGUAGES)


def test_an_unknown_id_is_still_a_sentence():
    assert phrase("acme.secret", "en") == "refused: acme.secret"
    assert phrase("acme.secret", "zh").endswith("acme.secret")


def test_fields_are_filled_in_and_their_braces_left_alone():
    assert phrase("term.odrl:purpose", "en") == "the purpose"
    assert phrase("odrl:eq", "en", term="x", expected="{id}") == "x must be {id}"
