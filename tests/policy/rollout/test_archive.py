"""Archives of rule modules: the same bytes every time, and nothing odd comes in."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from trustspace.errors import PolicyError
from trustspace.policy.rollout.archive import MAX_BYTES, MAX_FILES, read_archive, write_archive

FILES = {".manifest": b"{}", "a/b.rego": b"package a.b", "policy.wasm": bytes(range(256))}


def packed(*members: tarfile.TarInfo) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return gzip.compress(raw.getvalue())


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def code_of(content: bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        read_archive(content)
    return caught.value.code


def test_round_trip():
    content = write_archive(FILES)
    assert read_archive(content) == FILES
    assert write_archive(dict(reversed(FILES.items()))) == content


def test_names_as_opa_writes_them():
    content = packed(
        member("./", tarfile.DIRTYPE), member("/a", tarfile.DIRTYPE), member("/a/b"), member("./c")
    )
    assert read_archive(content) == {"a/b": b"", "c": b""}


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "a//b", "a\\b", "a/./b", "a\nb", "/"], ids=repr
)
def test_odd_names(name: str):
    assert code_of(packed(member(name))) == "module.malformed"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file(kind: bytes):
    assert code_of(packed(member("a", kind))) == "module.malformed"


def test_name_twice():
    assert code_of(packed(member("a"), member("/a"))) == "module.malformed"


def test_cut_off_or_no_archive():
    content = write_archive(FILES)
    for broken in (b"", b"PK", content[:-1], content[: len(content) // 2], content + b"x"):
        assert code_of(broken) == "module.truncated"
    assert code_of(gzip.compress(b"no archive of any kind" * 100)) == "module.truncated"


def test_too_much():
    assert code_of(gzip.compress(bytes(MAX_BYTES + 1))) == "module.too_large"
    assert code_of(packed(*(member(f"f{n}") for n in range(MAX_FILES + 1)))) == "module.too_large"
