"""Where one mask joins what the other one separates: every place at which it could be cut."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.on_demand.voxels import block_of, pair_voxels, runs_of_component
from napari_nx46.leaderboard.errors.runs import components_at, runs_without, voxels_in
from napari_nx46.leaderboard.errors.table import TopologyErrors
from napari_nx46.leaderboard.errors.voi_pairs import NO_COMPONENT, VoiPairs
from napari_nx46.voxels.packed import PackedMask
from napari_nx46.voxels.spans import Runs, find_components

__all__ = ["feature_joints", "pair_joints"]

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.uint8]
Joints = tuple[Ints, ...]


def pair_joints(pairs: VoiPairs, row: int, reach: int) -> Joints:
    """Return the places at which a pair's voxels are joined to the rest of what is merged.

    Parameters
    ----------
    pairs : VoiPairs
    row : int
        A pair of two components. The predicted one may reach into other components of the label.
    reach : {1, 2, 3}
        Along how many axes a step may lead inside a component.

    Returns
    -------
    tuple of ndarray of int32
        (N, 3) each: voxels of the predicted component that the label lacks. Without the voxels of
        all of them, what the pair shares is connected to no voxel of another component of the
        label.
    """
    if NO_COMPONENT in (pairs.predicted[row], pairs.true[row]):
        return ()
    from napari_nx46.leaderboard.kernels.cuts import FREE, HERE, THERE

    runs = runs_of_component(pairs.components[0], int(pairs.predicted[row]))
    whole, free = _voxels(runs), _voxels(runs_without(runs, pairs.components[1].runs))
    low = whole.min(axis=0)
    cells = np.zeros(whole.max(axis=0) - low + 1, np.uint8)
    for some, value in ((whole, THERE), (pair_voxels(pairs, row), HERE), (free, FREE)):
        cells[tuple((some - low).T)] = value
    return _joints(cells, low, reach)


def feature_joints(
    topology: TopologyErrors,
    row: int,
    masks: tuple[PackedMask, PackedMask],
    block: tuple[slice, slice, slice],
) -> Joints:
    """Return the places at which the prediction joins a component of the label to others.

    Parameters
    ----------
    topology : TopologyErrors
    row : int
    masks : tuple of PackedMask
        Prediction and label.
    block : tuple of slice
        The component's octant.

    Returns
    -------
    tuple of ndarray of int32
        As `pair_joints`; empty for features of other kinds.
    """
    features = topology.features
    is_merge = topology.dimension[row] == 0 and topology.side[row] == 1
    if not is_merge or features.fate[row] != Fate.JOINED:
        return ()
    from napari_nx46.leaderboard.kernels.cuts import FREE, HERE, THERE

    origin = np.array([axis.start for axis in block], np.int32)
    predicted, true = (np.ascontiguousarray(block_of(mask, block)) for mask in masks)
    components = find_components(true, 6)
    number = components_at(components, (features.seed[row] - origin)[np.newaxis])
    cells = np.where(true > 0, np.uint8(THERE), FREE * predicted)
    components.paint(np.arange(components.count) == number, HERE, cells)
    return _joints(cells, origin, 1)


def _voxels(runs: Runs) -> Ints:
    return voxels_in(runs, np.ones(runs.first.size, np.bool_))


def _joints(cells: Mask, low: Ints, reach: int) -> Joints:
    """Return what has to be cut in a volume of cells, whose first voxel lies at `low`."""
    from napari_nx46.leaderboard.kernels.cuts import voxels_between

    padded = np.pad(cells, 1)
    around = [step for step in product((-1, 0, 1), repeat=3) if 0 < np.abs(step).sum() <= reach]
    steps = np.array(around) @ np.array(padded.strides)
    cut = voxels_between(padded.ravel(), steps.astype(np.int64))
    mask = np.zeros_like(padded)
    mask.ravel()[cut] = 1
    joints = find_components(mask, 26)
    return tuple(
        (voxels_in(joints.runs, joints.component == number) + (low - 1)).astype(np.int32)
        for number in range(joints.count)
    )
