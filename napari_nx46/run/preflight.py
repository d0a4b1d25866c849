"""Checking everything a run needs before it begins, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.ensemble import effective_weights
from napari_nx46.core.score.weak import is_gated
from napari_nx46.data.fragments import DataSet, Fragment, FragmentError
from napari_nx46.files.submission.writing import Progress
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.setting import Domain, ScoreFrom, Setting, knob_applies
from napari_nx46.voxels.blocks import Block, clipped_block, slabs, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import Cancelled, never

Settings = Mapping[str, Setting]
"""The setting of each fragment that is to be written, by image_id."""


@dataclass(frozen=True)
class FragmentPreflight:
    """What a run would do to one fragment.

    Parameters
    ----------
    image_id : str
    shape : tuple of int
    setting : Setting
    sources : dict
        For each volume that the setting reads the name of its file and its type.
    memory_bytes : int
        Taken by these volumes, the score and a slab of the mask, and by what is made from the CT
        image.
    notes : tuple of str
        What is odd about the threshold, in words.
    """

    image_id: str
    shape: tuple[int, int, int]
    setting: Setting
    sources: dict[str, str]
    memory_bytes: int
    notes: tuple[str, ...] = ()


def preflight(
    dataset: DataSet,
    settings: Settings,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] = never,
) -> list[FragmentPreflight]:
    """Check everything a run needs, voxel values included, and write nothing.

    Raises
    ------
    FragmentError, VolumeError
        As `export`.
    Cancelled
        If `cancelled` returned True.
    """
    plans = []
    for fragment in checked_fragments(dataset, settings):
        setting = settings[fragment.image_id]
        sources = sources_read(fragment, setting)
        _read_all(fragment, sources, progress, cancelled)
        plans.append(
            FragmentPreflight(
                fragment.image_id,
                fragment.shape,
                setting,
                {name: f"{volume.short_name} {volume.dtype}" for name, volume in sources.items()},
                sum(volume.nbytes for volume in sources.values())
                + math.prod(fragment.shape) * (1 + computed_bytes(setting)),
            )
        )
    return plans


def checked_fragments(dataset: DataSet, settings: Settings) -> list[Fragment]:
    """Return the fragments that have a setting, each known to fit it.

    Raises
    ------
    FragmentError
        If there is none, a setting is for no fragment, or it does not fit a fragment that it reads.
    """
    unknown = sorted(set(settings) - set(dataset.image_ids))
    fragments = dataset.chosen(settings)
    if unknown or not fragments:
        raise FragmentError(
            f"{dataset.name}: no fragment {', '.join(unknown) or 'is chosen'}; "
            f"there are {', '.join(dataset.image_ids)}"
        )
    for fragment in fragments:
        setting = settings[fragment.image_id]
        check_block(fragment, setting)
        for read in dataset if reads_dataset(setting) else (fragment,):
            sources_read(read, setting)
    return fragments


def reads_dataset(setting: Setting) -> bool:
    """Return whether a fragment's threshold depends on all fragments of the data set."""
    return setting.domain is Domain.DATASET and knob_applies("domain", setting)


def sources_read(fragment: Fragment, setting: Setting) -> dict[str, Volume]:
    """Return the volumes of a fragment that its score is made from, by name.

    Parameters
    ----------
    fragment : Fragment
    setting : Setting

    Returns
    -------
    dict of str to Volume
        The probability volumes that the setting weighs, of `Fragment.sources`; or the CT image
        alone, as ``image``.

    Raises
    ------
    FragmentError
        If the fragment has no volume of the setting's source, or not all that it weighs.
    """
    if setting.source is not ScoreFrom.PROBABILITIES:
        if fragment.image is None:
            raise FragmentError(
                f"fragment {fragment.image_id}: has no CT image, which the source "
                f"{setting.source.value} needs; expected one in the folder test_images or "
                "train_images, or the source probabilities"
            )
        return {"image": fragment.image}
    sources = fragment.sources
    if not sources:
        raise FragmentError(
            f"fragment {fragment.image_id}: has no probability volume; expected one, or the source "
            "gradient or residual, which need the CT image alone"
        )
    try:
        weights = effective_weights(tuple(sources), setting)
    except ValueError as error:
        raise FragmentError(f"fragment {fragment.image_id}: {error}") from error
    read = {"p3d", "p2d"} if weights is None else set(weights)
    if "p2d" in read and "p2d" not in sources:
        read.add("p3d")  # which stands for both
    return {name: volume for name, volume in sources.items() if name in read}


def computed_bytes(setting: Setting) -> int:
    """Return the bytes a voxel of what is computed from the volumes: float32 each.

    Paths, score, and the sheetness that it is gated by.
    """
    paths = {ScoreFrom.PROBABILITIES: 0, ScoreFrom.GRADIENT: 2, ScoreFrom.RESIDUAL: 1}
    return 4 * (paths[setting.source] + 1 + is_gated(setting))


def fitting_setting(setting: Setting, fragment: Fragment) -> Setting:
    """Return the setting, or the nearest one whose volumes the fragment has.

    Parameters
    ----------
    setting : Setting
    fragment : Fragment

    Returns
    -------
    Setting
        With the source ``probabilities`` where there is no CT image, ``gradient`` where there is
        only that; without the weights of volumes that are not there.
    """
    if fragment.image is None and setting.source is not ScoreFrom.PROBABILITIES:
        setting = setting.changed(source=ScoreFrom.PROBABILITIES)
    if not fragment.sources and setting.source is ScoreFrom.PROBABILITIES:
        return setting.changed(source=ScoreFrom.GRADIENT)
    names = set(fragment.sources) | ({"p2d"} if fragment.p2d is not None else set())
    if fragment.sources and any(name not in names for name, _ in setting.temperatures):
        temperatures = [pair for pair in setting.temperatures if pair[0] in names]
        setting = setting.changed(temperatures=temperatures)
    if fragment.sources and setting.weights:
        weights = tuple(pair for pair in setting.weights if pair[0] in names)
        if weights != setting.weights:
            heavy = any(weight > 0 for _, weight in weights)
            return setting.changed(weights=weights if heavy else ())
    return setting


def takes_block(setting: Setting) -> bool:
    """Return whether the threshold is a quantile of a block of the fragment."""
    return setting.domain is Domain.BLOCK and knob_applies("domain", setting)


def check_block(fragment: Fragment, setting: Setting) -> None:
    """Check that a setting's block lies within a fragment, at least in part.

    Raises
    ------
    FragmentError
        If the setting takes the quantile of a block that does not.
    """
    if takes_block(setting) and setting.block is not None:
        try:
            clipped_block(setting.block, fragment.shape)
        except ValueError as error:
            raise FragmentError(f"fragment {fragment.image_id}: {error}") from error


def check_corrections(fragment: Fragment, corrections: Corrections) -> None:
    """Check that corrections are of the shape of a fragment.

    Raises
    ------
    FragmentError
        If they are not.
    """
    if corrections.shape != fragment.shape:
        raise FragmentError(
            f"fragment {fragment.image_id}: found corrections of shape {corrections.shape}, "
            f"expected {fragment.shape} (Z, Y, X)"
        )


def finite_block(image: Volume, block: Block) -> npt.NDArray[np.generic]:
    """Read a block of a CT image that a score is made from.

    Raises
    ------
    VolumeError
        If a voxel is NaN or infinite, or the file is damaged.
    """
    voxels = image.shared(block)
    finite = np.isfinite(voxels)
    if not finite.all():
        within = np.unravel_index(int(np.argmin(finite)), finite.shape)
        place = tuple(part.start + int(step) for part, step in zip(block, within, strict=True))
        raise image.origin.error(f"value {voxels[within]} at (z, y, x) = {place}", "finite numbers")
    return voxels


def _read_all(
    fragment: Fragment,
    sources: Mapping[str, Volume],
    progress: Progress | None,
    cancelled: Callable[[], bool],
) -> None:
    """Read every slice once of what is needed, and of image and label: reading checks values."""
    needed = [*sources.values(), fragment.image, fragment.label]
    volumes = {id(volume): volume for volume in needed if volume is not None}.values()
    depth = fragment.shape[0]
    for one_slice in slabs(whole_block(fragment.shape), 1):
        if cancelled():
            raise Cancelled
        for volume in volumes:
            if volume is sources.get("image"):
                finite_block(volume, one_slice)
            else:
                volume[one_slice]
        if progress is not None:
            progress(fragment.image_id, one_slice[0].stop, depth)
