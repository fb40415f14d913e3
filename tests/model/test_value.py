"""What every value shares."""

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from trustspace.errors import RemoteProtocolError
from trustspace.model.dataset import Dataset
from trustspace.model.odrl import Offer
from trustspace.model.value import Value, canonical, digest


class Thing(Value):
    id: str | None = Field(default=None, alias="@id")
    short_name: str = Field(alias="shortName")
    parts: tuple[str, ...] = ()


def test_a_value_is_read_and_written_in_wire_names():
    document = {"@id": "a", "shortName": "b", "parts": ["c"], "https://example.org/x": {"y": None}}
    assert Thing.read(document).to_wire() == document


def test_a_value_is_built_in_python_names():
    assert Thing(short_name="b") == Thing.read({"shortName": "b"})


def test_a_value_is_frozen():
    with pytest.raises(ValidationError):
        Thing(short_name="b").short_name = "c"  # type: ignore[misc]  # that is the point


def test_what_is_empty_is_left_out_but_not_what_is_unknown():
    thing = Thing.read({"shortName": "b", "@id": None, "parts": [], "x": None, "y": [], "z": 0})
    assert thing.to_wire() == {"shortName": "b", "x": None, "y": [], "z": 0}


def test_python_names_mean_nothing_on_the_wire():
    with pytest.raises(RemoteProtocolError, match="/shortName"):
        Thing.read({"short_name": "b"})


def test_an_unknown_member_spelled_like_an_attribute_survives():
    document = {"shortName": "b", "short_name": "other", "id": "other"}
    thing = Thing.read(document)
    assert (thing.id, thing.short_name) == (None, "b")
    assert thing.to_wire() == document
    assert json.loads(thing.model_dump_json()) == document
    assert Thing.model_validate_json(thing.model_dump_json()) == thing


def test_a_stored_body_is_not_reinterpreted():
    # A conformance kit sends this member in its permissions.
    rule = {"action": "use", "constraints": [{"and": []}], "duties": [{"action": "pay"}]}
    body = {"@id": "o1", "@type": "Offer", "permission": [rule], "prohibitions": [rule]}
    offer = Offer.model_validate(body)
    assert offer.permissions[0].constraints == ()
    assert offer.permissions[0].duties == ()
    assert offer.prohibitions == ()
    assert offer.to_wire() == body


def test_a_catalogue_entry_with_an_id_beside_its_id_survives_storage():
    document = {
        "@id": "d1",
        "@type": "Dataset",
        "id": "other",
        "hasPolicy": [
            {"@id": "o1", "@type": "Offer", "id": "other", "permission": [{"action": "use"}]}
        ],
        "distribution": [
            {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "s1"}
        ],
    }
    dataset = Dataset.read(document)
    restored = Dataset.model_validate_json(dataset.model_dump_json())
    assert (restored.id, restored.offers[0].id) == ("d1", "o1")
    assert restored.to_wire() == document


def test_the_first_wrong_member_is_named():
    document = {"@id": "o1", "permission": [{"action": "use"}, {"action": 3}]}
    with pytest.raises(RemoteProtocolError, match="Offer is malformed at /permission/1/action: "):
        Offer.read(document)
    with pytest.raises(RemoteProtocolError, match="Offer is malformed at /@id: ") as caught:
        Offer.read({})
    assert caught.value.code == "message.malformed"


def test_the_canonical_form_is_that_of_rfc_8785():
    assert canonical({"b": [1.0, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()


def test_a_digest_does_not_depend_on_the_order():
    first = digest({"a": 1, "b": 2})
    assert first == digest({"b": 2, "a": 1})
    assert first == "sha256:43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.tuples(inner)
    ),
    max_leaves=12,
)


@given(JSON)
@example({"\U00010000": 1, "\uffff": 2})
@example(["\ud800"])
@example({1: "a name that is no text"})
@example([2**53 - 1, 2**53, {"a": b"bytes"}])
def test_the_fast_writer_agrees_with_the_careful_one(document: Any):
    try:
        expected = rfc8785.dumps(document)
    except (ValueError, TypeError, UnicodeError) as error:
        with pytest.raises(type(error)):
            canonical(document)
    else:
        assert canonical(document) == expected
