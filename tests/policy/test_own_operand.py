import pytest

from trustspace.errors import PolicyError
from trustspace.policy.left_operand import Kind
from trustspace.policy.own_operand import declared_in, own_operand
from trustspace.policy.vocabulary import LEFT_OPERANDS, declare, left_operand

REGO = """
# METADATA
# title: Class of a reactor
# custom:
#   operand: {"name": "acme:reactorClass", "kind": "string", "operators": ["eq", "isAnyOf"]}
package trustspace.operands

known contains "acme:reactorClass"
"""


def test_a_declaration_says_what_lowering_needs():
    operand = own_operand({"name": "acme:level", "kind": "integer"})
    assert (operand.kind, operand.label, operand.stated) == (Kind.INTEGER, "attested", True)
    assert operand.deferred == {"catalog"}
    assert "odrl:lteq" in operand.operators
    assert own_operand({"name": "https://acme.example/ns#x"}).name == "https://acme.example/ns#x"
    promised = own_operand({"name": "acme:x", "label": "contractual", "deferred": []})
    assert (promised.label, promised.deferred) == ("contractual", frozenset())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": "reactorClass"},
        {"name": "odrl:count"},
        {"name": "https://w3id.org/trustspace/ns#mine"},
        {"name": "acme:two words"},
        {"name": "acme:x", "kind": "float"},
        {"name": "acme:x", "operators": ["lteq"]},
        {"name": "acme:x", "operators": []},
        {"name": "acme:x", "operators": ["like"]},
        {"name": "acme:x", "deferred": ["access"]},
        {"name": "acme:x", "label": "enforced"},
        {"name": "acme:x", "grants": True},
        {"name": 3},
    ],
)
def test_a_declaration_that_is_not_one_is_refused(wrong):
    with pytest.raises(PolicyError) as caught:
        own_operand(wrong)
    assert caught.value.code == "operand.malformed"


def test_a_rego_file_declares_in_its_annotations():
    (operand,) = declared_in(REGO)
    assert operand.name == "acme:reactorClass"
    assert operand.operators == {"odrl:eq", "odrl:isAnyOf"}
    assert declared_in("package trustspace.operands") == ()


@pytest.mark.parametrize("text", ['{"name": }', '{"name": "acme:x", "name": "acme:y"}', "{}"])
def test_a_broken_annotation_is_refused(text):
    with pytest.raises(PolicyError):
        declared_in(f"#   operand: {text}\n")


def test_a_declared_operand_is_understood_until_it_is_withdrawn():
    operand = own_operand({"name": "acme:pressure", "kind": "integer"})
    first, second = declare([operand]), declare([operand])
    assert left_operand("acme:pressure") is operand
    first()
    assert "acme:pressure" in LEFT_OPERANDS
    second()
    with pytest.raises(PolicyError):
        left_operand("acme:pressure")


def test_one_name_has_one_meaning():
    number = own_operand({"name": "acme:volume", "kind": "integer"})
    withdraw = declare([number])
    try:
        with pytest.raises(PolicyError) as caught:
            declare([own_operand({"name": "acme:volume", "kind": "string"})])
        assert caught.value.code == "operand.declared"
    finally:
        withdraw()
