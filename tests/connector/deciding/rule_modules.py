"""Rule modules for tests: rules by hand, without OPA, signed or not."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.connector.party import Party

from trustspace.policy.bundle import CompiledPolicy
from trustspace.policy.rollout.archive import write_archive
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.signature import SIGNATURES, Signature, sign
from trustspace.policy.rollout.sources import Sources

KEY = ed25519.Ed25519PrivateKey.generate()
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def module(note: str = "one", *groups: object, wasm: bytes | None = None) -> RuleModule:
    """The shipped rules with a note, hence under another revision."""
    sources = dataclasses.replace(Sources.core(), own={"note": note})
    compiled = CompiledPolicy.of(
        CompiledPolicy.shipped().module if wasm is None else wasm,
        sources.data,
        source=sources.revision,
    )
    return RuleModule.assemble(sources, compiled, list(groups))


def signed(rules: RuleModule, serial: int, *, days: int = 30, scope: str = "") -> bytes:
    """An archive that is signed with `PRIVATE`."""
    now = datetime.now(UTC)
    about = Signature(serial, now - timedelta(days=60), now + timedelta(days=days), scope=scope)
    return write_archive({**rules.files, SIGNATURES: sign(rules.files, PRIVATE, about)})


def body(content: bytes) -> dict[str, str]:
    """A request's body with a module."""
    return {"module": base64.b64encode(content).decode()}


async def load(party: Party, content: bytes) -> tuple[int, dict[str, object]]:
    """Have a module loaded; return status and answer."""
    answer = await party.owner.put("/v1/policy", json=body(content))
    document: dict[str, object] = answer.json()
    return answer.status_code, document


def key_file(folder: Path) -> Path:
    """Write the public key."""
    file = folder / "author.pub"
    file.write_bytes(PUBLIC)
    return file
