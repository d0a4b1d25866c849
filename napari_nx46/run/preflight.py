"""Checking everything a run needs before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from napari_nx46.core.volume import clipped_block
from napari_nx46.core.workers import Cancelled, never
from napari_nx46.files.submission import Progress
from napari_nx46.fragments import DataSet, Fragment, FragmentError
from napari_nx46.setting import Domain, Setting

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
        For each path the name of its file and its type.
    memory_bytes : int
        Taken by the volumes, the score and a slab of the mask.
    """

    image_id: str
    shape: tuple[int, int, int]
    setting: Setting
    sources: dict[str, str]
    memory_bytes: int


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
        _read_all(fragment, progress, cancelled)
        sources = fragment.sources
        plans.append(
            FragmentPreflight(
                fragment.image_id,
                fragment.shape,
                settings[fragment.image_id],
                {name: f"{volume.path.name} {volume.dtype}" for name, volume in sources.items()},
                sum(volume.nbytes for volume in sources.values()) + 5 * fragment.p3d.size,
            )
        )
    return plans


def _read_all(fragment: Fragment, progress: Progress | None, cancelled: Callable[[], bool]) -> None:
    """Read every slice of a fragment's volumes once: reading checks the values."""
    volumes = [*fragment.sources.values(), fragment.image, fragment.label]
    present = [volume for volume in volumes if volume is not None]
    for z in range(fragment.shape[0]):
        if cancelled():
            raise Cancelled
        for volume in present:
            volume[z]
        if progress is not None:
            progress(fragment.image_id, z + 1, fragment.shape[0])


def checked_fragments(dataset: DataSet, settings: Settings) -> list[Fragment]:
    """Return the fragments that have a setting, each known to fit it."""
    fragments = [fragment for fragment in dataset if fragment.image_id in settings]
    unknown = sorted(set(settings) - {fragment.image_id for fragment in fragments})
    if unknown or not fragments:
        raise FragmentError(
            f"{dataset.name}: no fragment {', '.join(unknown) or 'is chosen'}; "
            f"there are {', '.join(dataset.image_ids)}"
        )
    for fragment in fragments:
        check_block(fragment, settings[fragment.image_id])
    return fragments


def check_block(fragment: Fragment, setting: Setting) -> None:
    """Check that a setting's block lies within a fragment, at least in part.

    Raises
    ------
    FragmentError
        If the setting takes the quantile of a block that does not.
    """
    if setting.domain is Domain.BLOCK and setting.block is not None:
        try:
            clipped_block(setting.block, fragment.shape)
        except ValueError as error:
            raise FragmentError(f"fragment {fragment.image_id}: {error}") from error
