"""What is wrong with a TIFF in an archive is found before it is decoded."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_nx46.files.volumes.tiff import structure as tiff_structure
from tests.files.submission.archives import (
    SHAPE,
    check_one,
    codes_of,
    good_tiff,
    some_mask,
    tiff_bytes,
)


# The declared pages
@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"\x89PNG\r\n\x1a\n" + bytes(50), b"MM\0*\0\0\0\0"]
)
def test_what_is_not_a_tiff_is_reported_so(tmp_path, content):
    assert codes_of(check_one(tmp_path, content)) == ["not-tiff"]


def test_a_png_named_tif_is_not_a_tiff(tmp_path):
    file = io.BytesIO()
    Image.fromarray(some_mask()[0]).save(file, "PNG")
    assert codes_of(check_one(tmp_path, file.getvalue())) == ["not-tiff"]


@pytest.mark.parametrize("expected", [None, {"1": SHAPE}])
def test_a_single_page_is_not_a_3d_tiff(tmp_path, expected):
    report = check_one(tmp_path, tiff_bytes(some_mask()[0]), expected=expected)
    assert codes_of(report) == ["not-3d-multipage"]


def test_a_single_page_is_no_mask_of_an_archive_even_where_the_image_has_one(tmp_path):
    report = check_one(tmp_path, tiff_bytes(some_mask()[0]), expected={"1": (1, 10, 12)})
    assert codes_of(report) == ["not-3d-multipage"]


@pytest.mark.parametrize("pages", [5, 7])
def test_a_wrong_number_of_pages_is_reported_with_both_numbers(tmp_path, pages):
    report = check_one(tmp_path, good_tiff(), expected={"1": (pages, 10, 12)})
    assert codes_of(report) == ["wrong-page-count"]
    assert "found 6 pages" in report.findings[0].message
    assert f"expected {pages}" in report.findings[0].message


def test_swapped_axes_are_a_wrong_shape(tmp_path):
    report = check_one(tmp_path, good_tiff(), expected={"1": (6, 12, 10)})
    assert codes_of(report) == ["wrong-shape"]
    assert "10 x 12" in report.findings[0].message
    assert "12 x 10" in report.findings[0].message


@pytest.mark.parametrize("expected", [None, {"1": SHAPE}])
def test_a_page_of_another_size_than_the_others_is_a_wrong_shape(tmp_path, expected):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for z in range(6):
            page = some_mask()[0] if z != 4 else some_mask()[0, :9]
            writer.write(page, photometric="minisblack", metadata=None)
    report = check_one(tmp_path, file.getvalue(), expected=expected)
    assert codes_of(report) == ["wrong-shape"]
    assert "page 4" in report.findings[0].message


@pytest.mark.parametrize(
    ("dtype", "word"),
    [
        (bool, "uint1"),
        (np.int8, "int8"),
        (np.uint16, "uint16"),
        (np.int32, "int32"),
        (np.float32, "float32"),
    ],
)
def test_another_type_than_uint8_is_reported(tmp_path, dtype, word):
    report = check_one(tmp_path, tiff_bytes(some_mask().astype(dtype), compression=None))
    assert codes_of(report) == ["not-uint8"]
    assert f"found {word}," in report.findings[0].message


def test_colour_pages_are_not_uint8_masks(tmp_path):
    colour = np.repeat(some_mask()[..., np.newaxis], 3, axis=-1)
    report = check_one(tmp_path, tiff_bytes(colour, photometric="rgb"))
    assert codes_of(report) == ["not-uint8"]
    assert "3 samples" in report.findings[0].message


def test_a_lossy_compression_is_refused(tmp_path):
    report = check_one(tmp_path, tiff_bytes(some_mask(shape=(3, 64, 64)), compression="jpeg"))
    assert codes_of(report) == ["unsupported-compression"]


def directory_offsets(content):
    """Return where each directory of a little-endian classic TIFF begins."""
    offsets = [struct.unpack_from("<L", content, 4)[0]]
    while True:
        following = offsets[-1] + 2 + 12 * struct.unpack_from("<H", content, offsets[-1])[0]
        offset = struct.unpack_from("<L", content, following)[0]
        if offset == 0:
            return offsets, following
        offsets.append(offset)


def with_tag(content, page, tag, value):
    """Return the TIFF with the inline value of one tag of one page replaced."""
    changed = bytearray(content)
    start = directory_offsets(content)[0][page]
    for index in range(struct.unpack_from("<H", content, start)[0]):
        entry = start + 2 + 12 * index
        if struct.unpack_from("<H", content, entry)[0] == tag:
            struct.pack_into("<L", changed, entry + 8, value)
            return bytes(changed)
    raise AssertionError(f"no tag {tag} on page {page}")


@pytest.mark.parametrize("back_to", [0, 3, 5])
def test_pages_that_form_a_loop_are_reported_so(tmp_path, back_to):
    content = bytearray(good_tiff())
    offsets, last = directory_offsets(content)
    struct.pack_into("<L", content, last, offsets[back_to])
    report = check_one(tmp_path, bytes(content))
    assert codes_of(report) == ["damaged-page"]
    assert "loop" in report.findings[0].message


@pytest.mark.parametrize(("tag", "size"), [(256, 2**31), (257, 2**31), (257, 0), (256, 0)])
def test_a_page_of_impossible_size_is_never_decoded(tmp_path, monkeypatch, tag, size):
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("it was decoded"))
    content = good_tiff()
    start = directory_offsets(content)[0][2]
    content = bytearray(with_tag(content, 2, tag, size))
    for index in range(struct.unpack_from("<H", content, start)[0]):
        entry = start + 2 + 12 * index
        if struct.unpack_from("<H", content, entry)[0] == tag:
            struct.pack_into("<H", content, entry + 2, 4)
    report = check_one(tmp_path, bytes(content))
    assert codes_of(report) == ["too-large" if size else "damaged-page"]
    assert "page 2" in report.findings[0].message


def test_more_voxels_than_allowed_are_never_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_args, **_options: pytest.fail("it was decoded"))
    content = tiff_bytes(np.zeros((40, 100, 100), np.uint8))
    report = check_one(tmp_path, content, max_member_bytes=399_999)
    assert codes_of(report) == ["too-large"]


def test_more_pages_than_any_fragment_has_are_not_walked(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_structure, "MAX_PAGES", 5)
    assert codes_of(check_one(tmp_path, good_tiff())) == ["too-large"]


def test_a_table_that_the_file_cannot_hold_is_damage(tmp_path):
    content = bytearray(good_tiff())
    start = directory_offsets(content)[0][1]
    struct.pack_into("<L", content, start + 2 + 4, 2**30)  # the count of the first tag
    report = check_one(tmp_path, bytes(content))
    assert codes_of(report) == ["damaged-page"]
    assert "page 1" in report.findings[0].message


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_a_truncated_tiff_is_damaged_wherever_it_is_cut(tmp_path, compression):
    content = good_tiff(compression=compression)
    for length in range(8, len(content), 97):
        report = check_one(tmp_path, content[:length])
        assert not report.ok
        assert set(codes_of(report)) <= {"damaged-page", "not-tiff"}


def test_a_missing_strip_is_damage_and_not_background(tmp_path):
    content = tiff_bytes(some_mask(), compression=None, rowsperstrip=10)
    short = with_tag(content, 3, 278, 5)  # two strips are needed now, one is there
    report = check_one(tmp_path, short)
    assert codes_of(report) == ["damaged-page"]
    assert "page 3: found 1 strip offsets" in report.findings[0].message


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd"])
def test_a_page_that_cannot_be_decoded_is_named(tmp_path, compression):
    content = bytearray(good_tiff(compression=compression))
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = tiff.pages[4]
        start, length = page.dataoffsets[0], page.databytecounts[0]
    content[start : start + length] = b"\xff" * length
    report = check_one(tmp_path, bytes(content))
    assert codes_of(report) == ["damaged-page"]
    assert "page 4" in report.findings[0].message
    assert report.masks == ()
