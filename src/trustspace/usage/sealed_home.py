"""The part of a connector's home in which everything lies that was delivered to its participants.

::

    HOME/keys/<name>.sealing    the participant's key, unless `sealing.keys` names another place
    HOME/sealed/<name>/         what was delivered (`trustspace.usage.sealed_folder`)

The connector, the SDK on the same machine and the command line use the same folder, so that
whichever of them deletes reaches everything. Nothing here needs the connector's extra.

Example::

    home = SealedHome(Path("bank-home"))
    with home.store("main", participant="did:web:bank.example") as store:
        ...
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trustspace.errors import ConfigurationError, IntegrityError, NotFoundError
from trustspace.usage.agent_keys import AgentKeys
from trustspace.usage.environment_keys import EnvironmentKeys
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.key_record import KeyRecord
from trustspace.usage.private_file import read_private
from trustspace.usage.sealed_folder import KEY_NAME, SealedFolder
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from trustspace.usage.key_provider import KeyProvider
    from trustspace.usage.leased_keys import LeasedKeys

SETTINGS_NAME: Final = "trustspace.toml"
VARIABLE: Final = "TRUSTSPACE_SEALING__KEYS"
"""The setting's name in the environment, where it wins."""


class SealedHome:
    """What was delivered to the participants of a home.

    Args:
        path: The home.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> tuple[str, ...]:
        """Return the names of the participants that have a key in a file, or anything sealed."""
        files = (file.stem for file in self.path.glob("keys/*.sealing"))
        folders = (folder.name for folder in self.path.glob("sealed/*") if folder.is_dir())
        return tuple(sorted({*files, *folders}))

    def keys(self, name: str) -> KeyProvider:
        """Return where a participant's key is.

        Raises:
            ConfigurationError: The setting is wrong, or the environment holds no key.
        """
        setting = self._setting()
        if setting == "file":
            return FileKeys(self.path / "keys" / f"{name}.sealing")
        if setting == "environment":
            return EnvironmentKeys()
        kind, _, place = setting.partition(":")
        if kind != "agent" or not place:
            raise ConfigurationError(
                f"sealing.keys is {setting!r}",
                setting="sealing.keys",
                hint="write file, environment, or agent: and the path of a socket",
            )
        return AgentKeys(Path(place))

    def store(
        self, name: str, *, participant: str | None = None, lent: LeasedKeys | None = None
    ) -> SealedStore:
        """Return what was delivered to a participant.

        Args:
            name: The participant's short name.
            participant: Its id; that of what lies there already without.
            lent: Keys that providers lend.

        Raises:
            ConfigurationError: The setting is wrong, or the environment holds no key.
        """
        folder = self.path / "sealed" / name
        return SealedStore(
            folder,
            participant=participant or _owner(folder),
            keys=self.keys(name),
            lent=lent,
        )

    def _setting(self) -> str:
        if given := os.environ.get(VARIABLE):
            return given
        try:
            settings = tomllib.loads((self.path / SETTINGS_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "file"
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{self.path / SETTINGS_NAME} cannot be read: {error}", setting=SETTINGS_NAME
            ) from error
        section = settings.get("sealing", {})
        return str(section.get("keys", "file") if isinstance(section, dict) else section)


def _owner(path: Path) -> str:
    """Return the participant of the first record that can be read; empty where there is none."""
    for folder in SealedFolder(path).each():
        try:
            record = KeyRecord.decode(read_private(folder / KEY_NAME, setting="sealed"))
        except (NotFoundError, IntegrityError):
            continue
        return record.participant
    return ""
