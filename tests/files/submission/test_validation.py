"""What is wrong with an archive is found before anything in it is trusted."""

from __future__ import annotations

import json
import stat
import struct
import zipfile

import numpy as np
import pytest

from napari_nx46.files.submission import validation, zip_check
from napari_nx46.files.submission.mask_tiff import MaskValues
from napari_nx46.files.submission.validation import (
    largest_member,
    validate_mask_file,
    validate_submission,
)
from napari_nx46.voxels.workers import Cancelled
from tests.files.submission.archives import (
    SHAPE,
    archive_of,
    check_one,
    codes_of,
    good_tiff,
    some_mask,
    tiff_bytes,
)


def patched(content, old, new, count=-1):
    assert old in content
    return content.replace(old, new, count)


# The archive as a whole
def test_a_good_archive_yields_no_finding_and_the_summary_of_its_masks(tmp_path):
    report = check_one(tmp_path, good_tiff(), expected={"1": SHAPE})
    assert report.ok
    assert report.findings == ()
    (mask,) = report.masks
    assert (mask.image_id, mask.shape, mask.density) == ("1", SHAPE, some_mask().mean())
    assert report.profile is MaskValues.KAGGLE


def test_a_report_can_be_written_as_json(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff()), ("2.tif", b"nothing")])
    reported = json.loads(json.dumps(validate_submission(path, band=(0.9, 1.0)).to_dict()))
    assert reported["path"] == str(path)
    assert reported["ok"] is False
    assert [found["code"] for found in reported["errors"]] == ["not-tiff"]
    assert [found["code"] for found in reported["warnings"]] == ["density-outside-band"]
    assert reported["masks"][0]["shape"] == [6, 10, 12]


def test_a_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        validate_submission(tmp_path / "nowhere.zip")
    with pytest.raises(FileNotFoundError):
        validate_mask_file(tmp_path / "nowhere.tif")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06", b"nothing of the kind" * 100])
def test_what_is_not_a_zip_is_reported_so(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    report = validate_submission(tmp_path / "a.zip")
    assert codes_of(report) == ["not-a-zip"]
    assert not report.ok


def test_a_folder_is_not_a_zip(tmp_path):
    assert codes_of(validate_submission(tmp_path)) == ["not-a-zip"]


def test_an_archive_without_members_is_an_error(tmp_path):
    report = validate_submission(archive_of(tmp_path / "a.zip", []))
    assert codes_of(report) == ["empty-archive"]


def test_an_archive_with_too_many_members_is_not_looked_through(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "MAX_MEMBERS", 3)
    members = [(f"{index}.tif", b"") for index in range(4)]
    report = validate_submission(archive_of(tmp_path / "a.zip", members))
    assert codes_of(report) == ["too-large"]


def test_a_table_of_contents_beyond_the_limit_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_check, "MAX_DIRECTORY_BYTES", 40)
    report = check_one(tmp_path, good_tiff())
    assert codes_of(report) == ["not-a-zip"]
    assert "table of contents" in report.findings[0].message


def test_a_missing_and_an_extra_fragment_are_named(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff()), ("3.tif", good_tiff())])
    report = validate_submission(path, expected={"1": SHAPE, "2": SHAPE}, band=(0, 1))
    assert [(found.code, found.member) for found in report.errors] == [
        ("extra-fragment", "3.tif"),
        ("missing-fragment", "2"),
    ]
    assert [mask.image_id for mask in report.masks] == ["1"]


@pytest.mark.parametrize(
    "name",
    [
        "../1.tif",
        "..",
        "/1.tif",
        "masks/1.tif",
        "masks/",
        "a\\1.tif",
        "C:1.tif",
        "C:\\1.tif",
        ".1.tif",
        "__MACOSX/._1.tif",
        ".tif",
        "1\n.tif",
        "1\x1b[31m.tif",
    ],
)
def test_an_unsafe_name_is_refused_and_the_member_not_opened(tmp_path, name):
    path = archive_of(tmp_path / "a.zip", [(name, good_tiff())])
    report = validate_submission(path)
    assert codes_of(report) == ["unsafe-name"]
    assert report.masks == ()
    assert report.findings[0].member is not None
    assert report.findings[0].member.isprintable()


def test_a_name_with_a_nul_is_judged_by_all_of_its_characters(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tifXx.tif", good_tiff())])
    path.write_bytes(patched(path.read_bytes(), b"1.tifXx.tif", b"1.tif\0x.tif"))
    assert codes_of(validate_submission(path)) == ["unsafe-name"]


def test_a_name_that_begins_with_a_nul_is_refused(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("X.tif", good_tiff())])
    path.write_bytes(patched(path.read_bytes(), b"X.tif", b"\0.tif"))
    assert codes_of(validate_submission(path)) == ["unsafe-name"]


def test_a_name_of_absurd_length_is_shortened_in_the_report(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("x" * 60_000 + ".tif", b"")])
    report = validate_submission(path)
    assert codes_of(report) == ["unsafe-name"]
    assert len(str(report.findings[0])) < 400


@pytest.mark.parametrize(
    ("kind", "word"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "special"), (stat.S_IFDIR, "folder")]
)
def test_what_is_no_regular_file_is_refused(tmp_path, kind, word):
    info = zipfile.ZipInfo("1.tif")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    report = validate_submission(archive_of(tmp_path / "a.zip", [(info, b"/etc/passwd")]))
    assert codes_of(report) == ["unsafe-name"]
    assert word in report.findings[0].message


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("a.tif", "a.tif"), ("a.tif", "A.tif"), ("é.tif", "e\u0301.tif")]
)
def test_names_that_are_equal_on_some_system_are_duplicates(tmp_path, names):
    path = archive_of(tmp_path / "a.zip", [(name, good_tiff()) for name in names])
    report = validate_submission(path, band=(0, 1))
    assert codes_of(report) == ["duplicate"]
    assert len(report.masks) == 1


def test_a_name_without_the_suffix_is_not_a_tiff(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tiff", good_tiff()), ("notes.txt", b"hello")])
    assert codes_of(validate_submission(path)) == ["not-tiff", "not-tiff"]


def test_an_encrypted_member_is_reported_so(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff())])
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    assert codes_of(validate_submission(path)) == ["encrypted"]


def test_a_deflated_member_is_read_like_a_stored_one(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff())], zipfile.ZIP_DEFLATED)
    report = validate_submission(path, band=(0, 1))
    assert report.findings == ()
    assert len(report.masks) == 1


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_uncommon_zip_method_is_refused(tmp_path, method):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff())], method)
    assert codes_of(validate_submission(path)) == ["unsupported-compression"]


def test_a_wrong_checksum_is_a_damaged_member(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff())])
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    assert codes_of(validate_submission(path)) == ["damaged-member"]


def test_a_member_that_declares_more_than_a_mask_can_be_is_not_unpacked(tmp_path, monkeypatch):
    bomb = bytes(largest_member(SHAPE) + 1)
    path = archive_of(tmp_path / "a.zip", [("1.tif", bomb)], zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(
        zipfile.ZipFile, "open", lambda *_args, **_options: pytest.fail("it was unpacked")
    )
    known = validate_submission(path, expected={"1": SHAPE})
    unknown = validate_submission(path, max_member_bytes=len(bomb) - 1)
    assert codes_of(known) == codes_of(unknown) == ["too-large"]
    assert str(len(bomb)) in known.findings[0].message


def test_a_member_that_unpacks_to_more_than_it_declares_is_cut_off_and_refused(tmp_path):
    bomb = bytes(5_000_000)
    path = archive_of(tmp_path / "a.zip", [("1.tif", bomb)], zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    path.write_bytes(patched(content, struct.pack("<L", len(bomb)), struct.pack("<L", 1000)))
    report = validate_submission(path, expected={"1": SHAPE})
    assert codes_of(report) == ["damaged-member"]


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
def test_the_limit_for_a_shape_leaves_room_for_the_worst_of_honest_masks(tmp_path, compression):
    shape = (3, 200, 130)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for options in ({"rowsperstrip": 1}, {"tile": (128, 128)}):
        content = tiff_bytes(noise, compression=compression, **options)
        assert len(content) <= largest_member(shape)
        report = check_one(tmp_path, content, expected={"1": shape})
        assert codes_of(report) == ["wrong-values"]


def test_a_cancelled_validation_stops(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("1.tif", good_tiff())])
    with pytest.raises(Cancelled):
        validate_submission(path, cancelled=lambda: True)
