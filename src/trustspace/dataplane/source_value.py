"""What every kind of source has in common, and the form of a provider's own URLs and headers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
"""RFC 9110, section 5.1."""

HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]{0,8190}[\x21-\x7e])?")
"""RFC 9110, section 5.5, without what is not ASCII."""

OURS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "range", "accept-encoding"}
)
"""Headers of a request that the HTTP client decides on."""


class SourceValue(BaseModel):
    """A source as a value that the store keeps as JSON."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    def to_document(self) -> dict[str, Any]:
        """Return the source as JSON, for `read_source`."""
        return self.model_dump(mode="json")


def check_url(url: str) -> None:
    """Check the form of a URL; whether it may be called is the egress guard's to say.

    Raises:
        ConfigurationError: It is malformed, or has a user, a password or a fragment.
    """
    if not re.fullmatch(r"https?://[^\s/?#@]+([/?][^\s#]*)?", url):
        raise ConfigurationError(
            "A source's URL is http(s)://host/path, without user, password and fragment",
            setting="url",
            hint="give credentials as headers",
        )


def check_headers(headers: Mapping[str, str]) -> None:
    """Check the headers that the provider sends to its own server.

    Raises:
        ConfigurationError: One is malformed, or the HTTP client's to decide on.
    """
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"A header is malformed: {name!r}", setting="headers")
        if name.lower() in OURS:
            raise ConfigurationError(f"The header {name} is not yours to set", setting="headers")
