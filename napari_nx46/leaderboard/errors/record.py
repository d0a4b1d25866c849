"""An explanation as plain values, ready for `json.dumps`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_nx46.leaderboard.errors.explanation import Explanation, Octant
from napari_nx46.leaderboard.errors.features import Fate
from napari_nx46.leaderboard.errors.repairs import Repair
from napari_nx46.leaderboard.errors.table import SIDES
from napari_nx46.leaderboard.errors.voi_pairs import NO_COMPONENT
from napari_nx46.leaderboard.results import MatchCounts

__all__ = ["explanation_record"]

Value = Any
Rows = list[dict[str, Value]]

_CYCLES = 4


def explanation_record(
    found: Explanation, repairs: Mapping[int, Repair] = MappingProxyType({})
) -> dict[str, Value]:
    """Return an explanation as nested plain values.

    Parameters
    ----------
    found : Explanation
    repairs : mapping of int to Repair
        What was measured of items, by their rows in `Explanation.items`.

    Returns
    -------
    dict
        ``score``, ``topo``, ``surface_dice``, ``voi_score``; ``shares_sum``, which is 1 - score;
        ``shape``; ``counts``, [matched, predicted, true] by dimension; ``cost_points``, the gains
        by dimension; ``octants`` with ``index``, ``origin``, ``shape`` and ``dims``, each with
        ``counts``, ``matched``, ``only_prediction`` and ``only_label``; ``cycles`` around the
        largest loops; ``voi`` with its ``pairs``, by descending bits; ``surface`` with its
        ``regions``, by descending area.
    """
    repaired = {int(found.items.row[item]): repair for item, repair in repairs.items()}
    score = found.score
    octant_of = found.topology.octant
    octants = [
        _octant(found, octant, np.flatnonzero(octant_of == number), repaired)
        for number, octant in enumerate(found.octants)
    ]
    return {
        "score": score.value,
        "shares_sum": found.shares_sum,
        "topo": score.topo.value,
        "surface_dice": score.surface_dice,
        "voi_score": score.voi.value,
        "shape": list(found.masks[0].shape),
        "counts": [_counts(dimension.counts) for dimension in score.topo.dimensions],
        "cost_points": {
            str(dimension): {k: v for k, v in asdict(gains).items() if v is not None}
            for dimension, gains in enumerate(found.gains)
        },
        "octants": octants,
        "cycles": _cycles(found),
        "voi": _voi(found),
        "surface": _surface(found),
    }


def _counts(counts: MatchCounts) -> list[int]:
    return [counts.matched, counts.predicted, counts.true]


# ---- topology ------------------------------------------------------------------------------


def _octant(
    found: Explanation, octant: Octant, rows: np.ndarray, repaired: Mapping[int, Repair]
) -> dict[str, Value]:
    topology = found.topology
    matched = (_component_pairs(octant), _loop_pairs(octant), _cavity_pairs(octant))
    dims: dict[str, Value] = {}
    for dimension in range(3):
        share, gains = found.topology_shares[dimension], found.gains[dimension]
        here: dict[str, Value] = {"counts": _counts(octant.counts[dimension])}
        if dimension == 0:
            first = [None if voxel is None else voxel.tolist() for voxel in octant.infinite]
            here["infinite"] = dict(zip(("prediction", "label"), first, strict=True))
        here["matched"] = matched[dimension]
        for side, key in enumerate(("only_prediction", "only_label")):
            chosen = rows[(topology.dimension[rows] == dimension) & (topology.side[rows] == side)]
            here[key] = [
                {**item, "share": share, "gain": gains.of_side(side), **_repair(repaired.get(row))}
                for row, item in zip(
                    chosen.tolist(), _features(found, dimension, chosen), strict=True
                )
            ]
        dims[str(dimension)] = here
    return {
        "index": list(octant.index),
        "origin": list(octant.origin),
        "shape": list(octant.shape),
        "dims": dims,
    }


def _features(found: Explanation, dimension: int, rows: np.ndarray) -> Rows:
    """Return unmatched features of one dimension."""
    features = found.topology.features
    columns = (
        features.fate[rows],
        # A cavity is born at the voxel behind its last one along all axes.
        features.seed[rows] + np.int32(dimension == 2),
        features.death[rows],
        features.place[rows],
        features.size[rows],
        features.gap[rows],
    )
    items = []
    for fate, birth, death, place, size, gap in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        item: dict[str, Value] = {"fate": Fate(fate).name.lower()}
        if dimension == 1:
            item |= {"place": death, "place_voxel": place}
        else:
            item |= {"birth": birth, "death": death[:3], "place_voxel": place}
        if not (dimension == 1 and fate == Fate.SURVIVES):
            item["size"] = size
        if fate == Fate.JOINED:
            item["gap"] = gap
        items.append(item)
    return items


def _repair(repair: Repair | None) -> dict[str, Value]:
    if repair is None:
        return {}
    counts = [_counts(of_dimension) for of_dimension in repair.counts]
    return {"repair": {**asdict(repair), "counts": counts}}


def _cycles(found: Explanation) -> Rows:
    """Return closed ways around the first loops that have one near their place."""
    loops = np.flatnonzero(found.items.dimension == 1)[:_CYCLES].tolist()
    return [
        {
            "side": SIDES[found.items.side[item]],
            "place_voxel": found.items.place[item].tolist(),
            "voxels": cycle.tolist(),
        }
        for item in loops
        if len(cycle := found.cycle_of(item))
    ]


def _component_pairs(octant: Octant) -> Rows:
    return [{"prediction": p, "label": g} for p, g in octant.matched.components.tolist()]


def _loop_pairs(octant: Octant) -> Rows:
    return [{"place": square} for square in octant.matched.loops.tolist()]


def _cavity_pairs(octant: Octant) -> Rows:
    return [{"prediction": p, "label": g} for p, g in octant.matched.cavities.tolist()]


# ---- VOI and surface -----------------------------------------------------------------------


def _voi(found: Explanation) -> dict[str, Value]:
    voi = found.voi
    shares = voi.shares(found.parameters.part_weights.voi)
    bits = voi.split_bits + voi.merge_bits
    pairs = []
    for row in np.lexsort((voi.true, voi.predicted, -bits)).tolist():
        pair: dict[str, Value] = {
            "prediction": _first(voi.first_p, voi.predicted[row]),
            "label": _first(voi.first_g, voi.true[row]),
            "voxels": int(voi.voxels[row]),
            "split_bits": float(voi.split_bits[row]),
            "merge_bits": float(voi.merge_bits[row]),
            "share": float(shares[row]),
            "place": voi.place[row].tolist(),
        }
        if not np.isnan(voi.cut_gain[row]):
            pair["cut_gain"] = float(voi.cut_gain[row])
        if not np.isnan(voi.join_gain[row]):
            pair["join_gain"] = float(voi.join_gain[row])
            pair["join_with"] = _first(voi.first_p, voi.join_with[row])
        pairs.append(pair)
    return {
        "voxels": voi.total,
        "split": voi.voi.split,
        "merge": voi.voi.merge,
        "value": voi.voi.value,
        "pairs": pairs,
    }


def _first(voxels: np.ndarray, component: int) -> list[int] | None:
    """Return the first voxel of a component, None for the background."""
    return None if component == NO_COMPONENT else voxels[component].tolist()


def _surface(found: Explanation) -> dict[str, Value]:
    surface = found.surface
    shares = surface.shares(found.parameters.part_weights.surface_dice).tolist()
    order = np.argsort(-surface.area, kind="stable").tolist()
    regions = [
        {
            "side": SIDES[surface.side[row]],
            "corner": surface.corner[row].tolist(),
            "corners": int(surface.corners[row]),
            "area": float(surface.area[row]),
            "points": shares[row],
            "share": shares[row],
            "gain": shares[row],
        }
        for row in order
    ]
    return {
        "value": surface.value,
        "area_prediction": surface.areas[0],
        "area_label": surface.areas[1],
        "regions": regions,
    }
