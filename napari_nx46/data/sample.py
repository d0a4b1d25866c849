"""The sample fragments as a data folder, for those who have no data at hand."""

from __future__ import annotations

from pathlib import Path

from napari_nx46.data.fragments import write_data_folder
from napari_nx46.data.synthetic import SAMPLES, make_sample

__all__ = ["write_sample"]


def write_sample(root: str | Path) -> list[str]:
    """Make the sample fragments and write them as a data folder.

    Parameters
    ----------
    root
        The data folder; made if it is not there. Volumes of the same names in it are replaced.

    Returns
    -------
    list of str
        The image_ids, in the order in which they were written. For each there are then uint8
        volumes (Z, Y, X) in ``p3d/``, ``p2d/``, ``train_images/`` and ``train_labels/``.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    root = Path(root)
    for spec in SAMPLES:
        fragment = make_sample(spec)
        volumes = {
            "p3d": fragment.p3d,
            "p2d": fragment.p2d,
            "train_images": fragment.image,
            "train_labels": fragment.label,
        }
        write_data_folder(root, fragment.image_id, volumes)
    return [spec.image_id for spec in SAMPLES]
