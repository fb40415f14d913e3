"""The sources of a rule module: the core's rules and a site's own, with the revision of both.

The revision is the digest of names and contents. Without rules of a site it is that of the rules
which ship with the package.

Example::

    sources = Sources.core().with_site({"acme.rego": text, "data.json": b"{}"})
    sources.revision  # 'sha256:…'
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from trustspace.errors import RemoteProtocolError
from trustspace.model import strict_json
from trustspace.policy.rollout.refusal import refused
from trustspace.policy.source_bundle import members, rules_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

DATA = "data.json"
MANIFEST = ".manifest"
CAPABILITIES = "capabilities.json"

_CORE = "trustspace/"
_SITE = "site/"


@dataclass(frozen=True)
class Sources:
    """Everything that a module is compiled from.

    Attributes:
        capabilities: The builtins that rules may use.
        rego: Files by their path in the module: ``trustspace/…`` of the core, ``site/…`` of a site.
        own: A site's own base data, which its rules read at ``data.trustspace.own``.
    """

    capabilities: bytes
    rego: Mapping[str, bytes]
    own: Json = field(default_factory=dict)

    @classmethod
    def core(cls) -> Self:
        """Return the sources that come with the package.

        Raises:
            ConfigurationError: They are not installed.
        """
        folder = rules_folder()
        rego = {name: data for name, data in members(folder) if name.endswith(".rego")}
        return cls((folder / ".." / CAPABILITIES).read_bytes(), rego)

    @classmethod
    def of_module(cls, files: Mapping[str, bytes]) -> Self:
        """Return the sources that a module holds.

        Raises:
            PolicyError: A file is missing or not JSON, code ``module.malformed``.
        """
        rego = {name: data for name, data in files.items() if name.endswith(".rego")}
        data = read_object(files, DATA).get("trustspace")
        own = data.get("own", {}) if isinstance(data, dict) else {}
        return cls(required(files, CAPABILITIES), rego, own)

    def with_site(self, files: Mapping[str, bytes]) -> Self:
        """Return these sources with the rules and the base data of a site.

        Args:
            files: Rego by name, tests among them left out, and ``data.json``.

        Raises:
            PolicyError: The base data is not an object of JSON, code ``module.malformed``.
        """
        added = {
            f"{_SITE}{name}": content
            for name, content in files.items()
            if name.endswith(".rego") and not name.endswith("_test.rego")
        }
        own = read_object(files, DATA) if DATA in files else {}
        return replace(self, rego={**self.rego, **added}, own=own)

    @property
    def site(self) -> dict[str, bytes]:
        """The Rego of the site."""
        return {name: data for name, data in self.rego.items() if name.startswith(_SITE)}

    @cached_property
    def revision(self) -> str:
        """Digest of names and contents, independent of their order."""
        named = {CAPABILITIES: self.capabilities}
        for name, content in self.rego.items():
            named[f"bundle/{name}" if name.startswith(_CORE) else name] = content
        if self.own:
            named[f"{_SITE}{DATA}"] = _json(self.own)
        lines = (f"{hashlib.sha256(named[name]).hexdigest()}  {name}\n" for name in sorted(named))
        return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def manifest(self) -> bytes:
        """OPA's description of the bundle."""
        return _json({"rego_version": 1, "revision": self.revision, "roots": ["trustspace"]})

    @property
    def data(self) -> bytes:
        """The base data."""
        own = {"own": self.own} if self.own else {}
        return _json({"trustspace": {"meta": {"revision": self.revision}, **own}})


def required(files: Mapping[str, bytes], name: str) -> bytes:
    """Return a file of a module.

    Raises:
        PolicyError: It is not there, code ``module.malformed``.
    """
    if name not in files:
        raise refused("module.malformed", location=name, what=f"it has no {name}")
    return files[name]


def read_object(files: Mapping[str, bytes], name: str) -> Json:
    """Return a file of a module as an object of JSON.

    Raises:
        PolicyError: It is not there or no such object, code ``module.malformed``.
    """
    try:
        document = strict_json.loads(required(files, name))
    except RemoteProtocolError as error:
        raise refused("module.malformed", location=name, what=f"{name}: {error}") from error
    if not isinstance(document, dict):
        raise refused("module.malformed", location=name, what=f"{name} is no object")
    return document


def _json(document: object) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()
