"""Chunks that are kept on the disk: whole or not at all, and within a limit."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.stores.access import Access, CacheLimits, Retries
from napari_nx46.files.stores.disk_cache import DiskCache
from napari_nx46.files.stores.extents import Size
from napari_nx46.files.stores.kept import KeptValues

ANY = Size(2**20, exact=False)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_read_back(tmp_path):
    cache = DiskCache(tmp_path / "c", 2**20)
    assert cache.get("a", ANY) is None
    cache.put("a", b"content", '5 "tag"')
    kept = cache.get("a", ANY)
    assert (kept.content, kept.validator) == (b"content", '5 "tag"')
    assert 0 <= kept.age < 60
    os.utime(files_of(tmp_path)[0], (1, 1))
    assert cache.get("a", ANY).age > 10**9
    cache.confirm("a")
    assert cache.get("a", ANY).age < 60
    assert cache.get("a", Size(6)) is None  # more than there may be
    cache.remove("a")
    assert cache.get("a", ANY) is None


def test_what_has_no_version_or_is_too_large_is_not_kept(tmp_path):
    cache = DiskCache(tmp_path / "c", 1000)
    cache.put("a", b"content", "")
    cache.put("b", bytes(1001), "tag")
    assert files_of(tmp_path) == []


@given(place=st.integers(0, 10**6), value=st.integers(1, 255), cut=st.booleans())
def test_damaged_entries_count_as_missing(tmp_path_factory, place, value, cut):
    folder = tmp_path_factory.mktemp("cache")
    cache = DiskCache(folder, 2**20)
    cache.put("a", b"content", "tag")
    (file,) = files_of(folder)
    content = bytearray(file.read_bytes())
    if cut:
        del content[place % len(content) :]
    else:
        content[place % len(content)] ^= value
    file.write_bytes(content)
    assert cache.get("a", ANY) is None


def test_the_oldest_are_removed(tmp_path):
    cache = DiskCache(tmp_path / "c", 2000)
    for number in range(3):
        cache.put(str(number), bytes([number]) * 500, "tag")
    for file in files_of(tmp_path):
        number = file.read_bytes()[-1]
        os.utime(file, (number + 1, number + 1))
    cache.get("0", ANY)  # used now
    cache.put("3", bytes(500), "tag")
    there = [number for number in range(4) if cache.get(str(number), ANY) is not None]
    assert there == [0, 2, 3]
    assert sum(file.stat().st_size for file in files_of(tmp_path)) <= 2000


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").touch()
    cache = DiskCache(tmp_path / "file" / "c", 2**20)
    cache.put("a", b"content", "tag")
    assert cache.get("a", ANY) is None


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 3000))
def test_values_are_kept_within_a_limit_the_last_used_longest(asked, limit):
    kept = KeptValues(limit, len)
    made = []
    order = []
    for number in asked:
        before = len(made)
        found = kept.get(number, lambda number=number: made.append(number) or bytes(100 * number))
        assert len(found) == 100 * number
        size = 256 + 100 * number
        assert (number in order) == (len(made) == before)
        if number in order:
            order.remove(number)
        if size <= limit:
            order.append(number)
        while sum(256 + 100 * one for one in order) > limit:
            order.pop(0)
        assert kept.nbytes == sum(256 + 100 * one for one in order) <= limit


def test_what_fails_is_not_kept():
    kept = KeptValues(1000, len)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: b"1") == b"1"
    kept.clear()
    assert kept.nbytes == 0


def test_limits_come_from_the_environment(tmp_path):
    usual = CacheLimits()
    assert CacheLimits.of_environment({}) == usual
    given = {
        "NX46_CACHE_MEMORY": "0.5",
        "NX46_CACHE_DISK": "0",
        "NX46_CACHE_DIR": str(tmp_path),
    }
    assert CacheLimits.of_environment(given) == CacheLimits(2**29, 0, tmp_path)
    assert CacheLimits.of_environment(given).place == tmp_path
    assert usual.place.name == "chunks"
    for text in ("-1", "much", "nan", "1e9"):
        with pytest.raises(ValueError, match=r"NX46_CACHE_DISK: found .*expected a number of GiB"):
            CacheLimits.of_environment({"NX46_CACHE_DISK": text})


def test_waits_grow_up_to_the_longest():
    waits = [Retries().wait(failures) for failures in range(1, 10)]
    assert waits[:3] == [0.1, 0.2, 0.4]
    assert waits == sorted(waits)
    assert waits[-1] == 10.0


def test_a_server_is_the_one_given_else_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("NX46_S3_ENDPOINT", raising=False)
    assert Access().server is None
    monkeypatch.setenv("NX46_S3_ENDPOINT", "http://here")
    assert Access().server == "http://here"
    assert Access("http://there").server == "http://there"


def test_tries_and_timeout_come_from_the_environment():
    assert Retries.of_environment({}) == Retries()
    given = {"NX46_TRIES": "3", "NX46_TIMEOUT": "0.5"}
    assert Retries.of_environment(given) == Retries(tries=3, timeout=0.5)
    for name in given:
        for text in ("0", "many", "nan"):
            with pytest.raises(ValueError, match=f"{name}: found .*expected a number of"):
                Retries.of_environment({name: text})
