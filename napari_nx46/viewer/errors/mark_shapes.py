"""Marks of errors as arrays that napari draws: rings at places, frames around boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_nx46.live.errors.listing import Listing
from napari_nx46.viewer.canvas.overlay_layer import rgba
from napari_nx46.viewer.errors.looks import SYMBOLS, TONE_COLORS

__all__ = ["colors_of", "frames", "symbols_of"]

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TICK = 0.25
"""Part of a side that a corner of a label's frame takes."""

_FULL = np.array([(0, 0, 0, 1), (1, 0, 0, 1), (0, 0, 1, 0), (0, 1, 1, 0)], float)
_TICKS = np.array(
    [
        (b, c, *step)
        for b in (0, 1)
        for c in (0, 1)
        for step in ((TICK * (1 - 2 * b), 0), (0, TICK * (1 - 2 * c)))
    ],
    float,
)
"""Lines of a frame of side 1: where each begins, and where it leads, along both sides."""


def colors_of(listing: Listing, rows: Indices) -> Floats:
    """Return the colour of each row, (N, 4)."""
    colors = [rgba(TONE_COLORS[listing.tone_of(row)], 1.0) for row in rows.tolist()]
    return np.array(colors, float).reshape(-1, 4)


def symbols_of(listing: Listing, rows: Indices) -> list[str]:
    """Return the shape of the mark of each row."""
    return [SYMBOLS.get(listing.side_of(row), "disc") for row in rows.tolist()]


def frames(listing: Listing, rows: Indices, axis: int, position: int) -> tuple[Floats, Indices]:
    """Return the lines around the boxes of rows in a slice.

    A box of the prediction, or of both, has a whole frame; one of the label has its corners.

    Parameters
    ----------
    listing : Listing
    rows : (N,) array of int64
    axis : int
        Across which the slice lies.
    position : int

    Returns
    -------
    lines : (M, 2, 3) array of float64
        Where each line begins, and where it leads.
    row : (M,) array of int64
        Whose line each is.
    """
    across = [other for other in range(3) if other != axis]
    is_label = np.array([listing.side_of(row) == "label" for row in rows.tolist()], bool)
    lines, owners = [np.zeros((0, 2, 3))], [np.zeros(0, np.int64)]
    for some, pattern in ((rows[~is_label], _FULL), (rows[is_label], _TICKS)):
        low = listing.extents[some][:, across] - 0.5
        side = listing.extents[some][:, [3 + other for other in across]] - 0.5 - low
        drawn = np.full((some.size, len(pattern), 2, 3), 0.0)
        drawn[..., 0, axis] = position
        drawn[..., 0, across] = low[:, None] + pattern[:, :2] * side[:, None]
        drawn[..., 1, across] = pattern[:, 2:] * side[:, None]
        lines.append(drawn.reshape(-1, 2, 3))
        owners.append(np.repeat(some, len(pattern)))
    return np.concatenate(lines), np.concatenate(owners)
