"""In whose name an operation runs, and how its paths and pages are built.

Example::

    info = client.drive(ParticipantOperations().participant())
    info.id  # 'did:web:localhost%3A41234:garden'
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from trustspace.client.exchange import Exchange, Request, call
from trustspace.client.values import ListPage, ParticipantInfo
from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from trustspace.model.value import JsonObject


class ParticipantOperations:
    """What every operation needs: the participant, paths under it, whole lists.

    Args:
        participant: Name of the participant; None means the only one the connector hosts.
    """

    def __init__(self, participant: str | None = None) -> None:
        self._name = participant
        self._info: ParticipantInfo | None = None

    def participant(self) -> Exchange[ParticipantInfo]:
        """Return the participant in whose name the operations run.

        Raises:
            NotFoundError: The connector hosts no participant of that name.
            ConfigurationError: None was named and the connector hosts several.
        """
        if self._info is None:
            if self._name is None:
                self._info = yield from self._only_participant()
            else:
                response = yield from call(Request("GET", f"participants/{_segment(self._name)}"))
                self._info = ParticipantInfo.read(response.document)
        return self._info

    def participants(self) -> Exchange[tuple[ParticipantInfo, ...]]:
        """Return every participant that the connector hosts."""
        response = yield from call(Request("GET", "participants"))
        page = ListPage.read(listed(response.document))
        return tuple(ParticipantInfo.read(item) for item in page.items)

    def host(self, name: str) -> Exchange[ParticipantInfo]:
        """Let the connector host another participant, with a key and a DID of its own.

        Args:
            name: Its short name, ``[a-z0-9][a-z0-9-]*``.

        Raises:
            ConflictError: It hosts one of that name.
        """
        response = yield from call(Request("POST", "participants", body={"name": name}))
        return ParticipantInfo.read(response.document)

    def _only_participant(self) -> Exchange[ParticipantInfo]:
        hosted = yield from self.participants()
        if len(hosted) != 1:
            names = ", ".join(info.name for info in hosted) or "none"
            msg = f"the connector hosts {len(hosted)} participants ({names}), not one"
            hint = "name one of them with participant= or --participant"
            raise ConfigurationError(msg, setting="participant", hint=hint)
        return hosted[0]

    def _path(self, *segments: str) -> Exchange[str]:
        info = yield from self.participant()
        return "/".join(("participants", _segment(info.name), *map(_segment, segments)))

    def _collect(self, kind: str, *, cursor: str = "cursor") -> Exchange[list[JsonObject]]:
        """Return every item of a list, page after page.

        Args:
            kind: Last segment of the list's path.
            cursor: Query parameter that takes a page's ``next``.
        """
        path = yield from self._path(kind)
        items: list[JsonObject] = []
        query: dict[str, str] = {}
        while True:
            response = yield from call(Request("GET", path, query=query))
            page = ListPage.read(listed(response.document))
            items += page.items
            if page.next is None:
                return items
            query = {cursor: page.next}


def listed(document: object) -> JsonObject:
    """Return a list as the page that it is; what is no list is left to be refused."""
    if isinstance(document, list):
        return {"items": document}
    return document if isinstance(document, dict) else {}


def _segment(text: str) -> str:
    return quote(text, safe="")
