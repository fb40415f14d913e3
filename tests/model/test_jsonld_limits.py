"""The JSON-LD reader: nothing foreign, endless or meaningless gets through."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustspace.errors import LocalProtocolError, RemoteProtocolError
from trustspace.model import contexts, jsonld

FOREIGN = "https://example.org/ns/title"


@pytest.mark.parametrize(
    "context",
    [
        contexts.DSP_CONTEXT,
        [contexts.DSP_CONTEXT],
        [contexts.DSP_CONTEXT, contexts.EDC_CONTEXT],
        [contexts.ODRL_PROFILE_CONTEXT, contexts.DSP_CONTEXT],
        [contexts.DSP_CONTEXT, "https://dataspace.example/context.jsonld"],
        ["HTTP://dataspace.example/own", contexts.DSP_CONTEXT],
    ],
)
def test_remote_contexts_are_accepted_and_say_nothing(context):
    assert jsonld.read({"@context": context, "@type": "Offer"}) == {"@type": "Offer"}


@pytest.mark.parametrize(
    "context",
    [
        "https://attacker.example/context.jsonld",
        [contexts.DSP_CONTEXT, "urn:attacker"],
        [contexts.DSP_CONTEXT, "https://attacker.example/ context"],
        [contexts.DSP_CONTEXT, {"assignee": "https://attacker.example/assignee"}],
        {"assignee": "https://attacker.example/assignee"},
        {"@set": [{"action": "https://attacker.example/action"}]},
        contexts.DSP_CONTEXT + "?",
        "https://w3id.org/dspace/2024/1/context.json",
        None,
        [None],
        3,
        [[contexts.DSP_CONTEXT]],
    ],
)
@pytest.mark.parametrize("context_required", [True, False])
def test_other_contexts_are_refused(context, context_required):
    with pytest.raises(RemoteProtocolError) as caught:
        jsonld.read({"@context": context}, context_required=context_required)
    assert caught.value.code == "message.context"


@pytest.mark.parametrize("document", [{}, {"@context": []}, {"@context": contexts.EDC_CONTEXT}])
def test_the_protocols_context_is_required_of_a_message(document):
    with pytest.raises(RemoteProtocolError) as caught:
        jsonld.read(document)
    assert caught.value.code == "message.context"
    assert contexts.DSP_CONTEXT in caught.value.hint
    assert jsonld.read(document, context_required=False) == {}


@pytest.mark.parametrize("member", ["permission", FOREIGN, "rightOperand", "reason"])
def test_a_context_further_down_may_not_be_inline_either(member):
    document = {member: [{"@context": {"action": "https://attacker.example/"}, "action": "use"}]}
    with pytest.raises(RemoteProtocolError) as caught:
        jsonld.read(document, context_required=False)
    assert caught.value.code == "message.context"


def test_a_known_context_further_down_is_dropped():
    document = {"offer": {"@context": contexts.DSP_CONTEXT, "@id": "o1"}}
    assert jsonld.read(document, context_required=False) == {"offer": {"@id": "o1"}}


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", "a\udfffb", b"x", {1, 2}, object()],
)
def test_what_has_no_canonical_form_is_refused(value):
    for document in ({"x": value}, {"x": [[value]]}, {"reason": [value]}, {"offer": {"x": value}}):
        with pytest.raises(RemoteProtocolError) as caught:
            jsonld.read(document, context_required=False)
        assert caught.value.code == "message.malformed"


def test_a_member_name_is_checked_too():
    with pytest.raises(RemoteProtocolError, match="not Unicode"):
        jsonld.check({"\ud800": 1})


@pytest.mark.parametrize("value", [2**53 - 1, -(2**53) + 1, 1.5, "玫瑰", "🌹", None, True, []])
def test_other_values_pass(value):
    jsonld.check({"x": value})


def nested(levels: int, key: str) -> Any:
    document: Any = "x"
    for _ in range(levels):
        document = {key: document}
    return document


@pytest.mark.parametrize("key", ["offer", "permission", "and", FOREIGN, "rightOperand", "@type"])
def test_depth_is_limited(key):
    jsonld.check(nested(jsonld.MAX_DEPTH, key))
    for levels in (jsonld.MAX_DEPTH + 1, 100_000):
        document = nested(levels, key)
        with pytest.raises(RemoteProtocolError) as caught:
            jsonld.read(document, context_required=False)
        assert caught.value.code == "message.malformed"
        while isinstance(document, dict):  # freed level by level, not by recursion
            document = document.pop(key)


def test_the_check_blames_whom_the_caller_says():
    with pytest.raises(LocalProtocolError):
        jsonld.check({"@context": {}}, error=LocalProtocolError)


KEYS = [
    *("@context", "@type", "@id", "@value", "@set", "@list", "odrl:permission", "permission"),
    *("and", "offer", "rightOperand", "accessService", "dataset", "state", "action", "profile"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from([contexts.DSP_CONTEXT, "Offer", "odrl:Offer", "DatasetRequestMessage"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_any_json_is_read_or_refused(document):
    try:
        compact = jsonld.read(document, context_required=False)
    except RemoteProtocolError as error:
        assert error.code in {"message.context", "message.malformed"}  # noqa: PT017 - or no error
    else:
        assert jsonld.read(compact, context_required=False) == compact
