"""What a viewer shows of a fragment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_nx46.live.view import View
from napari_nx46.voxels.blocks import whole_block


def shown_view(dims: Any, layers: Sequence[Layer], shape: tuple[int, int, int]) -> View:
    """Return the slice that is displayed, and the visible part of it.

    Parameters
    ----------
    dims : napari.components.Dims
    layers : sequence of Layer
        Those over the fragment that are in the viewer: the canvas keeps their corners.
    shape : tuple of int
        Of the fragment.
    """
    whole = whole_block(shape)
    if dims.ndisplay == 3:
        return View(whole, whole, three_d=True)
    plane, block = list(whole), list(whole)
    for axis in dims.not_displayed:
        position = int(np.clip(dims.current_step[axis], 0, shape[axis] - 1))
        plane[axis] = block[axis] = slice(position, position + 1)
    corners = next((layer.corner_pixels for layer in layers), None)
    first, last = np.zeros((2, 3), int) if corners is None else np.asarray(corners)
    for axis in dims.displayed:
        start, stop = int(max(first[axis], 0)), int(min(last[axis] + 1, shape[axis]))
        if start < stop and last[axis] > 0:
            block[axis] = slice(start, stop)
    return View((plane[0], plane[1], plane[2]), (block[0], block[1], block[2]))
