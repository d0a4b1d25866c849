"""Where the voxels of a layer lie in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.utils.transforms import Affine

from napari_nx46.files.volumes.placement import Placement

if TYPE_CHECKING:
    from napari.layers import Layer

Matrix = npt.NDArray[np.float64]
Space = tuple[int, ...]
"""Which axes of a layer are z, y and x; y and x of one that is a single slice."""

SPATIAL = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
"""The attributes of a layer that say where it lies."""
WHOLE_SPACE = (0, 1, 2)
AXIS_LABELS = ("z", "y", "x")
_SAME = 1e-3
"""Share of a voxel by which the corners of two layers may be apart."""


def world_matrix(layer: Layer, space: Space) -> Matrix:
    """Return the affine matrix, 4 x 4, from voxels (z, y, x) of a layer to its world.

    Parameters
    ----------
    layer : Layer
    space : tuple of int
        Its axes that are z, y and x; other axes are at 0. Of a single slice y and x: there z is as
        far apart as y, beginning at 0.
    """
    origin = np.zeros(layer.ndim)
    zero = np.asarray(layer.data_to_world(origin))
    steps = []
    for axis in space:
        unit = origin.copy()
        unit[axis] = 1
        steps.append((np.asarray(layer.data_to_world(unit)) - zero)[list(space)])
    matrix = np.eye(4)
    used = len(space)
    matrix[3 - used : 3, 3 - used : 3] = np.array(steps).T
    matrix[3 - used : 3, 3] = zero[list(space)]
    if used < len(AXIS_LABELS):
        matrix[0, 0] = np.linalg.norm(steps[0])
    return matrix


def spatial_attributes(layer: Layer, space: Space) -> dict[str, Any]:
    """Return the attributes of a layer of (z, y, x) voxels that lies where another one does.

    Parameters
    ----------
    layer : Layer
    space : tuple of int
        Its axes that are z, y and x, or y and x.
    """
    if space == WHOLE_SPACE and layer.ndim == len(WHOLE_SPACE):
        return {name: getattr(layer, name) for name in SPATIAL}
    matrix = world_matrix(layer, space)
    names = {"units": layer.units, "axis_labels": layer.axis_labels}
    chosen = {name: tuple(values[axis] for axis in space) for name, values in names.items()}
    if len(space) < len(AXIS_LABELS):
        chosen = {
            "units": (chosen["units"][0], *chosen["units"]),
            "axis_labels": ("-3", *chosen["axis_labels"]),
        }
    return {**_place_of(matrix), **chosen}


def reordered_attributes(layer: Layer, order: Space) -> dict[str, Any]:
    """Return the attributes of a layer that lies where another one does, by axes in another order.

    Parameters
    ----------
    layer : Layer
    order : tuple of int
        Its axes, each once.
    """
    own = Affine(
        scale=layer.scale, translate=layer.translate, rotate=layer.rotate, shear=layer.shear
    )
    whole = np.asarray(layer.affine.compose(own).affine_matrix)
    at = (*order, len(order))
    names = {"units": layer.units, "axis_labels": layer.axis_labels}
    chosen = {name: tuple(values[axis] for axis in order) for name, values in names.items()}
    return {**_place_of(whole[np.ix_(at, at)]), **chosen}


def _place_of(matrix: Matrix) -> dict[str, Any]:
    """Return the attributes of a layer whose voxels a matrix takes to the world."""
    axes = len(matrix) - 1
    unit, nowhere = np.eye(axes + 1), np.zeros(axes)
    plain = {"rotate": np.eye(axes), "shear": np.zeros(axes * (axes - 1) // 2)}
    if _is_diagonal(matrix):
        scale = np.diag(matrix)[:axes]
        return {"scale": scale, "translate": matrix[:axes, axes], "affine": unit, **plain}
    return {"scale": np.ones(axes), "translate": nowhere, "affine": matrix, **plain}


def placement_of(layer: Layer, space: Space) -> Placement | None:
    """Return size and place of a layer's voxels; None where nobody has said them.

    Of a layer that is rotated or sheared the place is left out.
    """
    matrix = world_matrix(layer, space)
    units = [str(layer.units[axis]) for axis in space]
    units = [units[0]] * (len(AXIS_LABELS) - len(units)) + units
    if np.array_equal(matrix, np.eye(4)) and set(units) == {"pixel"}:
        return None
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    place = matrix[:3, 3] if _is_diagonal(matrix) else np.zeros(3)
    return Placement.of(sizes.tolist(), place.tolist(), units)


def is_same_place(
    one: Matrix,
    one_units: tuple[Any, ...],
    other: Matrix,
    other_units: tuple[Any, ...],
    shape: Space,
) -> bool:
    """Return whether the corners of two layers of one shape lie at the same places.

    Parameters
    ----------
    one, other : (4, 4) array
        See `world_matrix`.
    one_units, other_units : tuple of pint units
        Along (z, y, x).
    shape : tuple of int
        Number of voxels along (z, y, x).
    """
    factors = [
        1.0 if a == b or not a.is_compatible_with(b) else (1 * b).to(a).magnitude
        for a, b in zip(one_units, other_units, strict=True)
    ]
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)], float)
    corners[:, :3] *= np.array(shape) - 1
    apart = (one @ corners.T)[:3] - np.array(factors)[:, None] * (other @ corners.T)[:3]
    voxel = np.linalg.norm(one[:3, :3], axis=0).min()
    return bool(np.abs(apart).max() <= _SAME * voxel)


def _is_diagonal(matrix: Matrix) -> bool:
    linear = matrix[:-1, :-1]
    return bool((linear == np.diag(np.diag(linear))).all() and (np.diag(linear) > 0).all())
