"""What is wrong with the masks of an archive is found, and no bytes make the check fail."""

from __future__ import annotations

import dataclasses
import io
import json
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_nx46.files.submission.mask_tiff import MaskValues
from napari_nx46.files.submission.validation import (
    Severity,
    validate_mask_file,
    validate_submission,
)
from napari_nx46.files.submission.writing import MaskStream, write_archive
from tests.files.submission.archives import (
    SHAPE,
    archive_of,
    check_one,
    codes_of,
    good_tiff,
    some_mask,
    tiff_bytes,
)


# The voxels
@pytest.mark.parametrize(
    ("profile", "foreground", "ok"),
    [
        (MaskValues.KAGGLE, 1, True),
        (MaskValues.KAGGLE, 255, False),
        (MaskValues.NX47, 255, True),
        (MaskValues.NX47, 1, False),
    ],
)
def test_the_values_allowed_are_those_of_the_profile(tmp_path, profile, foreground, ok):
    content = tiff_bytes(some_mask() * np.uint8(foreground))
    report = check_one(tmp_path, content, profile=profile)
    assert report.ok is ok
    assert codes_of(report) == ([] if ok else ["wrong-values"])


def test_wrong_values_are_listed_but_not_all_of_them(tmp_path):
    mask = some_mask()
    mask[2, 0, :3] = (2, 7, 255)
    report = check_one(tmp_path, tiff_bytes(mask))
    assert "found 2, 7, 255 (first on page 2), expected only 0 and 1" in report.errors[0].message
    noise = np.arange(720, dtype=np.uint32).reshape(SHAPE).astype(np.uint8)
    message = check_one(tmp_path, tiff_bytes(noise)).errors[0].message
    assert "found 2, 3, 4, 5, 6, 7, 8, 9, ..." in message


def test_the_digest_is_that_of_the_binary_voxels_whatever_the_profile(tmp_path):
    digests = {
        check_one(tmp_path, tiff_bytes(some_mask() * np.uint8(value))).masks[0].mask_sha256
        for value in (1, 255)
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("mask", "code"),
    [
        (np.zeros(SHAPE, np.uint8), "empty-mask"),
        (np.ones(SHAPE, np.uint8), "full-mask"),
        (np.repeat(some_mask()[:1], 6, axis=0), "constant-along-z"),
    ],
)
def test_a_mask_that_is_probably_not_meant_gives_a_warning(tmp_path, mask, code):
    report = check_one(tmp_path, tiff_bytes(mask))
    assert codes_of(report) == [code]
    assert report.findings[0].severity is Severity.WARNING
    assert report.ok


def test_a_difference_in_the_last_slice_alone_is_change_along_z(tmp_path):
    mask = np.repeat(some_mask()[:1], 6, axis=0)
    mask[5, 0, 0] ^= 1
    assert check_one(tmp_path, tiff_bytes(mask)).findings == ()


@pytest.mark.parametrize(
    ("count", "codes"),
    [
        (5, ["density-outside-band"]),
        (6, []),
        (12, []),
        (13, ["density-outside-band"]),
    ],
)
def test_the_band_includes_both_its_ends(tmp_path, count, codes):
    mask = np.zeros((2, 5, 10), np.uint8)
    mask.reshape(-1)[-count:] = 1
    path = archive_of(tmp_path / "a.zip", [("1.tif", tiff_bytes(mask))])
    report = validate_submission(path)
    assert report.ok
    assert codes_of(report) == codes


def test_white_is_zero_does_not_turn_the_stored_values(tmp_path):
    mask = some_mask()
    report = check_one(tmp_path, tiff_bytes(mask, photometric="miniswhite"))
    assert report.findings == ()
    assert report.masks[0].density == mask.mean()


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_tag_does_not_turn_the_stored_slices(tmp_path, orientation, compression):
    turned = good_tiff(compression=compression, extratags=[(274, 3, 1, orientation, False)])
    report = check_one(tmp_path, turned, expected={"1": SHAPE})
    assert report.findings == ()
    assert report.masks == check_one(tmp_path, good_tiff()).masks


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">"},
        {"compression": "lzma"},
        {"tile": (16, 16)},
        {"rowsperstrip": 3},
        {"compression": None, "tile": (16, 16)},
        {"compression": None, "rowsperstrip": 3},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"bigtiff": True, "compression": None},
    ],
)
def test_every_honest_layout_reads_as_the_same_mask(tmp_path, options):
    report = check_one(tmp_path, good_tiff(**options), expected={"1": SHAPE})
    assert report.findings == ()
    assert report.masks == check_one(tmp_path, good_tiff()).masks


def test_a_tiff_saved_by_pillow_reads_as_the_same_mask(tmp_path):
    file = io.BytesIO()
    first, *others = [Image.fromarray(page) for page in some_mask()]
    first.save(file, "TIFF", save_all=True, append_images=others, compression="tiff_lzw")
    assert check_one(tmp_path, file.getvalue()).masks == check_one(tmp_path, good_tiff()).masks


# Single files
def test_a_mask_file_is_checked_like_a_member(tmp_path):
    path = tmp_path / "1407735.tif"
    path.write_bytes(good_tiff())
    report = validate_mask_file(path, expected_shape=SHAPE, band=(0, 1))
    assert report.findings == ()
    assert report.masks[0].image_id == "1407735"
    wrong = validate_mask_file(path, expected_shape=(6, 12, 10), name="mine")
    assert [(found.code, found.member) for found in wrong.findings] == [("wrong-shape", "mine")]


# Anything at all
@pytest.fixture(scope="module")
def good_archives():
    """Return the bytes of a small valid archive for each way of compressing."""
    contents = []
    for tiff_way in ("zlib", "lzw", None):
        for zip_way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            file = io.BytesIO()
            archive_of(file, [("1.tif", good_tiff(compression=tiff_way))], zip_way)
            contents.append(file.getvalue())
    return contents


def report_on(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(content)
        return validate_submission(path, expected={"1": SHAPE})


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 5),
    flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 7)), max_size=8),
    keep=st.one_of(st.none(), st.integers(0, 2**20)),
)
@example(which=0, flips=[], keep=None)
def test_flipped_bits_and_cuts_of_an_archive_never_raise(good_archives, which, flips, keep):
    content = bytearray(good_archives[which])
    for position, bit in flips:
        content[position % len(content)] ^= 1 << bit
    if keep is not None:
        del content[keep % (len(content) + 1) :]
    report = report_on(bytes(content))
    json.dumps(report.to_dict())
    assert report.masks or report.errors
    if bytes(content) == good_archives[which]:
        assert report.ok


@settings(max_examples=400)
@given(
    compression=st.sampled_from(["zlib", "lzw", "zstd", None]),
    flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.one_of(st.none(), st.integers(0, 2**20)),
)
def test_changed_bytes_and_cuts_of_a_tiff_never_raise(compression, flips, keep):
    content = bytearray(good_tiff(compression=compression))
    for position, value in flips:
        content[position % len(content)] = value
    if keep is not None:
        del content[keep % (len(content) + 1) :]
    file = io.BytesIO()
    archive_of(file, [("1.tif", bytes(content))])
    report = report_on(file.getvalue())
    assert report.masks or report.errors


@given(st.binary(max_size=2000))
def test_any_bytes_at_all_give_a_report(content):
    assert not report_on(content).ok


# Published archives
SINGLE_PAGE = "nx46_v7.2_single_page.submission.zip"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("competitor_0.552.submission.zip", []),
        (SINGLE_PAGE, ["not-3d-multipage"]),
        ("nx46_v7.5.submission.zip", ["constant-along-z", "density-outside-band"]),
    ],
)
def test_the_published_archives_get_the_findings_they_are_known_for(shared, name, codes):
    path = shared / "real" / name
    if not path.is_file():
        pytest.skip(f"needs the published archive {name}")
    for expected in (None, {"1407735": (320, 320, 320)}):
        report = validate_submission(path, expected=expected)
        assert codes_of(report) == codes
        assert report.ok is (name != SINGLE_PAGE)
        assert [mask.shape for mask in report.masks] == [(320, 320, 320)] * report.ok


def test_a_fragment_of_true_size_is_validated_in_little_more_than_a_second(tmp_path):
    shape = (320, 320, 320)
    z, y, x = np.ogrid[:320, :320, :320]
    mask = ((np.hypot(y - 160, x - 160) + z * 0.05) % 20 < 2).astype(np.uint8)
    write_archive(tmp_path / "a.zip", [MaskStream("1", shape, lambda: iter([mask]))])
    start = time.perf_counter()
    report = validate_submission(tmp_path / "a.zip", expected={"1": shape})
    elapsed = time.perf_counter() - start
    assert report.ok
    assert elapsed < 4  # some 0.3 s on an idle machine; the rest is for one that is not


def test_findings_and_reports_cannot_be_changed(tmp_path):
    report = check_one(tmp_path, b"nothing")
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.findings = ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.findings[0].code = "fine"
