"""The compiled policy that ships with the package, and the check that its parts belong together.

``python policies/build.py`` writes three files into ``compiled/``: the module, the base data and a
description with the digests of both and of the sources. The digest of the sources is the revision
that every request and every decision carries.

Example::

    CompiledPolicy.shipped().revision()   # 'sha256:…'
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from trustspace.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Description(BaseModel):
    """``policy.json``: what the build wrote about the module."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: str
    module: str
    data: str
    opa: str
    entrypoints: tuple[str, ...]
    tables: dict[str, Any]
    operands: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompiledPolicy:
    """A compiled policy: module, base data and their description, as the build wrote them.

    Attributes:
        module: ``policy.wasm``.
        data: ``data.json``, the base documents.
        description: ``policy.json`` with the digests of both and of the sources.
    """

    ENTRYPOINTS: ClassVar[tuple[str, ...]] = (
        "trustspace/v1/decide",
        "trustspace/v1/decide_many",
        "trustspace/v1/trace",
    )

    module: bytes
    data: bytes
    description: bytes

    @classmethod
    def of(cls, module: bytes, data: bytes, *, source: str) -> Self:
        """Return a policy of another build, described as the build would.

        Args:
            module: OPA's WebAssembly output.
            data: Base documents; ``data.trustspace.meta.revision`` has to be ``source``.
            source: Digest of the sources.
        """
        return cls.built(module, data, source=source, opa="unknown", tables={}, operands=())

    @classmethod
    def built(
        cls,
        module: bytes,
        data: bytes,
        *,
        source: str,
        opa: str,
        tables: Mapping[str, Any],
        operands: tuple[str, ...],
    ) -> Self:
        """Return a policy with the description that belongs to it.

        Args:
            module: As for `of`.
            data: As for `of`.
            source: As for `of`.
            opa: Version of the OPA that compiled it.
            tables: What Python has to know of the rules, ``data.trustspace.points.tables``.
            operands: As for `operands`.
        """
        description = {
            "data": _digest(data),
            "entrypoints": list(cls.ENTRYPOINTS),
            "module": _digest(module),
            "opa": opa,
            "operands": list(operands),
            "source": source,
            "tables": dict(tables),
        }
        text = json.dumps(description, sort_keys=True, indent=1, ensure_ascii=False)
        return cls(module, data, f"{text}\n".encode())

    @classmethod
    def shipped(cls) -> Self:
        """Return the policy that comes with the package."""
        folder = files("trustspace.policy") / "compiled"
        return cls(
            module=(folder / "policy.wasm").read_bytes(),
            data=(folder / "data.json").read_bytes(),
            description=(folder / "policy.json").read_bytes(),
        )

    @property
    def operands(self) -> tuple[str, ...]:
        """Left operands that the rules of a site know beside those of the core.

        Raises:
            ConfigurationError: The description cannot be read.
        """
        return self._described().operands

    def _described(self) -> _Description:
        try:
            return _Description.model_validate_json(self.description)
        except ValidationError as error:
            raise unusable("its description cannot be read") from error

    def revision(self) -> str:
        """Return the digest of the sources, after checking that the parts belong together.

        Raises:
            ConfigurationError: A part is missing, truncated or from another build.
        """
        description = self._described()
        for name, content in (("module", self.module), ("data", self.data)):
            if getattr(description, name) != _digest(content):
                raise unusable(f"the {name} is not the one its description names")
        return description.source


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def unusable(why: str) -> ConfigurationError:
    """Return the error for a compiled policy that no engine can use."""
    return ConfigurationError(
        f"the compiled policy cannot be used: {why}",
        setting="policy",
        hint="reinstall trustspace, or build the policy again",
    )
