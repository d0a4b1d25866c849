"""The kernel of coherence-enhancing diffusion, compiled by numba."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.compiling.kernel import kernel

Plane = npt.NDArray[np.float64]

_ACROSS = 0.01
_STEEPNESS = 7.2848
_TINY = 2.0**-52


@kernel("(f8[:,::1], f8[:,:,::1], f8, f8, f8[:,::1])")
def diffuse_along(
    plane: Plane, tensor: npt.NDArray[np.float64], contrast: float, time_step: float, out: Plane
) -> None:
    """Do one step of coherence-enhancing diffusion; see `coherence.enhance_coherence`.

    Parameters
    ----------
    plane : (Y, X) array of float64
    tensor : (3, Y, X) array of float64
        The structure tensor: Jyy, Jyx, Jxx. It is overwritten by the diffusivity.
    contrast : float
        Above 0.
    time_step : float
    out : (Y, X) array of float64
        Receives the slice after the step.
    """
    rows, columns = plane.shape
    for y in range(rows):
        for x in range(columns):
            jyy, jyx, jxx = tensor[0, y, x], tensor[1, y, x], tensor[2, y, x]
            alpha = math.sqrt((jxx - jyy) * (jxx - jyy) + 4.0 * jyx * jyx) + _TINY
            along = _ACROSS + (1.0 - _ACROSS) * math.exp(-_STEEPNESS / (alpha / contrast))
            more = (along - _ACROSS) * (jxx - jyy) / alpha
            tensor[0, y, x] = 0.5 * (_ACROSS + along + more)
            tensor[1, y, x] = (_ACROSS - along) * jyx / alpha
            tensor[2, y, x] = 0.5 * (_ACROSS + along - more)
    for y in range(rows):
        n, s = max(y - 1, 0), min(y + 1, rows - 1)
        for x in range(columns):
            w, e = max(x - 1, 0), min(x + 1, columns - 1)
            here = plane[y, x]
            flux = (tensor[0, n, x] + tensor[0, y, x]) * (plane[n, x] - here)
            flux += (tensor[0, s, x] + tensor[0, y, x]) * (plane[s, x] - here)
            flux += (tensor[2, y, w] + tensor[2, y, x]) * (plane[y, w] - here)
            flux += (tensor[2, y, e] + tensor[2, y, x]) * (plane[y, e] - here)
            cross = (tensor[1, n, x] + tensor[1, y, w]) * plane[n, w]
            cross += (tensor[1, s, x] + tensor[1, y, e]) * plane[s, e]
            cross -= (tensor[1, s, x] + tensor[1, y, w]) * plane[s, w]
            cross -= (tensor[1, n, x] + tensor[1, y, e]) * plane[n, e]
            out[y, x] = here + time_step * (0.5 * flux + 0.25 * cross)
