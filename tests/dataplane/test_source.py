from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trustspace.dataplane.source import FileSource, HttpSource, read_source
from trustspace.errors import ConfigurationError, IntegrityError

FRAME = pl.DataFrame({"id": [1, 2], "phone": ["138", None]})


def test_a_file_is_recorded_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "roses.bin"
    path.write_bytes(b"x" * 3_000_000)
    source = FileSource.at(path)
    assert source.path == str(path.resolve())
    assert source.size_bytes == 3_000_000
    assert source.sha256 == hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert source.modified_ns == path.stat().st_mtime_ns
    assert source.media_type == "application/octet-stream"
    assert source.forms == ("file",)
    assert source.columns == ()
    with source.open() as file:
        assert file.read_at(0, 3) == b"xxx"


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".parquet", "application/vnd.apache.parquet"),
        (".csv", "text/csv"),
        (".CSV", "text/csv"),
        (".jsonl", "application/jsonl"),
        (".ndjson", "application/x-ndjson"),
        (".arrow", "application/vnd.apache.arrow.file"),
    ],
)
def test_tables_are_known_by_their_suffix(tmp_path: Path, suffix: str, media_type: str) -> None:
    path = tmp_path / f"roses{suffix}"
    writers: dict[str, Callable[[Path], object]] = {
        ".parquet": FRAME.write_parquet,
        ".csv": FRAME.write_csv,
        ".arrow": FRAME.write_ipc,
    }
    writers.get(suffix.lower(), FRAME.write_ndjson)(path)
    source = FileSource.at(str(path))
    assert source.media_type == media_type
    assert source.forms == ("file", "table")
    assert source.columns == ("id", "phone")
    assert source.layout is not None
    assert source.layout.rows == 2


def test_what_its_suffix_promises_in_vain_is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "roses.parquet"
    path.write_bytes(b"not parquet at all")
    source = FileSource.at(path)
    assert source.media_type == "application/vnd.apache.parquet"
    assert source.forms == ("file",)


def test_a_link_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = tmp_path / "real" / "data"
    path.write_bytes(b"1")
    link = tmp_path / "link"
    link.symlink_to(path)
    source = FileSource.at(link)
    assert source.path == str(path.resolve())
    link.unlink()
    source.open().close()


def test_an_empty_file_can_be_published(tmp_path: Path) -> None:
    path = tmp_path / "nothing.csv"
    path.touch()
    source = FileSource.at(path)
    assert (source.size_bytes, source.forms) == (0, ("file",))


@pytest.mark.parametrize(
    "name", ["missing", "", "fifo", "folder", "/proc/self/environ", "/dev/zero", "a\0b"]
)
def test_what_is_no_regular_file_cannot_be_published(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        FileSource.at(tmp_path / name)
    assert caught.value.setting == "path"


def test_a_file_that_says_nothing_of_its_size_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trustspace.dataplane.published_file._VIRTUAL", ())
    with pytest.raises(IntegrityError, match="longer than it says"):
        FileSource.at("/proc/self/environ")


def test_a_changed_file_is_refused_before_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"one")
    source = FileSource.at(path)
    path.write_bytes(b"three")
    with pytest.raises(IntegrityError, match="changed since"):
        source.open()
    path.unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        source.open()


def test_sources_survive_the_store(tmp_path: Path) -> None:
    path = tmp_path / "roses.csv"
    FRAME.write_csv(path)
    for source in (FileSource.at(path), HttpSource.at("https://x.example/y?z=1")):
        document = source.to_document()
        assert read_source(document) == source
        assert isinstance(document["kind"], str)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "ftp"},
        {"kind": "file", "path": "/x"},
        {"kind": "http", "url": "https://x.example", "more": 1},
    ],
)
def test_other_documents_are_no_sources(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="stored source"):
        read_source(document)


def test_a_url_hides_what_is_the_provider_s() -> None:
    source = HttpSource.at(
        "https://intern.example/api", headers={"Authorization": "Bearer s3cret"}, media_type="a/b"
    )
    assert source.forms == ("file",)
    assert source.media_type == "a/b"
    assert "s3cret" not in repr(source)
    assert "intern" not in repr(source)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.example",
        "file:///etc/passwd",
        "https://",
        "https://user:password@x.example/",
        "https://x.example/#part",
        "https://x.example/a b",
        "https://x.example/\r\nX: y",
        "https://x.example/\n",
    ],
)
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpSource.at(url)
    assert caught.value.setting == "url"


@pytest.mark.parametrize(
    ("headers", "media_type", "setting"),
    [
        ({"X Y": "1"}, "a/b", "headers"),
        ({"X": "1\r\nY: 2"}, "a/b", "headers"),
        ({"X": "1\n"}, "a/b", "headers"),
        ({"X": ""}, "a/b", "headers"),
        ({"Host": "other.example"}, "a/b", "headers"),
        ({"Range": "bytes=0-1"}, "a/b", "headers"),
        ({}, "text/html; charset=utf-8", "media_type"),
        ({}, "text", "media_type"),
        ({}, "a/b\r\nX: y", "media_type"),
    ],
)
def test_malformed_headers_are_refused(
    headers: dict[str, str], media_type: str, setting: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpSource.at("https://x.example/", headers=headers, media_type=media_type)
    assert caught.value.setting == setting
    assert "Y: 2" not in str(caught.value)
