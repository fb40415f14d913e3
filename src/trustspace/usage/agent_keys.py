"""The participant's key with an agent: another program on this machine, which never gives it out.

What stands behind the agent is its owner's choice: a token that speaks PKCS#11, a key service of a
cloud, a password manager. It listens at a Unix socket and answers one JSON object a line::

    {"op": "current"}                                          {"key": "k1"}
    {"op": "wrap", "secret": B64, "context": B64}              {"key": "k1", "data": B64}
    {"op": "unwrap", "key": "k1", "data": B64, "context": B64} {"secret": B64}

or ``{"error": CODE}``, where the code is ``unknown-key`` for a key that is not there,
``not-authentic`` for something that was not wrapped with this context, anything else for a fault.
``examples/13_key_agent.py`` is such a program.

Example::

    store = SealedStore(folder, participant=did, keys=AgentKeys(Path("/run/keys.sock")))
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import socket
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from trustspace.errors import ConfigurationError, RemoteProtocolError
from trustspace.model.strict_json import loads
from trustspace.usage.key_provider import WrappedKey, missing, unwrappable

if TYPE_CHECKING:
    from pathlib import Path

DEADLINE: Final = timedelta(seconds=10)
"""A device that asks a person to press a button is not waited for longer."""
LONGEST_LINE: Final = 64 * 1024
HINT: Final = "start the agent, and let only your own user reach its socket"


class AgentKeys:
    """Keys that an agent holds.

    Args:
        path: The agent's Unix socket.
        deadline: Longest time for one answer.
    """

    def __init__(self, path: Path, *, deadline: timedelta = DEADLINE) -> None:
        self.path = path
        self._deadline = deadline

    @property
    def current(self) -> str:
        """Id of the key that wraps now; raises as `wrap`."""
        return self._text(self._ask({"op": "current"}), "key")

    def wrap(self, secret: bytes, *, context: bytes) -> WrappedKey:
        """Have a data key wrapped.

        Raises:
            ConfigurationError: The agent does not answer, or answers something else.
        """
        request = {"op": "wrap", "secret": _encode(secret), "context": _encode(context)}
        answer = self._ask(request)
        return WrappedKey(self._text(answer, "key"), self._bytes(answer, "data"))

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> bytes:
        """Have a data key unwrapped; raises as `KeyProvider.unwrap`."""
        request = {
            "op": "unwrap",
            "key": wrapped.key_id,
            "data": _encode(wrapped.data),
            "context": _encode(context),
        }
        answer = self._ask(request)
        match answer.get("error"):
            case "unknown-key":
                raise missing(wrapped.key_id)
            case "not-authentic":
                raise unwrappable(wrapped.key_id)
        return self._bytes(answer, "secret")

    def _ask(self, request: dict[str, str]) -> dict[str, Any]:
        try:
            self._refuse_strangers()
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(self._deadline.total_seconds())
                connection.connect(str(self.path))
                connection.sendall(json.dumps(request).encode() + b"\n")
                with connection.makefile("rb") as lines:
                    line = lines.readline(LONGEST_LINE)
        except OSError as error:
            raise ConfigurationError(
                f"the key agent at {self.path} does not answer: {error.strerror or error}",
                setting="keys",
                hint=HINT,
            ) from error
        try:
            answer = loads(line)
        except RemoteProtocolError:
            answer = None
        if not isinstance(answer, dict):
            raise self._fault("no object")
        return answer

    def _refuse_strangers(self) -> None:
        # Whoever listens there learns every data key.
        status = self.path.lstat()
        if not stat.S_ISSOCK(status.st_mode):
            raise self._fault("it is no socket")
        if status.st_uid not in (os.geteuid(), 0):
            raise self._fault("it belongs to another user of this machine")

    def _text(self, answer: dict[str, Any], name: str) -> str:
        value = answer.get(name)
        if not isinstance(value, str) or not value:
            # The agent's own code; never what it was asked to wrap.
            raise self._fault(f"no {name}, error {answer.get('error')!r:.80}")
        return value

    def _bytes(self, answer: dict[str, Any], name: str) -> bytes:
        try:
            return base64.b64decode(self._text(answer, name), validate=True)
        except (binascii.Error, ValueError):
            raise self._fault(f"a {name} that is no base64") from None

    def _fault(self, found: str) -> ConfigurationError:
        return ConfigurationError(
            f"the key agent at {self.path} is not one: {found}", setting="keys", hint=HINT
        )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
