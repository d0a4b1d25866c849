"""Archives and masks in them, as tests write them."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import tifffile

from napari_nx46.files.submission.validation import validate_submission

SHAPE = (6, 10, 12)


def some_mask(seed=0, shape=SHAPE, density=0.1):
    return (np.random.default_rng(seed).random(shape) < density).astype(np.uint8)


def tiff_bytes(volume, **options):
    file = io.BytesIO()
    options = {"photometric": "minisblack", "compression": "zlib", **options}
    tifffile.imwrite(file, volume, **options)
    return file.getvalue()


def good_tiff(**options):
    return tiff_bytes(some_mask(), **options)


def archive_of(path, members, compression=zipfile.ZIP_STORED):
    """Write an archive of (name or ZipInfo, content) pairs."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def codes_of(report):
    return [found.code for found in report.findings]


def check_one(tmp_path, content, **options):
    """Validate an archive with one member, ``1.tif``."""
    path = archive_of(tmp_path / "a.zip", [("1.tif", content)])
    return validate_submission(path, band=(0.0, 1.0), **options)
