"""Masks, archives and runs of the workspace for the tests of comparisons and verdicts."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile

import tifffile

from napari_nx46.run.export.export import export, same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.judge import kept_runs
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.workers import Workers


def tiff_bytes(voxels):
    """Return a volume as a TIFF, one page a slice."""
    file = io.BytesIO()
    tifffile.imwrite(file, voxels, photometric="minisblack", compression="zlib", metadata=None)
    return file.getvalue()


def write_masks(folder, masks):
    """Write one mask a fragment."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, voxels in masks.items():
        (folder / f"{name}.tif").write_bytes(tiff_bytes(voxels))
    return folder


def write_archive(path, masks):
    """Write a submission without a manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, voxels in masks.items():
            archive.writestr(f"{name}.tif", tiff_bytes(voxels))
    return path


def export_to(path, dataset, setting, tag=""):
    """Export all fragments; return the result and the options."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = RunOptions(tag)
    pipelines = PipelineSet(dataset, workers=Workers(1))
    return export(pipelines, same_setting(dataset, setting), path, options), options


def sha256(path):
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hold_checks(monkeypatch):
    """Make every check of an archive wait until it is cancelled.

    The event that is returned is set once one waits.
    """
    begun, check = threading.Event(), kept_runs.check_archive

    def held(run, cancelled):
        begun.set()
        while not cancelled():
            time.sleep(0.005)
        return check(run, cancelled)

    monkeypatch.setattr(kept_runs, "check_archive", held)
    return begun
