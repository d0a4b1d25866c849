"""What follows the cursor: the three slices through a voxel, and what is known of a voxel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.data.fragments import Fragment
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.derived.surface import Picture, picture_of
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.spans import Components, find_components
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["CursorKey", "CursorSlices", "OrthogonalSlices", "Probe", "Probed", "Voxel"]

Voxel = tuple[int, int, int]
"""z, y, x."""

AXES = range(3)
SOON, LATER = 5, 6
"""Priorities: the figures of the sliders come first."""

PROBE_REST_SECONDS = 0.03
"""A mouse that moves on within this time asks for nothing."""


@dataclass(frozen=True)
class CursorKey:
    """What slices and figures of a voxel belong to.

    Parameters
    ----------
    image_id : str
    voxel : tuple of int
    setting : Setting
    corrections : Corrections
    exact : bool
        Whether the exact threshold is known.
    """

    image_id: str
    voxel: Voxel
    setting: Setting
    corrections: Corrections
    exact: bool


def _key_of(session: Session, voxel: Voxel | None) -> CursorKey | None:
    """Return the key of a voxel of the fragment that is shown; None where it lies outside."""
    shape = session.fragment.shape
    if voxel is None or not all(0 <= at < n for at, n in zip(voxel, shape, strict=True)):
        return None
    return CursorKey(
        session.fragment.image_id,
        voxel,
        session.setting,
        session.present_corrections,
        session.settled,
    )


def _plane(shape: tuple[int, int, int], axis: int, position: int) -> Block:
    block = list(whole_block(shape))
    block[axis] = slice(position, position + 1)
    z, y, x = block
    return z, y, x


@dataclass(frozen=True, eq=False)
class CursorSlices:
    """The three slices through a voxel.

    Parameters
    ----------
    key : CursorKey
    pictures : tuple of (rows, columns) array of uint8
        Of the CT image, or else of the first probability volume, across z, y and x.
    masks : tuple of (rows, columns) array of uint8
        The mask as it is shown, {0, 1}.
    """

    key: CursorKey
    pictures: tuple[Picture, ...]
    masks: tuple[Mask, ...]


class OrthogonalSlices(SessionValue[CursorKey, CursorSlices]):
    """The three slices through the cursor, read and computed in a worker.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    voxel : tuple of int, optional
        The cursor; `touch` must follow when this changes. None asks for nothing.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, keep=1, rest_seconds=0.0, priority=SOON)
        self.voxel: Voxel | None = None
        self._read: dict[tuple[str, int, int], Picture] = {}

    def key(self) -> CursorKey | None:
        """Return what the cursor is on."""
        return _key_of(self.session, self.voxel)

    def is_ready(self) -> bool:
        """Return True: NumPy computes slices until the kernels are compiled."""
        return True

    def prepare(self, key: CursorKey) -> Callable[[CancelCheck], CursorSlices]:
        """Return the function that computes the slices."""
        fragment = self.session.fragment
        return lambda cancelled: self._compute(key, fragment)

    def _compute(self, key: CursorKey, fragment: Fragment) -> CursorSlices:
        volume = fragment.image or next(iter(fragment.sources.values()))
        places = [(key.image_id, axis, key.voxel[axis]) for axis in AXES]
        self._read = {
            place: self._read[place] if place in self._read else picture_of(volume, *place[1:])
            for place in places
        }
        masks = tuple(
            self.session.mask_block(_plane(fragment.shape, axis, key.voxel[axis])).squeeze(axis)
            for axis in AXES
        )
        return CursorSlices(key, tuple(self._read[place] for place in places), masks)


@dataclass(frozen=True)
class Probed:
    """What is known of a voxel.

    Parameters
    ----------
    key : CursorKey
    score : float
    values : mapping of str to float
        Of the fragment's volumes there: each path and model, ``image`` and ``label``.
    mask : int
        0 or 1, as it is shown.
    component_size : int, optional
        Voxels of the 26-connected component of the exact mask that it is in; 0 outside the mask,
        None while that is not known.
    """

    key: CursorKey
    score: float
    values: dict[str, float] = field(hash=False)
    mask: int
    component_size: int | None


class Probe(SessionValue[CursorKey, Probed]):
    """What is known of the voxel under the mouse, read and computed in a worker.

    Parameters
    ----------
    session : Session
    rest_seconds : float
        See `SessionValue`.

    Attributes
    ----------
    voxel : tuple of int, optional
        `touch` must follow when this changes. None asks for nothing.
    """

    def __init__(self, session: Session, *, rest_seconds: float = PROBE_REST_SECONDS) -> None:
        super().__init__(session, keep=8, rest_seconds=rest_seconds, priority=LATER)
        self.voxel: Voxel | None = None
        self._components: tuple[object, Components] | None = None

    def key(self) -> CursorKey | None:
        """Return what the mouse is on."""
        return _key_of(self.session, self.voxel)

    def prepare(self, key: CursorKey) -> Callable[[CancelCheck], Probed]:
        """Return the function that looks at the voxel."""
        session = self.session
        threshold = session.exact_threshold if key.exact else None
        pipeline, fragment = session.pipelines[key.image_id], session.fragment

        def exact_mask(cancelled: CancelCheck) -> Mask:
            assert threshold is not None  # asked for only where it is known
            whole = whole_block(fragment.shape)
            return pipeline.mask(key.setting, threshold, whole, cancelled, key.corrections)

        known = None if threshold is None else exact_mask
        return lambda cancelled: self._look(key, fragment, pipeline, known, cancelled)

    def _look(
        self,
        key: CursorKey,
        fragment: Fragment,
        pipeline: FragmentPipeline,
        exact_mask: Callable[[CancelCheck], Mask] | None,
        cancelled: CancelCheck,
    ) -> Probed:
        z, y, x = key.voxel
        block = (slice(z, z + 1), slice(y, y + 1), slice(x, x + 1))
        volumes = {**fragment.sources, "image": fragment.image, "label": fragment.label}
        values = {
            name: float(np.asarray(volume[block]).item())
            for name, volume in volumes.items()
            if volume is not None
        }
        size: int | None = None
        if exact_mask is not None:
            size = _size_at(self._components_of(key, exact_mask, cancelled), key.voxel)
        score = float(pipeline.score(key.setting, block, cancelled).item())
        return Probed(key, score, values, int(self.session.mask_block(block).item()), size)

    def _components_of(
        self, key: CursorKey, exact_mask: Callable[[CancelCheck], Mask], cancelled: CancelCheck
    ) -> Components:
        """Return the components of the exact mask, found once for all voxels."""
        of_mask = (key.image_id, key.setting, key.corrections)
        known = self._components
        if known is None or known[0] != of_mask:
            found = find_components(exact_mask(cancelled), 26)
            self._components = known = (of_mask, found)
        return known[1]


def _size_at(components: Components, voxel: Voxel) -> int:
    """Return the size of the component that a voxel is in, or 0."""
    z, y, x = voxel
    runs = components.runs
    row = z * runs.shape[1] + y
    begin, end = runs.row_starts[row], runs.row_starts[row + 1]
    number = int(begin + np.searchsorted(runs.first[begin:end], x, side="right") - 1)
    if number < begin or runs.stop[number] <= x:
        return 0
    return int(components.sizes()[components.component[number]])
