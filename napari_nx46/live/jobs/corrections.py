"""Saving corrections to a file, and loading them, beside a session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_nx46.data.fragments import DataSet, FragmentError
from napari_nx46.files.corrections import read_corrections, write_corrections
from napari_nx46.files.naming import first_few
from napari_nx46.run.job import Report, Work
from napari_nx46.run.preflight import check_corrections
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["load_work", "save_work"]


def save_work(path: Path, corrections: Mapping[str, Corrections]) -> Work[int]:
    """Return the work of a job that writes corrections to a file; see `write_corrections`.

    Its result is the number of fragments.
    """
    kept = dict(corrections)

    def work(_cancelled: CancelCheck, _report: Report) -> int:
        write_corrections(path, kept)
        return len(kept)

    return work


def load_work(path: Path, dataset: DataSet) -> Work[dict[str, Corrections]]:
    """Return the work of a job that reads the corrections of a data set; see `read_corrections`.

    Those of other data are left out. It fails with a `FragmentError` if none are of these data, or
    some are of another shape than their fragment.
    """

    def work(_cancelled: CancelCheck, _report: Report) -> dict[str, Corrections]:
        found = read_corrections(path)
        known = {image_id: found[image_id] for image_id in dataset.image_ids if image_id in found}
        if not known:
            there = first_few(sorted(found)) or "no fragment"
            raise FragmentError(
                f"{path}: found corrections of {there}; expected some of "
                f"{first_few(dataset.image_ids)}"
            )
        for image_id, one in known.items():
            check_corrections(dataset[image_id], one)
        return known

    return work
