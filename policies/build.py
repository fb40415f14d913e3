"""Compile the policy sources into the WebAssembly module that the wheel carries.

::

    python policies/build.py              # write src/trustspace/policy/compiled/
    python policies/build.py --check      # rebuild and compare byte for byte
    python policies/build.py --opa PATH   # with this OPA instead of the one found

The module holds the paths of its sources, so the build runs inside ``policies/bundle``; it is then
byte-equal on every machine. The revision is the digest of the sources and stands in the manifest,
in ``data.trustspace.meta.revision`` and in ``compiled/policy.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
COMPILED = ROOT.parent / "src" / "trustspace" / "policy" / "compiled"
ENTRYPOINTS = ("trustspace/v1/decide", "trustspace/v1/decide_many", "trustspace/v1/trace")
GENERATED = {"bundle/.manifest", "bundle/trustspace/meta/data.json"}
"""Files that carry the revision and therefore cannot be part of it."""


def sources() -> dict[str, bytes]:
    """Return every file that makes the module, by its path under ``policies``."""
    found = [ROOT / "capabilities.json", *(ROOT / "bundle").rglob("*")]
    files = {path.relative_to(ROOT).as_posix(): path for path in found if path.is_file()}
    return {name: files[name].read_bytes() for name in sorted(files.keys() - GENERATED)}


def revision() -> str:
    """Return the digest of the sources: names and contents, independent of line order."""
    listing = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sources().items()
    )
    return "sha256:" + hashlib.sha256(listing.encode()).hexdigest()


def generated(digest: str) -> dict[Path, bytes]:
    """Return the source files that only repeat the revision."""
    manifest = {"rego_version": 1, "revision": digest, "roots": ["trustspace"]}
    return {
        ROOT / "bundle" / ".manifest": _json(manifest),
        ROOT / "bundle" / "trustspace" / "meta" / "data.json": _json({"revision": digest}),
    }


def compiled(opa: str, digest: str, version: str) -> dict[Path, bytes]:
    """Compile the bundle and return the files of the package's ``compiled`` folder."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bundle.tar.gz"
        flags = [flag for name in ENTRYPOINTS for flag in ("-e", name)]
        command = [opa, "build", "-b", ".", "-t", "wasm", "--capabilities"]
        subprocess.run(  # noqa: S603 - the OPA found on this machine, fixed arguments
            [*command, "../capabilities.json", *flags, "-o", str(target)],
            cwd=ROOT / "bundle",
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(target.read_bytes())) as bundle:
            module = _member(bundle, "/policy.wasm")
            data = _json(json.loads(_member(bundle, "/data.json")))
    tables = _evaluate(opa, "data.trustspace.points.tables")
    description = {
        "data": "sha256:" + hashlib.sha256(data).hexdigest(),
        "entrypoints": list(ENTRYPOINTS),
        "module": "sha256:" + hashlib.sha256(module).hexdigest(),
        "opa": version,
        "tables": tables,
        "source": digest,
    }
    return {
        COMPILED / "policy.wasm": module,
        COMPILED / "data.json": data,
        COMPILED / "policy.json": _json(description),
    }


def find_opa(given: str | None) -> str | None:
    """Return the OPA to use: the one given, ``$OPA``, in the path, or in Go's own folder."""
    candidates = (given, os.environ.get("OPA"), "opa", str(Path.home() / "go" / "bin" / "opa"))
    return next((found for name in candidates if name and (found := shutil.which(name))), None)


def stale(files: dict[Path, bytes]) -> list[Path]:
    """Return the files whose content on disk is not the one given."""
    return [path for path, content in files.items() if _content(path) != content]


def main(arguments: list[str] | None = None) -> int:
    """Build, or check that what is committed is what the sources make."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--opa", metavar="PATH", help="the OPA executable")
    options = parser.parse_args(arguments)
    digest = revision()
    files = generated(digest)
    opa = find_opa(options.opa)
    if options.check and stale(files):
        _say(*(f"stale: {path}" for path in stale(files)))
        return 1
    if opa is None:
        _say("not rebuilt: OPA is not installed")
        return 1 if os.environ.get("CI") == "true" or not options.check else 0
    if not options.check:
        _write(files)
    version = _recorded_version() if options.check else _version(opa)
    files = files | compiled(opa, digest, version)
    if options.check:
        _say(*(f"stale: {path}" for path in stale(files)))
        return 1 if stale(files) else 0
    _write(files)
    _say(f"built {digest}")
    return 0


def _member(bundle: tarfile.TarFile, name: str) -> bytes:
    file = bundle.extractfile(name)
    if file is None:
        raise SystemExit(f"the bundle holds no {name}")
    return file.read()


def _evaluate(opa: str, query: str) -> object:
    """Evaluate a query over the bundle, for what Python has to know of it."""
    command = [opa, "eval", "--format", "raw", "--data", "bundle", query]
    text = subprocess.run(  # noqa: S603 - the OPA found on this machine, fixed arguments
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return json.loads(text)


def _version(opa: str) -> str:
    text = subprocess.run(  # noqa: S603 - the OPA found on this machine, fixed arguments
        [opa, "version"], check=True, capture_output=True, text=True
    ).stdout
    match = re.search(r"^Version:\s*(\S+)", text, re.MULTILINE)
    return match[1] if match else "unknown"


def _recorded_version() -> str:
    """Return the OPA version on record: another release must give the same module."""
    content = _content(COMPILED / "policy.json")
    return str(json.loads(content)["opa"]) if content else "none"


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _json(document: object) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _write(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
