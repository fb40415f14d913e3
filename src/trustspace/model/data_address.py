"""Where data is fetched or delivered (DSP 2025-1, "Transfer Process", DataAddress)."""

import builtins
from typing import Literal

from pydantic import Field

from trustspace.model.value import Value

HTTP_ENDPOINT_TYPE = "https://w3id.org/idsa/v4.1/HTTP"
"""Endpoint type of plain HTTP, the value that existing connectors send and expect."""


class EndpointProperty(Value):
    """One named string that the endpoint needs, for example ``authorization``."""

    type: Literal["EndpointProperty"] = Field(default="EndpointProperty", alias="@type")
    name: str
    value: str = Field(repr=False)


class DataAddress(Value):
    """An endpoint with its properties."""

    type: Literal["DataAddress"] = Field(default="DataAddress", alias="@type")
    endpoint_type: str = Field(alias="endpointType")
    endpoint: str | None = None
    properties: tuple[EndpointProperty, ...] = Field(default=(), alias="endpointProperties")

    @builtins.property
    def url(self) -> str | None:
        """The endpoint, where it has a member of its own or stands among the properties."""
        return self.endpoint or self.property("endpoint")

    def property(self, name: str) -> str | None:
        """Return the value of a property by its short name or the last segment of its IRI."""
        for entry in self.properties:
            if entry.name == name or entry.name.rsplit("/", 1)[-1] == name:
                return entry.value
        return None
