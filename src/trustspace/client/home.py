"""Where the connector of a home listens, and with which token it is spoken to.

Example::

    running = RunningConnector.of_home(Path("garden-home"))
    running.url  # 'http://127.0.0.1:41235'
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from trustspace.errors import ConfigurationError, TransportError


@dataclass(frozen=True, slots=True)
class RunningConnector:
    """A connector that runs on this machine.

    Attributes:
        url: Its management URL.
        token: Its management token; a secret.
        start_hint: The command that starts it again.
    """

    url: str
    token: str = field(repr=False)
    start_hint: str = ""

    @classmethod
    def of_home(cls, home: str | os.PathLike[str]) -> RunningConnector:
        """Find the running connector of a home.

        Raises:
            ConfigurationError: The folder is no home, or its token is not ours to read.
            TransportError: Its connector does not run; the hint is the command that starts it.
        """
        folder = Path(home)
        hint = f"start it: trustspace serve --home {folder}"
        try:
            token = (folder / "management.token").read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            msg = f"{folder} is not the home of a connector"
            made = f"make it: trustspace init {folder}"
            raise ConfigurationError(msg, setting="home", hint=made) from error
        except OSError as error:
            msg = f"{folder / 'management.token'} cannot be read: {error.strerror}"
            raise ConfigurationError(msg, setting="home", hint="run as its owner") from error
        try:
            told = json.loads((folder / "running.json").read_bytes())
            url, pid = str(told["management_url"]), int(told["pid"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"the connector of {folder} does not run"
            raise TransportError(msg, retryable=True, hint=hint) from error
        if not _is_alive(pid):
            msg = f"the connector of {folder} does not run any more; process {pid} is gone"
            raise TransportError(msg, retryable=True, hint=hint)
        return cls(url=url, token=token, start_hint=hint)


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # there, signal 0 is Ctrl-C and would stop it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
