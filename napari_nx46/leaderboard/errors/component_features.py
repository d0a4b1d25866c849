"""The components of an octant without a partner: their fates, and the gaps beside them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.components import first_runs, outer_components, reach_keys
from napari_nx46.leaderboard.errors.features import Fate, Features
from napari_nx46.leaderboard.errors.runs import extents_of, first_voxels, run_list
from napari_nx46.leaderboard.matching import ComponentMatching
from napari_nx46.voxels.spans import Components

__all__ = ["component_features", "unmatched_components"]

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
    matching: ComponentMatching,
    side: int,
    chosen: Indices,
    fate: npt.NDArray[np.uint8],
    pieces: Components | None,
) -> Features:
    """Return the unmatched components of a mask with their places.

    `pieces` are those of the other mask without this one; needed if one is joined.
    """
    births = first_voxels(components.runs, first_runs(components)[chosen])
    gap, middle = np.zeros(chosen.size, np.int32), births
    if pieces is not None and (fate == Fate.JOINED).any():
        is_joined = fate == Fate.JOINED
        length, voxel = _gaps(components, matching, side, chosen[is_joined], pieces)
        gap[is_joined] = length
        middle = births.copy()
        middle[is_joined] = np.stack(np.unravel_index(voxel, components.runs.shape), axis=1)
    return Features(
        fate=fate,
        place=middle,
        seed=births,
        birth=births,
        death=_component_deaths(components)[chosen],
        square=np.full((chosen.size, 4), -1, np.int32),
        size=components.sizes()[chosen],
        gap=gap,
        extent=extents_of(components, chosen),
    )


def _component_deaths(components: Components) -> Ints:
    """Return the voxel at which each component dies in its own mask, (count, 3); -1 for never."""
    keys = reach_keys(components)
    order = np.argsort(keys, kind="stable")
    dies_at = np.full(components.count, -1, np.int64)
    if order.size:
        earliest = np.minimum.accumulate(order)
        dies_at[np.maximum(earliest[:-1], order[1:])] = keys[order[1:]] // 3
    _, rows, columns = components.runs.shape
    plane, rest = np.divmod(dies_at, rows * columns)
    deaths = np.stack((plane, *np.divmod(rest, columns)), axis=1).astype(np.int32)
    deaths[dies_at < 0] = -1
    return deaths


def _gaps(
    components: Components,
    matching: ComponentMatching,
    side: int,
    joined: Indices,
    pieces: Components,
) -> tuple[Ints, Indices]:
    """Return the length of the way from each joined component to another, and its middle voxel."""
    from napari_nx46.leaderboard.kernels.ways import shortest_ways

    outer = matching.outer[side]
    concerned = np.zeros(matching.union.count, np.bool_)
    concerned[outer[joined]] = True
    numbers = np.zeros(components.count, np.int32)
    taking_part = concerned[outer]
    numbers[taking_part] = np.arange(1, np.count_nonzero(taking_part) + 1)
    on_ground = concerned[outer_components(pieces, matching.union)]
    number_of_run = numbers[components.component]
    length, middle = shortest_ways(
        components.runs.shape,
        1,
        run_list(components.runs, number_of_run > 0),
        number_of_run[number_of_run > 0],
        int(np.count_nonzero(taking_part)),
        run_list(pieces.runs, on_ground[pieces.component]),
    )
    return length[numbers[joined]], middle[numbers[joined]]
