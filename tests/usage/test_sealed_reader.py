"""Reading any range; and never a wrong byte, whatever was done to the file."""

from __future__ import annotations

import io
import os
import threading
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from tests.usage.conftest import AGREEMENT, BANK

from trustspace.errors import IntegrityError, NotFoundError, PolicyDeniedError, TrustspaceError
from trustspace.usage.data_key import DataKey
from trustspace.usage.file_keys import FileKeys
from trustspace.usage.sealed_format import Identity
from trustspace.usage.sealed_reader import SealedReader, describe
from trustspace.usage.sealed_store import SealedStore

if TYPE_CHECKING:
    from pathlib import Path

    from tests.usage.conftest import Sealing

DATA = bytes(range(200))
WITH_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@WITH_FIXTURES
@given(
    st.integers(0, 220),
    st.integers(0, 220),
    st.sampled_from(["read_at", "seek", "readinto"]),
    st.sampled_from([1, 7, 32, 199, 200, 201]),
)
def test_any_range(
    sealing: Sealing, store: SealedStore, offset: int, size: int, way: str, chunk_bytes: int
) -> None:
    sealing(DATA, chunk_bytes=chunk_bytes)
    with store.reader(AGREEMENT, "roses") as file:
        if way == "read_at":
            found = file.read_at(offset, size)
        else:
            assert file.seek(offset) == offset
            if way == "seek":
                found = file.read(size)
            else:
                room = bytearray(size)
                found = bytes(room[: file.readinto(room)])
                found = bytes(room[: len(found)])
            assert file.tell() == offset + len(found)
    assert found == DATA[offset : offset + size]


def test_is_a_file(sealing: Sealing, store: SealedStore) -> None:
    sealing(DATA)
    with store.reader(AGREEMENT, "roses") as file:
        assert file.readable()
        assert file.seekable()
        assert not file.writable()
        assert (file.size_bytes, file.version) == (200, None)
        assert file.seek(-10, os.SEEK_END) == 190
        assert file.readall() == DATA[190:]
        assert file.seek(-5, os.SEEK_CUR) == 195
        assert file.read(None) == DATA[195:]
        assert file.read(1) == b""
        assert bytes(file.read_buffer()) == b""
        file.seek(10)
        assert bytes(file.read_buffer(20)) == DATA[10:30]
        assert bytes(file.read_buffer(None)) == DATA[30:]
        for wrong in ((-1, os.SEEK_SET), (-300, os.SEEK_END), (0, 9)):
            with pytest.raises(ValueError, match="position"):
                file.seek(*wrong)
        with pytest.raises(ValueError, match="range"):
            file.read_at(-1, 2)
        file.seek(0)
        assert io.BufferedReader(file).read(3) == DATA[:3]
    file.close()
    for use in (file.read, file.tell, lambda: file.seek(0), lambda: file.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_an_empty_object(sealing: Sealing, store: SealedStore) -> None:
    sealing(b"")
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read() == b""
        assert file.read_at(0, 10) == b""


def test_every_byte_matters(sealing: Sealing, store: SealedStore) -> None:
    path = sealing(DATA)
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(IntegrityError), store.reader(AGREEMENT, "roses") as file:
            file.read()


@WITH_FIXTURES
@given(st.data())
def test_no_change_gives_another_text(
    sealing: Sealing, store: SealedStore, data: st.DataObject
) -> None:
    path = sealing(DATA)
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    put = data.draw(st.one_of(st.binary(max_size=80), st.just(whole[start // 2 : end])))
    changed = whole[:start] + put + whole[end:]
    path.write_bytes(changed)
    if changed == whole:
        return
    position = data.draw(st.integers(0, 199))
    try:
        with store.reader(AGREEMENT, "roses") as file:
            # What is read from a chunk that nobody touched is right.
            assert file.read_at(position, 1) == DATA[position : position + 1]
            file.read()
    except IntegrityError:
        return
    pytest.fail("a changed file was read")


def test_chunks_in_another_order(sealing: Sealing, store: SealedStore) -> None:
    path = sealing(DATA)
    found = describe(path)
    assert found is not None
    whole, first, second = path.read_bytes(), found.layout.offset(0), found.layout.offset(1)
    size = second - first
    swapped = whole[second : second + size] + whole[first:second]
    path.write_bytes(whole[:first] + swapped + whole[second + size :])
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read_at(100, 10) == DATA[100:110]
        with pytest.raises(IntegrityError, match="order"):
            file.read_at(0, 1)


def test_cut_after_it_was_opened(sealing: Sealing, store: SealedStore) -> None:
    path = sealing(DATA)
    with store.reader(AGREEMENT, "roses") as file:
        os.truncate(path, path.stat().st_size - 120)
        with pytest.raises(IntegrityError, match="length"):
            file.read()


def test_files_of_others_do_not_open(sealing: Sealing, store: SealedStore) -> None:
    roses, tulips = sealing(DATA), sealing(DATA, "tulips")
    other = sealing(DATA, agreement="urn:uuid:a2")
    for source in (tulips, other):
        roses.write_bytes(source.read_bytes())
        with pytest.raises(IntegrityError, match="header"):
            store.reader(AGREEMENT, "roses")
    with pytest.raises(NotFoundError):
        store.reader(AGREEMENT, "lilies")


def test_another_participants_file_does_not_open(
    sealing: Sealing, store: SealedStore, tmp_path: Path
) -> None:
    roses = sealing(DATA)
    other = SealedStore(
        tmp_path / "other", participant="did:web:other", keys=FileKeys(tmp_path / "other.sealing")
    )
    with other.writer(AGREEMENT, "roses") as sink:
        sink.write(DATA)
        sink.commit()
    roses.write_bytes(other.folder.file_of(AGREEMENT, "roses").read_bytes())
    with pytest.raises(IntegrityError, match="header"):
        store.reader(AGREEMENT, "roses")


def test_another_key_does_not_open(sealing: Sealing, store: SealedStore) -> None:
    path, identity = sealing(DATA), Identity(BANK, AGREEMENT, "roses")
    right = store.keys.of(AGREEMENT)
    of_same_id = DataKey(right.id, AGREEMENT, bytearray(32))
    for key in (DataKey.generate(AGREEMENT), of_same_id):
        with pytest.raises(IntegrityError):
            SealedReader(path, identity, partial(_given, key))
    with SealedReader(path, identity, lambda _header: right) as file:
        right.clear()
        with pytest.raises(PolicyDeniedError):
            file.read(1)


def _given(key: DataKey, _header: object) -> DataKey:
    return key


def test_links_pipes_and_folders_are_not_opened(sealing: Sealing, store: SealedStore) -> None:
    path = sealing(DATA)
    moved = path.rename(path.with_name("moved"))
    for make in (lambda: path.symlink_to(moved), lambda: os.mkfifo(path), path.mkdir):
        make()
        with pytest.raises(IntegrityError, match="place"):
            store.reader(AGREEMENT, "roses")
        assert describe(path) is None
        path.rmdir() if path.is_dir() else path.unlink()


def test_many_readers_and_threads(store: SealedStore) -> None:
    data = os.urandom(300_000)
    with store.writer(AGREEMENT, "large", chunk_bytes=1000) as sink:
        sink.write(data)
        sink.commit()
    wrong: list[int] = []

    def work(file: SealedReader, seed: int) -> None:
        for step in range(200):
            offset = (seed * 7919 + step * 104_729) % 299_000
            if file.read_at(offset, 1500) != data[offset : offset + 1500]:
                wrong.append(offset)

    with store.reader(AGREEMENT, "large") as one, store.reader(AGREEMENT, "large") as two:
        threads = [
            threading.Thread(target=work, args=(file, seed))
            for seed, file in enumerate((one, one, two, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_where_nothing_reads_at_a_place(
    sealing: Sealing, store: SealedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing(DATA)
    monkeypatch.delattr(os, "preadv")
    monkeypatch.delattr(os, "pread")
    with store.reader(AGREEMENT, "roses") as file:
        assert file.read_at(50, 100) == DATA[50:150]
        file.close()
        with pytest.raises(ValueError, match="closed"):
            file.read_at(0, 1)


def test_in_a_forked_child(sealing: Sealing, store: SealedStore) -> None:
    sealing(DATA)
    with store.reader(AGREEMENT, "roses") as file:
        file.read(10)
        child = os.fork()
        if not child:
            os._exit(0 if file.read() == DATA[10:] else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert file.read() == DATA[10:]


def test_arrow_reads_a_row_group_without_the_rest(
    store: SealedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"n": list(range(50_000)), "name": [f"rose {n}" for n in range(50_000)]})
    with store.writer(AGREEMENT, "table") as sink:
        parquet.write_table(table, _Output(sink), row_group_size=5_000)
        sink.commit()
    with store.reader(AGREEMENT, "table") as file:
        stored = file._stored
        reads: list[int] = []

        def counted(room: bytearray, index: int, count: int) -> memoryview:
            reads.extend(range(index, index + count))
            return stored(room, index, count)

        monkeypatch.setattr(file, "_stored", counted)
        found = parquet.ParquetFile(file).read_row_group(7, columns=["n"])
        assert found["n"].to_pylist() == list(range(35_000, 40_000))
        assert len(set(reads)) < file._layout.chunks / 2


class _Output:
    closed = False

    def __init__(self, sink: object) -> None:
        self._sink = sink

    def write(self, data: bytes) -> int:
        return self._sink.write(data)  # type: ignore[attr-defined,no-any-return]

    def tell(self) -> int:
        return self._sink.offset  # type: ignore[attr-defined,no-any-return]


def test_errors_hold_no_content(sealing: Sealing, store: SealedStore) -> None:
    marker = b"canary-5a1b"
    path = sealing(marker * 20)
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        with pytest.raises(TrustspaceError) as caught, store.reader(AGREEMENT, "roses") as file:
            file.read()
        assert "canary" not in repr((caught.value.args, caught.value.hint, vars(caught.value)))
