"""Writing one mask as a multi-page TIFF."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from napari_nx46.files.submission.mask_tiff import (
    Compression,
    MaskError,
    MaskValues,
    iterate_slices,
    write_mask,
)
from napari_nx46.files.volumes.tiff.structure import scan_pages


def some_mask(shape, seed=0):
    return (np.random.default_rng(seed).random(shape) < 0.3).astype(np.uint8)


def written(mask, **options):
    file = io.BytesIO()
    write_mask(file, [mask], mask.shape, **options)
    file.seek(0)
    return file


def read_by_pillow(file):
    image = Image.open(file)
    pages = []
    for index in range(image.n_frames):
        image.seek(index)
        pages.append(np.array(image))
    return np.stack(pages)


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)),
    compression=st.sampled_from(Compression),
    profile=st.sampled_from(MaskValues),
    cut=st.integers(0, 5),
)
def test_a_written_mask_reads_back_equal_by_pillow_and_tifffile(shape, compression, profile, cut):
    mask = some_mask(shape)
    file = io.BytesIO()
    slabs = [mask[:cut], mask[cut:]]
    write_mask(file, slabs, shape, compression=compression, foreground=profile.foreground)
    expected = mask * profile.foreground
    np.testing.assert_array_equal(read_by_pillow(file), expected)
    file.seek(0)
    np.testing.assert_array_equal(tifffile.imread(file).reshape(shape), expected)


def test_the_foreground_values_are_those_of_the_profiles():
    assert {profile.value: profile.foreground for profile in MaskValues} == {
        "kaggle": 1,
        "nx47": 255,
    }


@pytest.mark.parametrize(
    ("compression", "number"),
    [(Compression.ZLIB, 8), (Compression.LZW, 5), (Compression.NONE, 1)],
)
def test_the_pages_are_compressed_as_asked_and_carry_nothing_that_varies(compression, number):
    file = written(some_mask((3, 20, 30)), compression=compression)
    with tifffile.TiffFile(file) as tiff:
        assert len(tiff.pages) == 3
        for page in tiff.pages:
            names = {tag.name for tag in page.tags}
            assert page.compression == number
            assert page.photometric == tifffile.PHOTOMETRIC.MINISBLACK
            assert page.shape == (20, 30)
            assert not names & {"DateTime", "Software", "ImageDescription", "HostComputer"}
            assert not page.description


def test_the_same_mask_gives_the_same_bytes_however_it_is_cut_into_slabs():
    mask = some_mask((6, 9, 8))
    whole = written(mask).getvalue()
    sliced = io.BytesIO()
    write_mask(sliced, (mask[z : z + 1] for z in range(6)), mask.shape)
    assert sliced.getvalue() == whole


def test_a_mask_can_be_written_to_a_path(tmp_path):
    mask = some_mask((4, 5, 6))
    write_mask(tmp_path / "a.tif", [mask], mask.shape)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), mask)


def test_slices_larger_than_a_strip_are_written_whole():
    mask = some_mask((2, 1500, 1500))
    np.testing.assert_array_equal(read_by_pillow(written(mask)), mask)


def test_slabs_that_are_not_contiguous_are_written_as_seen():
    mask = some_mask((4, 6, 8))
    file = io.BytesIO()
    write_mask(file, [mask[::2, ::-1, ::2]], (2, 6, 4))
    np.testing.assert_array_equal(read_by_pillow(file), mask[::2, ::-1, ::2])


def test_slabs_are_asked_for_one_at_a_time():
    held = []

    def slabs():
        for z in range(8):
            held.append(z)
            yield some_mask((1, 4, 4), seed=z)

    pages = iterate_slices(slabs(), (8, 4, 4), "mask")
    next(pages)
    next(pages)
    assert held == [0, 1]


@pytest.mark.parametrize(
    ("slabs", "message"),
    [
        ([np.zeros((2, 3, 4), np.uint8)], "found 2 slices, expected 3"),
        ([np.zeros((4, 3, 4), np.uint8)], "found at least 4 slices, expected 3"),
        ([np.zeros((3, 3, 4), np.uint8), np.zeros((1, 3, 4), np.uint8)], "at least 4 slices"),
        ([np.zeros((3, 4, 3), np.uint8)], r"shape \(3, 4, 3\) at slice 0, expected \(n, 3, 4\)"),
        ([np.zeros((3, 4), np.uint8)], r"shape \(3, 4\)"),
        ([np.zeros((3, 3, 4), bool)], "dtype bool at slice 0, expected uint8"),
        ([np.zeros((3, 3, 4), np.float32)], "dtype float32"),
        ([np.full((3, 3, 4), 255, np.uint8)], "found value 255 near slice 0, expected 0 and 1"),
        ([], "found 0 slices"),
    ],
)
def test_slabs_that_do_not_make_up_the_mask_are_refused(slabs, message):
    with pytest.raises(MaskError, match=message) as caught:
        write_mask(io.BytesIO(), slabs, (3, 3, 4), name="1407735")
    assert str(caught.value).startswith("1407735: ")


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 2), (1, 2, 3, 4)])
def test_a_shape_that_is_no_volume_is_refused(shape):
    with pytest.raises(MaskError, match="expected"):
        write_mask(io.BytesIO(), [], shape)


@pytest.mark.parametrize("foreground", [0, 256, -1])
def test_a_foreground_that_no_byte_can_tell_from_the_background_is_refused(foreground):
    with pytest.raises(MaskError, match="foreground value"):
        write_mask(io.BytesIO(), [], (1, 1, 1), foreground=foreground)


def test_an_error_of_the_source_comes_through_unchanged():
    def slabs():
        yield np.zeros((1, 2, 2), np.uint8)
        raise ZeroDivisionError("of the source")

    with pytest.raises(ZeroDivisionError, match="of the source"):
        write_mask(io.BytesIO(), slabs(), (2, 2, 2))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("compression", list(Compression))
def test_a_full_disk_is_an_error_that_says_so(compression):
    class FullFile(io.BytesIO):
        def write(self, content):
            with open("/dev/full", "wb", buffering=0) as full:
                return full.write(content)

    with pytest.raises(OSError, match="No space left"):
        write_mask(FullFile(), [some_mask((2, 8, 8))], (2, 8, 8), compression=compression)


def test_masks_beyond_32_bit_offsets_become_bigtiff(monkeypatch):
    monkeypatch.setattr("napari_nx46.files.submission.mask_tiff.CLASSIC_TIFF_LIMIT", 100)
    mask = some_mask((3, 8, 8))
    file = written(mask)
    assert file.getvalue()[:4] == b"II\x2b\x00"
    assert len(scan_pages(file)) == 3
    np.testing.assert_array_equal(read_by_pillow(file), mask)
