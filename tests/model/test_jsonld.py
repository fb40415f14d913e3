"""The JSON-LD reader: every spelling of a document gives one form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import RemoteProtocolError
from trustspace.model import contexts, jsonld

DSPACE = "https://w3id.org/dspace/2025/1/"
ODRL = "http://www.w3.org/ns/odrl/2/"
DCAT = "http://www.w3.org/ns/dcat#"
EDC = "https://w3id.org/edc/v0.0.1/ns/"
XSD = "http://www.w3.org/2001/XMLSchema#"

# Where each name of the sample belongs, and how it may be written; kept apart from the reader's
# own table so that the two check each other.
NAMESPACES: dict[str, tuple[str, str]] = {
    "dspace:": (DSPACE, "participantId endpointType endpointProperties name value state"),
    "odrl:": (
        ODRL,
        (
            "hasPolicy permission prohibition obligation constraint action operator"
            " leftOperand rightOperand and or target assigner profile"
        ),
    ),
    "dcat:": (DCAT, "service dataset distribution accessService endpointURL"),
    "dct:": ("http://purl.org/dc/terms/", "format"),
}
TYPES = {
    "Catalog": ("dcat:", DCAT),
    "Dataset": ("dcat:", DCAT),
    "Distribution": ("dcat:", DCAT),
    "DataService": ("dcat:", DCAT),
    "Offer": ("odrl:", ODRL),
}
IRIS = {"participantId", "target", "assigner"}
ODRL_NAMES = {"action", "operator", "leftOperand"}
DEFINED = ("use", "lt", "isAllOf")
LITERALS = {"endpointURL"}
FOREIGN = "https://example.org/ns/title"

SAMPLE: dict[str, Any] = {
    "@id": "urn:uuid:c1",
    "@type": "Catalog",
    "participantId": "did:web:provider.example",
    FOREIGN: [{"@value": "Roses", "@language": "en"}],
    "service": [{"@id": "s1", "@type": "DataService", "endpointURL": "https://provider.example"}],
    "dataset": [
        {
            "@id": "d1",
            "@type": "Dataset",
            "id": "d1",
            "hasPolicy": [
                {
                    "@id": "o1",
                    "@type": "Offer",
                    "profile": "https://example.org/profile",
                    "permission": [
                        {
                            "action": "use",
                            "constraint": [
                                {
                                    "leftOperand": "dateTime",
                                    "operator": "lt",
                                    "rightOperand": {
                                        "@value": "2027-01-01T00:00:00Z",
                                        "@type": "xsd:dateTime",
                                    },
                                },
                                {
                                    "or": [
                                        {
                                            "leftOperand": "https://w3id.org/trustspace/ns#mask",
                                            "operator": "isAllOf",
                                            "rightOperand": ["phone:hash", "name:drop"],
                                        }
                                    ]
                                },
                            ],
                        }
                    ],
                    "prohibition": [{"action": "distribute"}],
                }
            ],
            "distribution": [
                {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s1"},
                {
                    "@type": "Distribution",
                    "format": "HttpData-PUSH",
                    "accessService": {
                        "@id": "s1",
                        "@type": "DataService",
                        "endpointURL": "https://provider.example",
                    },
                },
            ],
        }
    ],
}


def spelled(draw: st.DrawFn, document: Any) -> Any:
    """Write a compact document in one of the other ways that mean the same."""
    if isinstance(document, list):
        return [spelled(draw, item) for item in document]
    if not isinstance(document, dict):
        return document
    return dict(
        draw(st.permutations([spelled_member(draw, *member) for member in document.items()]))
    )


def spelled_member(draw: st.DrawFn, name: str, value: Any) -> tuple[str, Any]:
    if name == "@type" and value in TYPES:
        prefix, namespace = TYPES[value]
        word = draw(st.sampled_from([value, prefix + value, namespace + value]))
        return name, draw(st.sampled_from([word, [word], [word, "https://example.org/ns/Own"]]))
    for prefix, (namespace, names) in NAMESPACES.items():
        if name in names.split():
            spelling = draw(st.sampled_from([name, prefix + name, namespace + name]))
            return spelling, spelled_value(draw, name, value)
    return name, value


def spelled_value(draw: st.DrawFn, name: str, value: Any) -> Any:
    if value in DEFINED:
        value = draw(st.sampled_from([value, f"odrl:{value}", ODRL + value]))
    if name in ODRL_NAMES | IRIS:
        return draw(st.sampled_from([value, {"@id": value}, [{"@id": value}]]))
    if name in LITERALS:
        return draw(st.sampled_from([value, {"@value": value}, [{"@value": value}]]))
    if name == "rightOperand":
        return spelled_operand(draw, value)
    if name == "accessService" and isinstance(value, str):
        return draw(st.sampled_from([value, {"@id": value}, [value]]))
    written = spelled(draw, value)
    if isinstance(written, list):
        shapes = [written, {"@set": written}, {"@list": written}]
        return draw(st.sampled_from([*shapes, written[0]] if len(written) == 1 else shapes))
    return written


def spelled_operand(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        return value | {"@type": draw(st.sampled_from(["xsd:dateTime", f"{XSD}dateTime"]))}
    return draw(
        st.sampled_from(
            [value, {"@list": value}, {"@set": value}, [{"@value": item} for item in value]]
        )
    )


@st.composite
def spellings(draw: st.DrawFn) -> Any:
    return spelled(draw, SAMPLE)


@given(spellings())
def test_every_spelling_gives_the_compact_form(document):
    assert jsonld.read(document, context_required=False) == SAMPLE


def test_the_compact_form_is_left_as_it_is():
    assert jsonld.read(SAMPLE | {"@context": [contexts.DSP_CONTEXT]}) == SAMPLE


@pytest.mark.parametrize("document", [None, 3, "x", [], [{}], True])
def test_only_an_object_is_a_document(document):
    with pytest.raises(RemoteProtocolError) as caught:
        jsonld.read(document, context_required=False)
    assert caught.value.code == "message.malformed"


@pytest.mark.parametrize(
    "document",
    [
        {"permission": [], "odrl:permission": []},
        {f"{ODRL}action": "use", "action": "delete"},
        {"consumerPid": None, "dspace:consumerPid": "urn:uuid:c1"},
        {"dspace:consumerPid": None, "consumerPid": "urn:uuid:c1", f"{DSPACE}consumerPid": "x"},
    ],
)
def test_one_member_in_two_spellings_is_refused(document):
    with pytest.raises(RemoteProtocolError, match="more than once"):
        jsonld.read(document, context_required=False)


def test_null_means_absent():
    document = {"providerPid": None, FOREIGN: None}
    assert jsonld.read(document, context_required=False) == {FOREIGN: None}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Offer", "Offer"),
        ("dspace:TransferProcess", "TransferProcess"),
        (["odrl:Offer", "https://example.org/Own"], "Offer"),
        (["https://example.org/Own", "Offer"], "Offer"),
        ("https://example.org/Own", "https://example.org/Own"),
        (["https://example.org/Own"], "https://example.org/Own"),
        (["https://example.org/A", "https://example.org/B"],) * 2,
        ("dcat:Offer", "dcat:Offer"),
        (f"{DSPACE}Agreement", f"{DSPACE}Agreement"),
        ("odrl:", "odrl:"),
        (3, 3),
        ([], []),
        (None, None),
    ],
)
def test_types(written, read):
    assert jsonld.read({"@type": written}, context_required=False) == {"@type": read}


def test_two_known_types_are_ambiguous():
    with pytest.raises(RemoteProtocolError, match="ambiguous: Offer, Agreement"):
        jsonld.read({"@type": ["Offer", "odrl:Agreement"]}, context_required=False)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x", "x"),
        ({"@value": "x"}, "x"),
        ({"@id": "urn:x"}, "urn:x"),
        ([{"@value": "x"}, "y"], ["x", "y"]),
        ({"@list": ["x", {"@id": "urn:y"}]}, ["x", "urn:y"]),
        (["x"], ["x"]),
        ([], []),
        (5, {"@value": 5, "@type": "xsd:integer"}),
        ({"@value": 5}, {"@value": 5, "@type": "xsd:integer"}),
        (1.5, {"@value": 1.5, "@type": "xsd:double"}),
        (True, {"@value": True, "@type": "xsd:boolean"}),
        ({"@value": "5", "@type": f"{XSD}integer"}, {"@value": "5", "@type": "xsd:integer"}),
        ({"@value": "5", "@type": "xsd:integer"}, {"@value": "5", "@type": "xsd:integer"}),
        ({"@value": "5", "@type": "urn:own"}, {"@value": "5", "@type": "urn:own"}),
        ({"@value": "x", "@language": "en"}, {"@value": "x", "@language": "en"}),
    ],
)
def test_right_operands_keep_their_type(written, read):
    assert jsonld.read({"rightOperand": written}, context_required=False) == {"rightOperand": read}


@pytest.mark.parametrize(
    ("document", "read"),
    [
        ({"profile": {"@id": "urn:p"}}, {"profile": "urn:p"}),
        ({"profile": [{"@id": "urn:p"}, "urn:q"]}, {"profile": ["urn:p", "urn:q"]}),
        ({"dspace:state": {"@id": "dspace:REQUESTED"}}, {"state": "REQUESTED"}),
        ({"eventType": f"{DSPACE}FINALIZED"}, {"eventType": "FINALIZED"}),
        ({"state": {"@value": 3}}, {"state": {"@value": 3}}),
        ({"action": 3}, {"action": 3}),
        ({"action": "odrl:distribute"}, {"action": "odrl:distribute"}),
        ({"leftOperand": {"@id": f"{ODRL}purpose"}}, {"leftOperand": f"{ODRL}purpose"}),
        ({"leftOperand": "edc:region"}, {"leftOperand": f"{EDC}region"}),
        ({"leftOperand": "inForceDate"}, {"leftOperand": "inForceDate"}),
        ({"action": "odrl:odrl:use"}, {"action": "odrl:odrl:use"}),
        ({"action": f"{ODRL}a/b"}, {"action": f"{ODRL}a/b"}),
        ({"accessService": {"@id": {"@id": "s1"}}}, {"accessService": {"@id": {"@id": "s1"}}}),
        ({"offer": [[None]]}, {}),
        ({"offer": {"odrl:target": "d"}}, {"offer": {"target": "d"}}),
        ({"offer": [{"odrl:target": "d"}]}, {"offer": {"target": "d"}}),
        ({"offer": "o1"}, {"offer": "o1"}),
        ({"permission": "p"}, {"permission": ["p"]}),
        ({"reason": "why"}, {"reason": ["why"]}),
        ({"dspace:reason": [{"@value": "why"}]}, {"reason": [{"@value": "why"}]}),
        ({"dct:format": {"@id": "HttpData-PULL"}}, {"format": "HttpData-PULL"}),
        ({"dcat:permission": "x"}, {"dcat:permission": "x"}),
        ({"edc:name": "x"}, {"edc:name": "x"}),
    ],
)
def test_members(document, read):
    assert jsonld.read(document, context_required=False) == read


@pytest.mark.parametrize("name", ["dataset", "dspace:dataset", f"{DSPACE}dataset"])
def test_the_dataset_of_a_request_is_an_id(name):
    document = {"@type": "dspace:DatasetRequestMessage", name: {"@id": "d1"}}
    assert jsonld.read(document, context_required=False)["dataset"] == "d1"


def test_the_dialect_of_eclipse_connectors_is_read():
    edc = "https://w3id.org/edc/v0.0.1/ns/"
    document = {
        "@context": [contexts.DSP_CONTEXT, contexts.EDC_CONTEXT],
        "@id": "m1",
        "@type": "TransferStartMessage",
        "consumerPid": "c1",
        "providerPid": "p1",
        "dataAddress": {
            "@type": "DataAddress",
            f"{edc}flowType": "PULL",
            "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
            "endpointProperties": {
                "@type": "EndpointProperty",
                "name": f"{edc}authorization",
                "value": "token",
            },
        },
    }
    address = jsonld.read(document)["dataAddress"]
    assert address[f"{edc}flowType"] == "PULL"
    assert address["endpointType"] == "https://w3id.org/idsa/v4.1/HTTP"
    assert [entry["name"] for entry in address["endpointProperties"]] == [f"{edc}authorization"]


def test_what_the_eclipse_context_shortens_is_written_out():
    constraint = {"leftOperand": "inForceDate", "operator": "gt", "rightOperand": ["id", 1]}
    document = {
        "@context": [contexts.DSP_CONTEXT, contexts.EDC_CONTEXT],
        "constraint": [constraint, {"or": [{"odrl:leftOperand": "id"}]}],
    }
    first, second = jsonld.read(document)["constraint"]
    assert first["leftOperand"] == f"{EDC}inForceDate"
    assert first["rightOperand"][0] == "id"
    assert second == {"or": [{"leftOperand": f"{EDC}id"}]}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('[{"@value":"a"},{"@value":"b"}]', ["a", "b"]),
        ({"@value": '[{"@value":"a"},{"@value":"b"}]'}, ["a", "b"]),
        (
            f'[{{"@value":"5","@type":"{XSD}integer"}},{{"@id":"urn:x"}}]',
            [{"@value": "5", "@type": "xsd:integer"}, "urn:x"],
        ),
        ('{"@id":"urn:x"}', "urn:x"),
        *(
            (same, same)
            for same in (
                "[a]",
                "[{",
                '[{"a":1}]',
                '[{"@value":{}}]',
                '[{"@value":"a","@context":{}}]',
                '[{"@value":"a","@type":[]}]',
                '[{"@value":"\\ud800"}]',
                '[{"@id":1},{"@value":"a"}]',
                '{"@id":"urn:x","b":1}',
                "[" + '{"@value":' * 40,
            )
        ),
    ],
)
def test_lists_of_eclipse_connectors_are_unwrapped(written, read):
    """They write a right operand as one string, whatever it holds."""
    constraint = {"leftOperand": "odrl:purpose", "operator": "isAnyOf", "rightOperand": written}
    message = {"@context": [contexts.DSP_CONTEXT, contexts.EDC_CONTEXT], "constraint": constraint}
    assert jsonld.read(message)["constraint"][0]["rightOperand"] == read
    strict = {"@context": [contexts.DSP_CONTEXT], "constraint": constraint}
    if isinstance(written, str):
        assert jsonld.read(strict)["constraint"][0]["rightOperand"] == written
