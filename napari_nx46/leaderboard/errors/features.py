"""The features of an octant that Betti matching leaves without a partner, and where they are.

A is the mask that owns a feature, B the other one, C their union. The *fate* of an unmatched
feature says what became of it in C:

- A component is ``joined`` if another component of A that is born earlier lies in the same
  component of C: B joins what A separates. It is ``alone`` if B has no voxel there; else it is
  ``uncounted``: its partner is the component that is not counted, or the order has swapped it.
- A loop is ``filled`` if it dies inside C, where B fills it; else it ``survives`` in C.
- A cavity is ``filled`` if it holds no cavity of C; else it ``survives``.

Coordinates are voxels of the octant, (z, y, x).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.leaderboard.results import MatchCounts

__all__ = ["Fate", "Features", "Matched", "OctantFeatures", "concatenated", "no_features"]

Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]


class Fate(IntEnum):
    """What became of an unmatched feature in the union of the two masks."""

    JOINED = 0
    ALONE = 1
    UNCOUNTED = 2
    FILLED = 3
    SURVIVES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Unmatched features, one a row.

    Parameters
    ----------
    fate : ndarray of uint8
        (N,): `Fate`.
    place : ndarray of int32
        (N, 3): where to look: the middle of the gap of a joined component, the first voxel of
        another one; the place voxel of a loop; the last voxel of a cavity.
    seed : ndarray of int32
        (N, 3): a voxel of what the feature is made of: the first voxel of a component, a voxel of
        the piece that fills a loop, the last voxel of a cavity.
    death : ndarray of int32
        (N, 4): of a loop, the square (z, y, x, normal) at which it dies; of a component or a
        cavity, the voxel (z, y, x) in its own mask's filtration, all -1 for never, and -1.
    size : ndarray of int64
        (N,): voxels of a component or a cavity, or of the piece that fills a loop; 0 for a loop
        that survives.
    gap : ndarray of int32
        (N,): of a joined component, voxels between it and the nearest other one; else 0.
    """

    fate: npt.NDArray[np.uint8]
    place: Ints
    seed: Ints
    death: Ints
    size: Indices
    gap: Ints


def concatenated(parts: Sequence[tuple[tuple[int, int, int], Features]]) -> Features:
    """Return the features of several octants or masks as one list.

    Parameters
    ----------
    parts : sequence of (tuple of int, Features)
        Where each octant begins in the volume whose coordinates the result has, and its features.
    """
    sizes = [part.fate.size for _, part in parts]
    origins = np.repeat(np.array([origin for origin, _ in parts], np.int32), sizes, axis=0)

    def column(name: str) -> npt.NDArray[Any]:
        values = np.concatenate([getattr(part, name) for _, part in parts])
        if name == "death":
            values[:, :3] += origins * (values[:, :1] >= 0)
        elif values.ndim == 2:
            values += origins
        return values

    return Features(*(column(field.name) for field in fields(Features)))


def no_features() -> Features:
    """Return an empty list."""
    places = np.zeros((0, 3), np.int32)
    return Features(
        np.zeros(0, np.uint8),
        places,
        places,
        np.zeros((0, 4), np.int32),
        np.zeros(0, np.int64),
        np.zeros(0, np.int32),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The pairs of an octant, one a row.

    Parameters
    ----------
    components : ndarray of int32
        (M, 2, 3): the first voxels of the prediction's and the label's component.
    cavities : ndarray of int32
        (M, 2, 3): the last voxels of the prediction's and the label's cavity.
    loops : ndarray of int32
        (M, 4): the squares (z, y, x, normal) at which the loops of both masks die.
    """

    components: Ints
    loops: Ints
    cavities: Ints


@dataclass(frozen=True, slots=True, eq=False)
class OctantFeatures:
    """What Betti matching finds in an octant.

    Parameters
    ----------
    counts : tuple of MatchCounts
        Of the dimensions 0, 1, 2.
    unmatched : tuple of tuple of Features
        By dimension; of the prediction and of the label.
    matched : Matched
    infinite : tuple of (ndarray of int32, optional)
        The first voxel of prediction and label, of the component that is not counted.
    """

    counts: tuple[MatchCounts, MatchCounts, MatchCounts]
    unmatched: tuple[tuple[Features, Features], ...]
    matched: Matched
    infinite: tuple[Ints | None, Ints | None]
