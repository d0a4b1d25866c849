"""Reading masks back from archives, valid and hostile."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest
import tifffile

from napari_nx46.files.submission.mask_tiff import MaskValues
from napari_nx46.files.submission.reading import open_submission
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.voxels.workers import Cancelled

SHAPES = {"a": (4, 9, 7), "b": (3, 5, 8)}


def masks():
    rng = np.random.default_rng(2)
    return {name: (rng.random(shape) < 0.4).astype(np.uint8) for name, shape in SHAPES.items()}


def tiff_bytes(voxels, compression="zlib"):
    file = io.BytesIO()
    tifffile.imwrite(file, voxels, photometric="minisblack", compression=compression, metadata=None)
    return file.getvalue()


def write_archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


PLANE_BYTES = 8  # 63 voxels, a bit each


@pytest.mark.parametrize(
    ("compression", "keep_bytes"),
    [("zlib", 0), ("lzw", 0), ("packbits", 0), (None, 0)]
    + [("zlib", size) for size in (3 * PLANE_BYTES, 4 * PLANE_BYTES, 2**20)],
)
@pytest.mark.parametrize("profile", list(MaskValues))
def test_masks_are_read_as_they_are_stored(tmp_path, profile, compression, keep_bytes):
    stored = {name: mask * np.uint8(profile.foreground) for name, mask in masks().items()}
    members = {f"{name}.tif": tiff_bytes(mask, compression) for name, mask in stored.items()}
    path = write_archive(tmp_path / "s.zip", members)
    submission = open_submission(path, SHAPES, keep_bytes=keep_bytes)
    assert submission.profile is profile
    fitting = [name for name, room in (("a", 4 * PLANE_BYTES), ("b", 2**20)) if keep_bytes >= room]
    assert list(submission.kept_pages) == fitting
    assert submission.path == tmp_path / "s.zip"
    for name, mask in stored.items():
        np.testing.assert_array_equal(submission.read(name), mask)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"b.tif": None}, r"s\.zip: found no valid submission: .*missing-fragment.* b: found no b"),
        ({"c.tif": masks()["b"]}, "extra-fragment"),
        ({"../b.tif": masks()["b"]}, "unsafe-name"),
        ({"b.tif": masks()["b"] * np.uint8(2)}, "found 2 .* expected only 0 and 1"),
        ({"b.tif": masks()["a"]}, "wrong-page-count"),
        ({"b.tif": masks()["b"].astype(np.uint16)}, "not-uint8"),
    ],
)
def test_archives_that_are_not_valid_are_refused_with_the_reason(tmp_path, changed, message):
    volumes = {f"{name}.tif": mask for name, mask in masks().items()} | changed
    members = {name: tiff_bytes(mask) for name, mask in volumes.items() if mask is not None}
    with pytest.raises(VolumeError, match=message):
        open_submission(write_archive(tmp_path / "s.zip", members), SHAPES)


def test_one_archive_follows_one_profile(tmp_path):
    mixed = masks()
    mixed["b"] *= 255
    members = {f"{name}.tif": tiff_bytes(mask) for name, mask in mixed.items()}
    with pytest.raises(VolumeError, match=r"wrong-values.*expected one mask, of values"):
        open_submission(write_archive(tmp_path / "s.zip", members), SHAPES)


def test_a_member_that_declares_more_than_any_mask_of_its_shape_is_not_unpacked(tmp_path):
    members = {f"{name}.tif": tiff_bytes(mask) for name, mask in masks().items()}
    members["b.tif"] += bytes(2**24)
    with pytest.raises(VolumeError, match=r"too-large.*it was not unpacked"):
        open_submission(write_archive(tmp_path / "s.zip", members), SHAPES)


def test_what_is_no_archive_is_reported(tmp_path):
    (tmp_path / "s.zip").write_bytes(b"PK no")
    with pytest.raises(VolumeError, match="not-a-zip"):
        open_submission(tmp_path / "s.zip", SHAPES)
    with pytest.raises(VolumeError, match=r"t\.zip: found No such file"):
        open_submission(tmp_path / "t.zip", SHAPES)


def stored_archive(path, volumes):
    """Write an archive whose size does not depend on the voxels."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, mask in volumes.items():
            archive.writestr(f"{name}.tif", tiff_bytes(mask, None))
    return path


def test_an_archive_that_was_replaced_since_is_not_read(tmp_path):
    submission = open_submission(stored_archive(tmp_path / "s.zip", masks()), SHAPES)
    os.utime(tmp_path / "s.zip", ns=(0, 0))
    with pytest.raises(VolumeError, match="changed or replaced since it was opened"):
        submission.read("b")


def test_a_mask_that_differs_is_noticed_even_if_the_file_system_says_nothing(tmp_path):
    path = stored_archive(tmp_path / "s.zip", masks())
    submission = open_submission(path, SHAPES)
    before = path.stat()
    other = masks()
    other["b"][0, 0, 0] ^= 1
    stored_archive(path, other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    np.testing.assert_array_equal(submission.read("a"), masks()["a"])
    with pytest.raises(VolumeError, match=r"found another b\.tif than was validated"):
        submission.read("b")


def test_reading_can_be_cancelled(tmp_path):
    members = {f"{name}.tif": tiff_bytes(mask) for name, mask in masks().items()}
    path = write_archive(tmp_path / "s.zip", members)
    with pytest.raises(Cancelled):
        open_submission(path, SHAPES, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        open_submission(path, SHAPES).read("a", cancelled=lambda: True)
