"""A page of a catalogue as it is answered: document, entity tag, links to its neighbours.

Example::

    return CatalogPage(document, '"5f3a…"', (("next", url),)).response()
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import JSONResponse, Response

_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True)
class CatalogPage:
    """An answer about what is offered.

    Attributes:
        document: As it goes on the wire; None when the requester has it already.
        etag: Its strong entity tag.
        links: URLs of its neighbours, by relation.
    """

    document: dict[str, Any] | None
    etag: str
    links: tuple[tuple[str, str], ...] = ()

    def response(self) -> Response:
        """Return it as HTTP has it: paging in ``Link`` headers, 304 for what is known."""
        headers = {"ETag": self.etag, "Cache-Control": "private, no-cache"}
        if self.document is None:
            return Response(status_code=304, headers=headers)
        response = JSONResponse(self.document, headers=headers)
        for name, url in self.links:
            response.headers.append("Link", f'<{url}>; rel="{name}"')
        return response


def is_known(etag: str, header: str | None) -> bool:
    """Say whether an ``If-None-Match`` header names a tag (RFC 9110, section 13.1.2)."""
    return header is not None and (header.strip() == "*" or etag in _TAG.findall(header))
