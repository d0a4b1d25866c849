"""Writing archives and single masks, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission import mask_tiff as masks_module
from napari_nx46.files.submission.mask_tiff import Compression, MaskError, MaskValues
from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.submission.writing import (
    MaskStream,
    SubmissionError,
    write_archive,
    write_mask_file,
)
from napari_nx46.voxels.workers import Cancelled

SHAPE = (6, 10, 12)


def some_mask(seed=0, shape=SHAPE, density=0.1):
    return (np.random.default_rng(seed).random(shape) < density).astype(np.uint8)


def stream_of(image_id, mask, slab=2):
    def slabs():
        for z in range(0, len(mask), slab):
            yield mask[z : z + slab]

    return MaskStream(image_id, mask.shape, slabs)


def two_masks():
    return {"1407735": some_mask(1), "26002": some_mask(2, (4, 7, 5))}


def two_streams():
    return [stream_of(image_id, mask) for image_id, mask in two_masks().items()]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def read_archive(path):
    with zipfile.ZipFile(path) as archive:
        return {
            name: tifffile.imread(io.BytesIO(archive.read(name))) for name in archive.namelist()
        }


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("profile", list(MaskValues))
def test_an_archive_holds_each_mask_voxel_for_voxel(tmp_path, compression, profile):
    target = tmp_path / "submission.zip"
    result = write_archive(target, two_streams(), compression=compression, profile=profile)
    found = read_archive(target)
    assert list(found) == ["1407735.tif", "26002.tif"]
    for image_id, mask in two_masks().items():
        np.testing.assert_array_equal(found[f"{image_id}.tif"], mask * profile.foreground)
    assert result.report.ok
    assert result.report.path == target
    assert names(tmp_path) == ["submission.zip"]


def test_the_members_tell_what_was_written(tmp_path):
    target = tmp_path / "submission.zip"
    result = write_archive(target, two_streams(), profile=MaskValues.NX47)
    with zipfile.ZipFile(target) as archive:
        for member, (image_id, mask) in zip(result.members, two_masks().items(), strict=True):
            content = archive.read(member.name)
            assert (member.image_id, member.name) == (image_id, f"{image_id}.tif")
            assert member.shape == mask.shape
            assert member.density == mask.mean()
            assert member.mask_sha256 == hashlib.sha256(mask.tobytes()).hexdigest()
            assert member.member_sha256 == hashlib.sha256(content).hexdigest()
            assert member.size == len(content)


def test_members_are_stored_with_fixed_date_and_attributes(tmp_path):
    write_archive(tmp_path / "submission.zip", two_streams())
    with zipfile.ZipFile(tmp_path / "submission.zip") as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.create_system, info.external_attr) == (3, 0o100644 << 16)
            assert not info.extra
            assert not info.comment


def test_the_same_masks_give_the_same_bytes_later_and_elsewhere(tmp_path, monkeypatch):
    first, second = tmp_path / "a.zip", tmp_path / "other" / "b.zip"
    second.parent.mkdir()
    write_archive(first, two_streams())
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    write_archive(second, [stream_of(name, mask, 5) for name, mask in two_masks().items()])
    assert first.read_bytes() == second.read_bytes()


def test_an_archive_validates_as_anyones_would(tmp_path):
    result = write_archive(tmp_path / "a.zip", two_streams())
    expected = {image_id: mask.shape for image_id, mask in two_masks().items()}
    assert validate_submission(tmp_path / "a.zip", expected=expected) == result.report


def test_warnings_do_not_keep_an_archive_from_being_written(tmp_path):
    empty = np.zeros(SHAPE, np.uint8)
    result = write_archive(tmp_path / "a.zip", [stream_of("1", empty)])
    assert [found.code for found in result.report.warnings] == ["empty-mask"]
    assert (tmp_path / "a.zip").exists()


def test_the_band_is_passed_on_to_the_report(tmp_path):
    streams = [stream_of("1", some_mask(density=0.5))]
    wide = write_archive(tmp_path / "a.zip", streams, band=(0.0, 1.0))
    narrow = write_archive(tmp_path / "a.zip", streams, band=(0.0, 0.01))
    assert wide.report.findings == ()
    assert [found.code for found in narrow.report.findings] == ["density-outside-band"]


def test_progress_counts_every_slice_of_every_fragment(tmp_path):
    seen = []
    write_archive(tmp_path / "a.zip", two_streams(), progress=lambda *args: seen.append(args))
    assert seen == [("1407735", z, 6) for z in range(1, 7)] + [("26002", z, 4) for z in range(1, 5)]


def test_an_archive_of_single_slices_is_refused_as_its_validation_would(tmp_path):
    mask = some_mask(shape=(1, 5, 3))
    with pytest.raises(MaskError, match="single slice"):
        write_archive(tmp_path / "a.zip", [stream_of("1", mask)])
    assert write_mask_file(tmp_path / "1.tif", stream_of("1", mask)).shape == (1, 5, 3)


@pytest.mark.parametrize("after", [0, 1, 5, 9, 10, 14, 19])
def test_a_cancel_at_any_slice_leaves_the_old_archive_and_nothing_else(tmp_path, after):
    target = tmp_path / "submission.zip"
    target.write_bytes(b"old")
    asked = []

    def cancelled():
        asked.append(None)
        return len(asked) > after

    with pytest.raises(Cancelled):
        write_archive(target, two_streams(), cancelled=cancelled)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["submission.zip"]


def test_a_cancel_closes_the_source_at_once(tmp_path):
    closed = []

    def slabs():
        try:
            while True:
                yield some_mask(shape=(1, 10, 12))
        finally:
            closed.append(True)

    seen = []
    with pytest.raises(Cancelled):
        write_archive(
            tmp_path / "a.zip",
            [MaskStream("1", SHAPE, slabs)],
            progress=lambda *args: seen.append(args),
            cancelled=lambda: len(seen) >= 2,
        )
    assert closed == [True]
    assert len(seen) == 2


@pytest.mark.parametrize("failure", [OSError("p3d cannot be read"), ValueError("NaN in p3d")])
def test_an_error_of_the_source_comes_through_and_the_old_archive_stays(tmp_path, failure):
    target = tmp_path / "submission.zip"
    target.write_bytes(b"old")

    def slabs():
        yield some_mask(shape=(1, 10, 12))
        raise failure

    with pytest.raises(type(failure), match="p3d") as caught:
        write_archive(target, [MaskStream("1", SHAPE, slabs)])
    assert caught.value is failure
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["submission.zip"]


@pytest.mark.parametrize(
    "image_id", ["", "..", "../1", "a/b", "a\\b", "C:1", "a\0b", ".hidden", "a\nb", "x" * 300]
)
def test_an_image_id_that_cannot_name_a_member_is_refused(tmp_path, image_id):
    with pytest.raises(MaskError, match="cannot name a member"):
        write_archive(tmp_path / "a.zip", [stream_of(image_id, some_mask())])
    assert names(tmp_path) == []


@pytest.mark.parametrize("pair", [("1", "1"), ("a", "A")])
def test_a_fragment_that_is_there_twice_is_refused(tmp_path, pair):
    with pytest.raises(MaskError, match="twice"):
        write_archive(tmp_path / "a.zip", [stream_of(name, some_mask()) for name in pair])
    assert names(tmp_path) == []


def test_an_archive_without_masks_is_refused(tmp_path):
    with pytest.raises(MaskError, match="found 0 masks"):
        write_archive(tmp_path / "a.zip", [])


def test_a_stream_with_too_few_slices_is_refused_by_name(tmp_path):
    mask = some_mask()
    broken = MaskStream("1407735", SHAPE, lambda: iter([mask[:5]]))
    with pytest.raises(MaskError, match="1407735: found 5 slices, expected 6"):
        write_archive(tmp_path / "a.zip", [broken])
    assert names(tmp_path) == []


@pytest.mark.parametrize("write", ["archive", "mask file"])
def test_a_codec_that_alters_voxels_is_noticed(tmp_path, monkeypatch, write):
    honest = masks_module.iterate_slices

    def altering(slabs, shape, name):
        for z, page in enumerate(honest(slabs, shape, name)):
            yield page ^ 1 if z == 3 else page

    # Only the writer's view is altered: submission.py holds the honest function.
    monkeypatch.setattr(masks_module, "iterate_slices", altering)
    target = tmp_path / "old"
    target.write_bytes(b"old")
    with pytest.raises(SubmissionError, match="altered-voxels") as caught:
        if write == "archive":
            write_archive(target, [stream_of("1", some_mask())])
        else:
            write_mask_file(target, stream_of("1", some_mask()))
    assert [found.code for found in caught.value.report.errors] == ["altered-voxels"]
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["old"]


def test_an_archive_that_would_be_invalid_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(MaskValues, "foreground", property(lambda self: 7))
    honest = validate_submission

    def strict(path, **options):
        monkeypatch.undo()
        return honest(path, **options)

    monkeypatch.setattr("napari_nx46.files.submission.writing.validate_submission", strict)
    with pytest.raises(SubmissionError, match=r"wrong-values.*found 7") as caught:
        write_archive(tmp_path / "a.zip", [stream_of("1", some_mask())])
    assert caught.value.report.path == tmp_path / "a.zip"
    assert names(tmp_path) == []


def manifest_beside(target):
    def companions(members):
        content = json.dumps({member.image_id: member.mask_sha256 for member in members})
        return {target.with_suffix(".manifest.json"): content.encode()}

    return companions


def test_companions_appear_with_the_archive_and_know_its_members(tmp_path):
    target = tmp_path / "submission.zip"
    result = write_archive(target, two_streams(), companions=manifest_beside(target))
    manifest = json.loads((tmp_path / "submission.manifest.json").read_text())
    assert manifest == {member.image_id: member.mask_sha256 for member in result.members}
    assert names(tmp_path) == ["submission.manifest.json", "submission.zip"]


def test_a_companion_that_cannot_be_written_leaves_the_old_archive(tmp_path):
    target = tmp_path / "submission.zip"
    target.write_bytes(b"old")
    with pytest.raises(WriteError, match="nowhere"):
        write_archive(
            target,
            two_streams(),
            companions=lambda _members: {
                tmp_path / "metrics.csv": b"z",
                tmp_path / "nowhere" / "manifest.json": b"{}",
            },
        )
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["submission.zip"]


def test_the_archive_is_renamed_before_its_companions(tmp_path, monkeypatch):
    renamed = []
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (renamed.append(b.name), rename(a, b)))
    target = tmp_path / "submission.zip"
    write_archive(target, two_streams(), companions=manifest_beside(target))
    assert renamed == ["submission.zip", "submission.manifest.json"]


def test_a_missing_folder_is_reported_before_any_mask_is_computed(tmp_path):
    def slabs():
        pytest.fail("no mask must be asked for")
        yield some_mask()

    with pytest.raises(WriteError, match="nowhere"):
        write_archive(tmp_path / "nowhere" / "a.zip", [MaskStream("1", SHAPE, slabs)])


SLOW_WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from napari_nx46.files.submission.writing import MaskStream, write_archive

def slabs():
    for z in range(1000):
        yield (np.random.default_rng(z).random((1, 64, 64)) < 0.1).astype(np.uint8)

def progress(image_id, done, total):
    if image_id == "2" and done == 500:
        print("half", flush=True)
        time.sleep(60)

streams = [MaskStream(name, (1000, 64, 64), slabs) for name in ("1", "2")]
write_archive(Path(sys.argv[1]), streams, progress=progress)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_kill_in_the_middle_leaves_the_old_archive_and_the_next_export_clears_up(tmp_path):
    target = tmp_path / "submission.zip"
    write_archive(target, two_streams())
    old = target.read_bytes()
    writer = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, str(target)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half\n"
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)
        writer.stdout.close()
    assert target.read_bytes() == old
    left = set(names(tmp_path)) - {"submission.zip"}
    assert left
    assert all(name.endswith(".partial") and name.startswith(".") for name in left)
    write_archive(target, two_streams())
    assert target.read_bytes() == old
    assert names(tmp_path) == ["submission.zip"]


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission.mask_tiff import Compression
from napari_nx46.files.submission.writing import MaskStream, write_archive, write_mask_file

def slabs():
    for z in range(20):
        yield (np.random.default_rng(z).random((1, 64, 64)) < 0.1).astype(np.uint8)

resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))
target, way, compression = Path(sys.argv[1]), sys.argv[2], Compression(sys.argv[3])
stream = MaskStream("1", (20, 64, 64), slabs)
try:
    if way == "archive":
        write_archive(target, [stream], compression=compression)
    else:
        write_mask_file(target, stream, compression=compression)
except WriteError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("way", ["archive", "mask file"])
@pytest.mark.parametrize("compression", ["zlib", "none"])
def test_running_out_of_room_is_reported_with_the_target_and_leaves_the_old_file(
    tmp_path, way, compression
):
    target = tmp_path / "submission.zip"
    target.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(target), way, compression],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cannot write {target}: File too large")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["submission.zip"]


@pytest.mark.parametrize("compression", list(Compression))
def test_a_mask_file_holds_the_mask_and_says_what_was_written(tmp_path, compression):
    mask = some_mask()
    target = tmp_path / "1407735.tif"
    member = write_mask_file(target, stream_of("1407735", mask), compression=compression)
    np.testing.assert_array_equal(tifffile.imread(target), mask)
    assert member.name == "1407735.tif"
    assert member.density == mask.mean()
    assert member.mask_sha256 == hashlib.sha256(mask.tobytes()).hexdigest()
    assert member.member_sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert member.size == target.stat().st_size
    assert names(tmp_path) == ["1407735.tif"]


def test_a_mask_file_and_a_member_of_an_archive_are_the_same_bytes(tmp_path):
    stream = stream_of("1", some_mask())
    in_archive = write_archive(tmp_path / "a.zip", [stream]).members[0]
    alone = write_mask_file(tmp_path / "1.tif", stream)
    assert alone == in_archive


def test_a_cancelled_mask_file_leaves_the_old_one(tmp_path):
    target = tmp_path / "1.tif"
    target.write_bytes(b"old")
    with pytest.raises(Cancelled):
        write_mask_file(target, stream_of("1", some_mask()), cancelled=lambda: True)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["1.tif"]
