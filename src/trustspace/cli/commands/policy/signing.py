"""Signing and verifying files; apart from the commands, because it takes long to import."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trustspace.errors import ConfigurationError, PolicyError
from trustspace.policy.right_operand import seconds_of
from trustspace.policy.rollout.archive import read_archive, write_archive
from trustspace.policy.rollout.module import RuleModule
from trustspace.policy.rollout.signature import SIGNATURES, Signature, sign, verify

if TYPE_CHECKING:
    from pathlib import Path

    from trustspace.cli.commands.policy.sign import Stated
    from trustspace.cli.output import Output


def sign_file(
    paths: tuple[Path, Path], key: Path, expires: str, stated: Stated, output: Output
) -> None:
    """Sign a module and write it.

    Args:
        paths: Its file, and where to write it.
        key: File with the private key.
        expires: Until when it may be taken.
        stated: What else the signature says.
        output: Where to show.

    Raises:
        ConfigurationError: A file cannot be read, the key cannot be used, or the time is none.
        PolicyError: It is no module.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    bundle, to = paths
    serial = int(now.timestamp()) if stated.serial is None else stated.serial
    signature = Signature(
        serial,
        now,
        _until(expires, now),
        scope=stated.scope,
        key_id=stated.key_id,
        issuer=stated.issuer,
    )
    files = read_archive(read_bytes(bundle, "BUNDLE"))
    module = RuleModule.of_files(files)
    signed = files | {SIGNATURES: sign(files, read_bytes(key, "--key"), signature)}
    temporary = to.with_name(to.name + ".new")
    temporary.write_bytes(write_archive(signed))
    temporary.replace(to)
    _show(to, module, signature, "signed", output)


def verify_file(
    bundle: Path, key: Path, wanted: tuple[str, int, datetime | None], output: Output
) -> None:
    """Verify a module.

    Args:
        bundle: Its file.
        key: File with the public key.
        wanted: Scope, serial of the module before, and when.
        output: Where to show.

    Raises:
        ConfigurationError: A file cannot be read, or the key cannot be used.
        PolicyError: It is refused; the code says why.
    """
    scope, after, at = wanted
    now = datetime.now(UTC) if at is None else at
    files = read_archive(read_bytes(bundle, "BUNDLE"))
    signature = verify(
        files,
        read_bytes(key, "--key"),
        now=now if now.tzinfo else now.replace(tzinfo=UTC),
        scope=scope,
    )
    signature.require_after(after)
    _show(bundle, RuleModule.of_files(files), signature, "verified", output)


def read_bytes(path: Path, option: str) -> bytes:
    """Read a file that an option names.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", setting=option, hint="check the path"
        ) from error


def _until(text: str, now: datetime) -> datetime:
    try:
        if text.startswith("P"):
            return now + timedelta(seconds=seconds_of(text))
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, PolicyError) as error:
        raise ConfigurationError(
            f"{text!r} is no time", setting="--expires", hint="write 2027-01-01 or P90D"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _show(path: Path, module: RuleModule, signature: Signature, done: str, output: Output) -> None:
    told = {
        "file": str(path),
        "revision": module.revision,
        "digest": module.digest,
        "serial": signature.serial,
        "issued": signature.issued.isoformat(),
        "expires": signature.expires.isoformat(),
        "scope": signature.scope,
        "key_id": signature.key_id,
        "issuer": signature.issuer,
    }
    if output.json:
        output.document(told)
        return
    output.lines(
        f"{path}: {done}, revision {module.revision}",
        f"serial {signature.serial}, expires {signature.expires.isoformat()}"
        + (f", scope {signature.scope}" if signature.scope else ""),
    )
