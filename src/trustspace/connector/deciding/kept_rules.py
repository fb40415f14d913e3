"""Which rule module a home keeps: its file, what is remembered of it, and what it has to be.

The file lies in ``HOME/policy``; that it is the one in force is written in the database, in the hop
that notes the change. A serial is remembered beyond its module, so that going back to the shipped
rules opens no way for an older one.

Example::

    kept = recall(tx)
    module = RuleFiles(home).read(kept)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.rollout.archive import read_archive
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.refusal import refused
from trustspace.policy.rollout.signature import SIGNATURES, verify
from trustspace.store import HOST

if TYPE_CHECKING:
    from trustspace.connector.home import Home
    from trustspace.policy.rollout.signature import Signature
    from trustspace.store import Transaction

_KEY = "policy.module"


class Kept(BaseModel):
    """What is remembered of the rules in force.

    Attributes:
        digest: Digest of the module; empty for the shipped rules.
        serial: Highest serial of a signature so far; -1 when there was none.
        taken_at: When it was taken.
        expires: Until when its signature let it be taken; None when it is not signed.
        source: Digest of the file that the settings name, if it came from there.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    digest: str = ""
    serial: int = -1
    taken_at: datetime | None = None
    expires: datetime | None = None
    source: str = ""


@dataclass(frozen=True)
class Candidate:
    """A module that may be tried.

    Attributes:
        module: The module.
        signature: What its signature says; None where no key is set.
    """

    module: RuleModule
    signature: Signature | None

    @classmethod
    def of(cls, content: bytes, home: Home, kept: Kept, *, now: datetime) -> Candidate:
        """Check an archive.

        Args:
            content: The archive.
            home: Whose settings name the key and the scope.
            kept: The rules in force.
            now: Current time.

        Raises:
            PolicyError: It is refused; the code says why.
            ConfigurationError: The key that is set cannot be used.
        """
        settings = home.settings.policy
        files = read_archive(content)
        if not settings.verification_key:
            if SIGNATURES in files:
                raise refused("module.unverifiable")
            return cls(RuleModule.of_files(files), None)
        key = read_setting(home, "policy.verification_key", settings.verification_key)
        signature = verify(files, key, now=now, scope=settings.scope)
        module = RuleModule.of_files(files)
        is_same = module.digest == kept.digest
        signature.require_after(kept.serial if is_same else kept.serial + 1)
        return cls(module, signature)


class RuleFiles:
    """The modules in a home's folder."""

    def __init__(self, home: Home) -> None:
        self._folder = home.path / "policy"

    def read(self, kept: Kept) -> RuleModule | None:
        """Return the module in force; None for the shipped rules.

        Raises:
            ConfigurationError: The file is missing or was changed: without it more might be
                allowed than its owner wants.
        """
        if not kept.digest:
            return None
        path = self._folder / _name(kept.digest)
        try:
            module = RuleModule.read(path.read_bytes())
        except (OSError, PolicyError) as error:
            raise _lost(str(path), str(error)) from error
        if module.digest != kept.digest:
            raise _lost(str(path), "it is another module")
        return module

    def write(self, module: RuleModule) -> None:
        """Keep a module."""
        self._folder.mkdir(exist_ok=True, mode=0o700)
        path = self._folder / _name(module.digest)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(module.archive())
        temporary.replace(path)

    def forget_others(self, digest: str) -> None:
        """Remove every module but one."""
        for path in self._folder.glob("*.tar.gz"):
            if path.name != _name(digest):
                path.unlink(missing_ok=True)


def recall(tx: Transaction) -> Kept:
    """Return what is remembered of the rules in force."""
    text = tx.settings.get(HOST, _KEY)
    return Kept() if text is None else Kept.model_validate_json(text)


def remember(tx: Transaction, kept: Kept) -> None:
    """Write which rules are in force."""
    tx.settings.put(HOST, _KEY, kept.model_dump_json())


def read_setting(home: Home, name: str, path: str) -> bytes:
    """Read a file that a setting names, relative to the home.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return (home.path / path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", setting=name, hint="check the path"
        ) from error


def content_digest(content: bytes) -> str:
    """Return the digest of a file as it is."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _name(digest: str) -> str:
    return f"{digest.removeprefix('sha256:')}.tar.gz"


def _lost(path: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the rules in force cannot be read from {path}: {why}",
        setting="policy.module",
        hint="restore the file from your backup",
    )
