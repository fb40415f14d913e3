"""Where data is."""

from trustspace.model.data_address import HTTP_ENDPOINT_TYPE, DataAddress, EndpointProperty

HIDDEN = "token-that-must-not-be-shown"


def address(*names: str) -> DataAddress:
    return DataAddress(
        endpoint_type=HTTP_ENDPOINT_TYPE,
        endpoint="https://provider.example/data",
        properties=tuple(EndpointProperty(name=name, value=HIDDEN) for name in names),
    )


def test_properties_are_found_by_short_name_or_last_segment():
    edc = "https://w3id.org/edc/v0.0.1/ns/authorization"
    assert address("authType", "authorization").property("authorization") == HIDDEN
    assert address(edc).property("authorization") == HIDDEN
    assert address(edc).property(edc) == HIDDEN
    assert address(edc).property("author") is None
    assert address().property("authorization") is None


def test_the_wire_form():
    assert address("authorization").to_wire() == {
        "@type": "DataAddress",
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpoint": "https://provider.example/data",
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": "authorization", "value": HIDDEN}
        ],
    }
    assert "endpointProperties" not in address().to_wire()


def test_a_value_is_not_shown():
    assert HIDDEN not in repr(address("authorization"))
    assert HIDDEN not in str(address("authorization"))
