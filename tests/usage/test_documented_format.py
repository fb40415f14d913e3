"""The reference page is enough to read and to write a sealed file, without our code."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.usage.sealed_folder import KEY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.usage.conftest import Sealing

    from trustspace.usage.file_keys import FileKeys
    from trustspace.usage.sealed_store import SealedStore


def compact(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def data_key(folder: Path, keys: FileKeys) -> bytes:
    record = json.loads((folder / KEY_NAME).read_bytes())
    names = {name: record[name] for name in ("participant", "agreement", "id")}
    secret = base64.b64decode(json.loads(keys.path.read_bytes())["keys"][record["wrapped_by"]])
    wrapped = base64.b64decode(record["wrapped"])
    bound = compact({"purpose": "trustspace data key 1", **names})
    return AESGCM(secret).decrypt(wrapped[:12], wrapped[12:], bound)


def file_key(head: bytes, key: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    digest = hashlib.sha256(head).digest()
    info = b"trustspace sealed file 1" + digest
    return AESGCM(HKDF(SHA256(), 32, salt, info).derive(key)), digest


def read_by_the_book(path: Path, key: bytes) -> bytes:
    stored = path.read_bytes()
    assert stored[:8] == b"TSSEAL\0\1"
    end = 12 + int.from_bytes(stored[8:12])
    header = json.loads(stored[12:end])
    assert compact(header) == stored[12:end]
    aead, digest = file_key(stored[:end], key, bytes.fromhex(header["salt"]))
    footer = stored[-80:]
    magic, size, count, sha256 = struct.unpack(">8sQI32s", footer[:52])
    assert magic == b"TSSEND\0\1"
    assert footer[60:64] == b"\xff" * 4
    aead.decrypt(footer[52:64], footer[64:], digest + footer[:52])
    body, content = stored[end:-80], b""
    for index in range(count):
        chunk, body = body[: header["chunk"] + 28], body[header["chunk"] + 28 :]
        assert chunk[8:12] == index.to_bytes(4)
        bound = digest + index.to_bytes(8) + bytes([index == count - 1])
        content += aead.decrypt(chunk[:12], chunk[12:], bound)
    assert not body
    assert (len(content), hashlib.sha256(content).digest()) == (size, sha256)
    return content


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 200])
def test_ours_is_read_by_the_book(
    sealing: Sealing, store: SealedStore, keys: FileKeys, size: int
) -> None:
    content = os.urandom(size)
    path = sealing(content)
    assert path.name == hashlib.sha256(b"roses").hexdigest()[:32] + ".sealed"
    assert path.parent.name == hashlib.sha256(AGREEMENT.encode()).hexdigest()[:32]
    assert read_by_the_book(path, data_key(store.folder.of(AGREEMENT), keys)) == content


def test_what_is_written_by_the_book_is_read(
    sealing: Sealing, store: SealedStore, keys: FileKeys
) -> None:
    path = sealing(b"something else")
    salt, content = os.urandom(32), b"a rose is a rose is a rose"
    header = {
        "participant": BANK,
        "agreement": AGREEMENT,
        "object": "roses",
        "key": store.keys.record(AGREEMENT).id,
        "chunk": 10,
        "version": '"7"',
        "salt": salt.hex(),
    }
    head = b"TSSEAL\0\1" + len(compact(header)).to_bytes(4) + compact(header)
    aead, digest = file_key(head, data_key(store.folder.of(AGREEMENT), keys), salt)
    pieces = [content[at : at + 10] for at in range(0, len(content), 10)]
    for index, piece in enumerate(pieces):
        nonce = os.urandom(8) + index.to_bytes(4)
        bound = digest + index.to_bytes(8) + bytes([index == len(pieces) - 1])
        head += nonce + aead.encrypt(nonce, piece, bound)
    footer = struct.pack(
        ">8sQI32s", b"TSSEND\0\1", len(content), 3, hashlib.sha256(content).digest()
    )
    nonce = os.urandom(8) + b"\xff" * 4
    path.write_bytes(head + footer + nonce + aead.encrypt(nonce, b"", digest + footer))
    with store.reader(AGREEMENT, "roses") as file:
        assert (file.read(), file.version) == (content, '"7"')
