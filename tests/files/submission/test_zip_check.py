"""Zip files that lie about what they hold are refused before anything is unpacked."""

from __future__ import annotations

import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

from napari_nx46.files.submission import zip_check
from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.submission.zip_check import ZipFault, open_zip
from napari_nx46.files.volumes.opening import VolumeError, open_volume


def zip_of(entries, *, end=None):
    """Return a zip file of entries: name, local header and data, place of the header, size."""
    body = b"".join(local for _, local, _, _, _ in entries)
    central = b"".join(
        struct.pack(
            "<4s6H3I5H2I",
            *(b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, packed, size, len(name), 0, 0, 0, 0, 0, place),
        )
        + name
        for name, _, place, packed, size in entries
    )
    tail = struct.pack(
        "<4s4H2IH", b"PK\5\6", 0, 0, len(entries), len(entries), len(central), len(body), 0
    )
    return body + central + (tail if end is None else end)


def local_header(name, packed, size, extra=0):
    return struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, packed, size, len(name), extra)


def deflated(content):
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(content) + engine.flush()


def quoted(members, size, suffix=b".tif"):
    """Return a zip file whose local headers hide each other and share one stream."""
    stream = deflated(bytes(size))
    names = [b"f%05d%b" % (number, suffix) for number in range(members)]
    step = 30 + len(names[0]) + 4
    entries = []
    for number, name in enumerate(names):
        hidden = (members - 1 - number) * step
        quote = min(hidden, 2**16 - 5)
        local = local_header(name, len(stream), size, quote + 4) + name
        local += struct.pack("<HH", 0x7A7A, quote)
        entries.append((name, local, number * step, len(stream), size))
    name, local, place, packed, size = entries[-1]
    entries[-1] = (name, local + stream, place, packed, size)
    return zip_of(entries)


def shared(members, size, suffix=b".tif"):
    """Return a zip file whose table of contents lists one member again and again."""
    stream = deflated(bytes(size))
    names = [b"f%05d%b" % (number, suffix) for number in range(members)]
    local = local_header(names[0], len(stream), size) + names[0] + stream
    return zip_of(
        [
            (name, b"" if number else local, 0, len(stream), size)
            for number, name in enumerate(names)
        ]
    )


@pytest.mark.parametrize("suffix", [b".tif", b".npy"])
@pytest.mark.parametrize("make", [quoted, shared])
def test_members_that_overlap_are_refused_at_once(tmp_path, make, suffix):
    path = tmp_path / "a.zip"
    path.write_bytes(make(1400, 2**22, suffix))
    start = time.perf_counter()
    with pytest.raises(ZipFault, match="overlap"), open_zip(path):
        pass
    report = validate_submission(path)
    assert [found.code for found in report.errors] == ["not-a-zip"]
    assert "overlap" in report.errors[0].message
    (tmp_path / "a.npz").write_bytes(path.read_bytes())
    with pytest.raises(VolumeError, match="overlap"):
        open_volume(tmp_path / "a.npz")
    assert time.perf_counter() - start < 5


def test_sizes_that_are_too_large_together_are_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.tif", bytes(1000))
    monkeypatch.setattr(zip_check, "MAX_UNPACKED_BYTES", 4000)
    with open_zip(tmp_path / "a.zip") as archive:
        assert len(archive.infolist()) == 4
    monkeypatch.setattr(zip_check, "MAX_UNPACKED_BYTES", 3999)
    with pytest.raises(ZipFault, match="4000 bytes declared"), open_zip(tmp_path / "a.zip"):
        pass


@pytest.mark.parametrize("place", [5, 2**31, 2**32 - 2])
def test_a_member_without_a_local_header_is_refused(tmp_path, place):
    local = local_header(b"1.tif", 2, 0) + b"1.tif" + deflated(b"")
    (tmp_path / "a.zip").write_bytes(zip_of([(b"1.tif", local, place, 2, 0)]))
    with pytest.raises(ZipFault, match="header"), open_zip(tmp_path / "a.zip"):
        pass


def test_a_member_that_reaches_into_the_table_of_contents_is_refused(tmp_path):
    local = local_header(b"1.tif", 2, 0) + b"1.tif" + deflated(b"")
    (tmp_path / "a.zip").write_bytes(zip_of([(b"1.tif", local, 0, 20, 0)]))
    with pytest.raises(ZipFault, match="beyond the data"), open_zip(tmp_path / "a.zip"):
        pass


def test_honest_files_are_read_whatever_their_features(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"something before the archive")
    with zipfile.ZipFile(path, "a") as archive:
        for number, force_zip64 in enumerate((False, True)):
            with archive.open(f"{number}.tif", "w", force_zip64=force_zip64) as member:
                member.write(b"content")
        archive.comment = b"a comment"
    with open_zip(path) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [b"content"] * 2
    volume = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", probabilities=volume)
        np.testing.assert_array_equal(open_volume(tmp_path / "a.npz").read(), volume[-1])


def test_a_member_that_is_no_tiff_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.tif", bytes(2**27))
    read = []
    opened = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile, "read", lambda self, size: read.append(size) or opened(self, size)
    )
    report = validate_submission(tmp_path / "a.zip")
    assert [found.code for found in report.errors] == ["not-tiff"]
    assert sum(read) < 2**22
