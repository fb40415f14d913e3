"""A home: the folder that holds one connector's settings, keys, token and database.

::

    HOME/trustspace.toml      settings
    HOME/keys/<name>.pem      Ed25519 key of each participant, PKCS#8, mode 0600
    HOME/keys/<name>.sealing  key that the data keys of its agreements are wrapped by, mode 0600
    HOME/sealed/<name>/       what was delivered to it, sealed (`trustspace.usage.sealed_folder`)
    HOME/management.token     bearer token of the management API, mode 0600 (its hash is stored)
    HOME/trustspace.db        SQLite database
    HOME/running.json         written by a running server: where its listeners are

Without a public URL the home is a *development home*: plain http on loopback.

Example::

    home = init_home(Path("garden-home"), name="garden")
    home.id  # 'did:web:localhost%3A41234:garden'
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trustspace.connector.settings import Settings
from trustspace.errors import ConfigurationError
from trustspace.identity.did import did_web
from trustspace.identity.keys import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Home:
    """A connector's folder and what it says about itself.

    Attributes:
        path: The folder.
        name: Name of its first participant.
        settings: Settings as loaded.
    """

    path: Path
    name: str
    settings: Settings

    @property
    def address(self) -> str:
        """Root URL under which others reach this connector."""
        return self.settings.public_url

    @property
    def id(self) -> str:
        """Id of the first participant: its DID, unless the settings give another."""
        return self.settings.participant_id or participant_did(self.address, self.name)

    @property
    def management_url(self) -> str:
        """URL of the management API."""
        return f"http://{self.settings.management.host}:{self.settings.management.port}"

    @property
    def development(self) -> bool:
        """Whether plain http on loopback is allowed."""
        return self.settings.development

    @property
    def token_file(self) -> Path:
        """File with the management token."""
        return self.path / "management.token"

    @property
    def running_file(self) -> Path:
        """File in which a running server says where it listens."""
        return self.path / "running.json"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.settings.database or f"sqlite:///{self.path / 'trustspace.db'}"

    def key_file(self, name: str) -> Path:
        """Return the file with a participant's key."""
        return self.path / "keys" / f"{name}.pem"

    def management_token(self) -> str:
        """Read the management token.

        Raises:
            ConfigurationError: The token file is missing.
        """
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"{self.token_file} is missing, so nobody could manage the connector",
                setting="management.token",
                hint=f"create it anew with: trustspace init {self.path}",
            ) from error

    def signing_key(self, name: str) -> SigningKey:
        """Read a participant's private key.

        Raises:
            ConfigurationError: The key file is missing.
        """
        path = self.key_file(name)
        try:
            return SigningKey.from_pem(path.read_bytes())
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"the key of participant {name!r} is missing: {path}",
                setting="keys",
                hint="restore the key file from your backup; a new key is a new identity",
            ) from error

    def create_key(self, name: str) -> None:
        """Make a participant's key unless it has one."""
        path = self.key_file(name)
        if not path.exists():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            _write_new(path, SigningKey.generate().to_pem(), mode=0o600)


def participant_did(address: str, name: str) -> str:
    """Return the DID of a participant hosted under a root URL."""
    parts = urlsplit(address)
    segments = [part for part in parts.path.split("/") if part]
    return did_web(parts.hostname or "", parts.port, *segments, name)


def init_home(
    path: Path, *, name: str | None = None, public_url: str | None = None, port: int | None = None
) -> Home:
    """Create a home, or complete and return an existing one; never overwrites anything.

    Args:
        path: Folder to create.
        name: Short name of its participant; an existing home's by default, else ``main``.
        public_url: Root URL under which others reach it; without one it is a development home.
        port: Port of the public listener; a free one by default, chosen once.

    Raises:
        ConfigurationError: The name or URL cannot be used, or contradicts the existing home.
    """
    if name is not None and not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not a participant name",
            setting="name",
            hint="use lower-case letters, digits and hyphens, at most 63",
        )
    path = path.resolve()
    settings_file = path / "trustspace.toml"
    if settings_file.exists():
        home = open_home(path)
        _refuse_contradiction(home, name=name, public_url=public_url, port=port)
    else:
        (path / "keys").mkdir(parents=True, exist_ok=True, mode=0o700)
        name = name or "main"
        _write_new(settings_file, _settings_text(name, public_url, port), mode=0o644)
        home = open_home(path)
    home.create_key(home.name)
    if not home.token_file.exists():
        _write_new(home.token_file, secrets.token_urlsafe(32) + "\n", mode=0o600)
    return home


def open_home(path: Path) -> Home:
    """Open an existing home.

    Raises:
        ConfigurationError: There is no home, or its settings are wrong.
    """
    path = path.resolve()
    settings = Settings.load(path / "trustspace.toml")
    if not settings.public_url:
        raise ConfigurationError(
            "public_url is not set", setting="public_url", hint="set it in trustspace.toml"
        )
    return Home(path=path, name=settings.participant, settings=settings)


def write_running(home: Home, *, management_url: str) -> None:
    """Say in the home where the running server listens."""
    text = json.dumps(
        {"management_url": management_url, "address": home.address, "pid": os.getpid()}
    )
    temporary = home.running_file.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(home.running_file)


def free_ports(count: int) -> list[int]:
    """Return distinct TCP ports that are free on loopback now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _refuse_contradiction(
    home: Home, *, name: str | None, public_url: str | None, port: int | None
) -> None:
    for setting, asked, found in (
        ("name", name, home.name),
        ("public_url", public_url and public_url.rstrip("/"), home.address),
        ("port", port, home.settings.listen.port),
    ):
        if asked is not None and asked != found:
            raise ConfigurationError(
                f"{home.path} exists with {setting} {found!r}, not {asked!r}",
                setting=setting,
                hint="edit trustspace.toml, or choose another folder",
            )


def _settings_text(name: str, public_url: str | None, port: int | None) -> str:
    development = public_url is None
    if public_url is not None:
        parts = urlsplit(public_url)
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
            raise ConfigurationError(
                f"{public_url!r} cannot be a public URL",
                setting="public_url",
                hint="give an https URL such as https://provider.example, or none to try it out",
            )
    ports = free_ports(2)
    port = ports[0] if port is None else port
    public_url = f"http://localhost:{port}" if public_url is None else public_url.rstrip("/")
    return (
        f'participant = "{name}"\n'
        f'public_url = "{public_url}"\n'
        f"development = {'true' if development else 'false'}\n\n"
        f'[listen]\nhost = "127.0.0.1"\nport = {port}\n\n'
        f'[management]\nhost = "127.0.0.1"\nport = {ports[1]}\n'
    )


def _write_new(path: Path, content: str | bytes, *, mode: int) -> None:
    """Write a file that must not exist yet, complete or not at all."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
