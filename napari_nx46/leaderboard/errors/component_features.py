"""The components of an octant without a partner: their fates, and the gaps beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import first_runs, reach_keys, rows_of
from napari_nx46.leaderboard.errors.features import Fate, Features
from napari_nx46.leaderboard.errors.runs import first_voxels
from napari_nx46.leaderboard.matching import ComponentMatching
from napari_nx46.voxels.spans import Components, Runs

__all__ = ["component_features", "unmatched_components", "ways"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]


def unmatched_components(
    masks: tuple[Components, Components], matching: ComponentMatching, side: int
) -> tuple[Indices, npt.NDArray[np.uint8]]:
    """Return the unmatched components of a mask, and their fates."""
    count = masks[side].count
    unmatched = np.ones(count, np.bool_)
    unmatched[:1] = False  # the infinite one
    unmatched[matching.pairs[:, side]] = False
    chosen = np.flatnonzero(unmatched)
    outer = matching.outer[side][chosen]
    other = matching.inner[1 - side][outer]
    fate = np.full(chosen.size, Fate.UNCOUNTED, np.uint8)
    fate[other == masks[1 - side].count] = Fate.ALONE
    fate[matching.inner[side][outer] < chosen] = Fate.JOINED
    return chosen, fate


def component_features(
    components: Components,
    chosen: Indices,
    fate: npt.NDArray[np.uint8],
    ground: Runs | None,
) -> Features:
    """Return the unmatched components of a mask with their places.

    `ground` are the runs of the other mask without this one; needed if a component is joined.
    """
    births = first_voxels(components.runs, first_runs(components)[chosen])
    gap, middle = np.zeros(chosen.size, np.int32), births
    is_joined = fate == Fate.JOINED
    if ground is not None and is_joined.any():
        gap[is_joined], voxel, _ = ways(components, chosen[is_joined], ground)
        middle = births.copy()
        middle[is_joined] = np.stack(np.unravel_index(voxel, components.runs.shape), axis=1)
    return Features(
        fate=fate,
        place=middle,
        seed=births,
        death=_component_deaths(components, chosen),
        size=components.sizes()[chosen],
        gap=gap,
    )


def _component_deaths(components: Components, chosen: Indices) -> Ints:
    """Return where some components die in their own mask; see `Features.death`."""
    keys = reach_keys(components)
    order = np.argsort(keys, kind="stable")
    dies_at = np.full(components.count, -1, np.int64)
    if order.size:
        earliest = np.minimum.accumulate(order)
        dies_at[np.maximum(earliest[:-1], order[1:])] = keys[order[1:]] // 3
    _, rows, columns = components.runs.shape
    dies_at = dies_at[chosen]
    plane, rest = np.divmod(dies_at, rows * columns)
    deaths = np.full((chosen.size, 4), -1, np.int32)
    deaths[:, 0], (deaths[:, 1], deaths[:, 2]) = plane, np.divmod(rest, columns)
    deaths[dies_at < 0] = -1
    return deaths


def ways(components: Components, joined: Indices, ground: Runs) -> tuple[Ints, Indices, Indices]:
    """Find the shortest ways from some components to the nearest other one each.

    Parameters
    ----------
    components : Components
        6-connected.
    joined : ndarray of int64
        (M,): those to begin at, at least one.
    ground : Runs
        What may be walked on; none of the components' voxels.

    Returns
    -------
    length : ndarray of int32
    middle : ndarray of int64
        (M,): voxels between the two components, and the one in the middle, as an index into the
        flat volume.
    last_way : ndarray of int64
        The voxels of the way from the last component, in their order.
    """
    from napari_nx46.leaderboard.kernels.ways import shortest_ways

    runs = components.runs
    number = np.full(components.count, joined.size, np.int64)
    number[joined] = np.arange(joined.size)
    of_run = number[components.component]
    wanted = np.flatnonzero(of_run < joined.size)
    wanted = wanted[np.argsort(of_run[wanted], kind="stable")]
    counts = np.bincount(of_run[wanted], minlength=joined.size)
    return shortest_ways(
        runs.shape,
        (runs.row_starts, runs.first, runs.stop, components.component),
        (ground.row_starts, ground.first, ground.stop),
        wanted.astype(np.int32),
        rows_of(runs, wanted),
        np.append(0, np.cumsum(counts)),
    )
