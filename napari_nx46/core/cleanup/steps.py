"""The clean-up steps: from a thresholded mask to a submitted one.

Every step is a pure function: a mask in, a new mask out, both (Z, Y, X) arrays of uint8 {0, 1}. It
raises ValueError for another array and for a knob below 0. The number of threads changes no result;
without workers the caller's does the work. `STEPS` gives the order in which the steps act.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_nx46.core.cleanup.arguments import require_whole_numbers
from napari_nx46.core.cleanup.morphology import (
    ball,
    closed,
    disc,
    majority_of_slices,
    opened,
    z_line,
)
from napari_nx46.core.cleanup.objects import CLOSED, drop_small, fill_enclosed
from napari_nx46.core.cleanup.patching import patch_sheet_holes
from napari_nx46.core.cleanup.sheets import separate_sheets
from napari_nx46.core.cleanup.step import NOWHERE, WHOLE, Reach, Step, StepContext
from napari_nx46.core.cleanup.tunnels import plugged
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, OpenFaces, whole_block
from napari_nx46.voxels.spans import checked_mask
from napari_nx46.voxels.workers import Workers

__all__ = [
    "NOWHERE",
    "STEPS",
    "WHOLE",
    "Reach",
    "Step",
    "StepContext",
    "close_anisotropic",
    "close_with_ball",
    "fill_cavities",
    "keep_sheets_apart",
    "open_by_faces",
    "patch_holes",
    "plug_tunnels",
    "remove_small_objects",
    "stabilise_slices",
    "steps_of",
    "unjoined_steps",
    "zero_border",
]


def zero_border(
    mask: Mask,
    border: int,
    *,
    block: Block | None = None,
    shape: tuple[int, int, int] | None = None,
) -> Mask:
    """Make the voxels near the fragment's faces background.

    Networks see less context there. Part of the first-place solution.

    Reach: none, once the mask's place is known.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    border : int
        So many voxels at each of the six faces are cleared.
    block, shape : Block and three int, optional
        Where the mask lies in its fragment, and the fragment's voxels; by default it is all of it.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    require_whole_numbers(border=border)
    z, y, x = checked_mask(mask).shape
    inner = tuple(
        slice(max(0, border - extent.start), max(0, length - border - extent.start))
        for extent, length in zip(block or whole_block((z, y, x)), shape or mask.shape, strict=True)
    )
    cleared = np.zeros((z, y, x), np.uint8)
    cleared[inner] = mask[inner]
    return cleared


def open_by_faces(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Open the mask with a voxel and its six neighbours: what is thinner goes.

    Equals ``scipy.ndimage.binary_opening(mask, generate_binary_structure(3, 1))``. Part of the
    twelfth-place solution.

    Reach: 2 voxels along each axis. Outside the fragment lies background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    return opened(mask, ball(1), workers or Workers(1))


def close_anisotropic(
    mask: Mask, z_radius: int, xy_radius: int, *, workers: Workers | None = None
) -> Mask:
    """Close gaps with the element {abs(dz) <= z_radius, dy^2 + dx^2 <= xy_radius^2}.

    Part of the public notebook that scored 0.552 (3, 2) and of the twelfth-place solution (2, 1).

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    z_radius, xy_radius : int
        In voxels.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.

    Notes
    -----
    Equals `scipy.ndimage.binary_closing` of the mask within a margin of background as wide as the
    radii, which is cut off again. The plain call takes everything beyond the faces for background
    when it erodes, too, and so erases what lies within a radius of a face; elsewhere both agree.

    Reach: twice the radius along each axis.
    """
    require_whole_numbers(z_radius=z_radius, xy_radius=xy_radius)
    elements = [disc(xy_radius)] if xy_radius else []
    elements += [z_line(z_radius)] if z_radius else []
    return closed(mask, elements, workers or Workers(1)) if elements else checked_mask(mask).copy()


def close_with_ball(mask: Mask, radius: int, *, workers: Workers | None = None) -> Mask:
    """Close gaps with the element {dz^2 + dy^2 + dx^2 <= radius^2}.

    Part of the first-place solution, with radius 3.

    At the faces as `close_anisotropic`. Reach: twice the radius along each axis.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
        In voxels.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.
    """
    require_whole_numbers(radius=radius)
    return (
        closed(mask, [ball(radius)], workers or Workers(1)) if radius else checked_mask(mask).copy()
    )


def plug_tunnels(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Fill tunnels that are one voxel wide: straight, diagonal, or diagonal in space.

    A background voxel is filled if one of its six neighbours is foreground, and if filling it alone
    raises the Euler number of the 6-connected foreground by exactly 1: it fills one loop (or shuts
    a cavity). All such voxels are filled at once. Part of the first-place solution.

    Reach: 1 voxel along each axis. Outside the fragment lies background.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.
    """
    return plugged(mask, workers or Workers(1))


def patch_holes(mask: Mask, largest_side: int, *, workers: Workers | None = None) -> Mask:
    """Patch holes in sheets, unless the sheet's Euler number gets worse by it.

    For what a hole and its patch are see `patching.patch_sheet_holes`.

    Reach: the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    largest_side : int
        Longest side of a hole, in voxels.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.
    """
    require_whole_numbers(largest_side=largest_side)
    return patch_sheet_holes(mask, largest_side, workers=workers)


def fill_cavities(mask: Mask, *, workers: Workers | None = None) -> Mask:
    """Fill background that foreground encloses on all sides.

    Equals ``scipy.ndimage.binary_fill_holes(mask)``: background is connected by faces, and what
    reaches a face of the mask is not enclosed. Part of the first-place solution.

    Reach: the whole fragment. On a block, what leaves it is not enclosed.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At least the mask itself.
    """
    return fill_enclosed(mask, workers=workers)


def remove_small_objects(
    mask: Mask,
    smallest: int,
    connectivity: int,
    *,
    known: Mask | None = None,
    open_faces: OpenFaces = CLOSED,
    workers: Workers | None = None,
) -> Mask:
    """Remove components of fewer voxels.

    Equals `skimage.morphology.remove_small_objects` with this `min_size`. Part of all the published
    chains, with 100 to 20,000 voxels.

    Reach: the whole fragment. On a block, a small component that leaves it has an unknown size: it
    stays, unless `known` has none of its voxels.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    smallest : int
        Components of fewer voxels are removed.
    connectivity : {6, 18, 26}
        Whether voxels are connected by faces, also by edges, also by corners.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        On a block: the last exact mask there.
    open_faces : OpenFaces, optional
        On a block: through which of its faces the fragment goes on.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself.
    """
    require_whole_numbers(smallest=smallest)
    return drop_small(
        mask, smallest, connectivity, known=known, open_faces=open_faces, workers=workers
    )


def stabilise_slices(mask: Mask, radius: int, *, workers: Workers | None = None) -> Mask:
    """Give each voxel the majority over ``2 radius + 1`` slices, the outer slices repeated.

    Equals ``scipy.ndimage.median_filter(mask, (2 radius + 1, 1, 1), mode="nearest")``. Asked for by
    NX47.

    Reach: the radius along z.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    radius : int
        Slices on either side.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
    """
    require_whole_numbers(radius=radius)
    return (
        majority_of_slices(mask, radius, workers or Workers(1))
        if radius
        else checked_mask(mask).copy()
    )


def keep_sheets_apart(
    mask: Mask, unjoined: Mask, gap: int, smallest: int, *, workers: Workers | None = None
) -> Mask:
    """Part the sheets that the steps after the opening have joined.

    The winner's chain keeps components at least one voxel apart; see `sheets.separate_sheets` for
    which voxels go.

    Reach: the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    unjoined : (Z, Y, X) array of uint8, {0, 1}
        The mask before the first closing.
    gap : int
        Voxels of background between sheets, at least.
    smallest : int
        Components of `unjoined` with fewer voxels are no sheets.
    workers : Workers, optional

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        At most the mask itself.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    require_whole_numbers(gap=gap, smallest=smallest)
    if mask.shape != unjoined.shape:
        raise ValueError(
            f"the mask has shape {mask.shape}, but the one before the closing {unjoined.shape}"
        )
    return separate_sheets(mask, unjoined, gap, smallest, workers=workers)


STEPS: tuple[Step, ...] = (
    Step(
        name="zero_border",
        knobs=("border",),
        is_on=lambda setting: setting.border > 0,
        apply=lambda mask, context: zero_border(
            mask, context.setting.border, block=context.block, shape=context.shape
        ),
        reach=lambda setting: NOWHERE,
    ),
    Step(
        name="open_by_faces",
        knobs=("opening",),
        is_on=lambda setting: setting.opening,
        apply=lambda mask, context: open_by_faces(mask, workers=context.workers),
        reach=lambda setting: Reach(2, 2, 2),
    ),
    Step(
        name="close_anisotropic",
        knobs=("closing_z", "closing_xy"),
        is_on=lambda setting: setting.closing_z > 0 or setting.closing_xy > 0,
        apply=lambda mask, context: close_anisotropic(
            mask, context.setting.closing_z, context.setting.closing_xy, workers=context.workers
        ),
        reach=lambda setting: Reach(
            2 * setting.closing_z, 2 * setting.closing_xy, 2 * setting.closing_xy
        ),
        joins=True,
    ),
    Step(
        name="close_with_ball",
        knobs=("closing_ball",),
        is_on=lambda setting: setting.closing_ball > 0,
        apply=lambda mask, context: close_with_ball(
            mask, context.setting.closing_ball, workers=context.workers
        ),
        reach=lambda setting: Reach(*(2 * setting.closing_ball,) * 3),
        joins=True,
    ),
    Step(
        name="plug_tunnels",
        knobs=("plug_tunnels",),
        is_on=lambda setting: setting.plug_tunnels,
        apply=lambda mask, context: plug_tunnels(mask, workers=context.workers),
        reach=lambda setting: Reach(1, 1, 1),
        joins=True,
    ),
    Step(
        name="patch_holes",
        knobs=("patch_holes",),
        is_on=lambda setting: setting.patch_holes > 0,
        apply=lambda mask, context: patch_holes(
            mask, context.setting.patch_holes, workers=context.workers
        ),
        reach=lambda setting: WHOLE,
        joins=True,
    ),
    Step(
        name="fill_cavities",
        knobs=("fill_cavities",),
        is_on=lambda setting: setting.fill_cavities,
        apply=lambda mask, context: fill_cavities(mask, workers=context.workers),
        reach=lambda setting: WHOLE,
        joins=True,
    ),
    Step(
        name="remove_small_objects",
        knobs=("smallest_object", "object_connectivity"),
        is_on=lambda setting: setting.smallest_object > 1,
        apply=lambda mask, context: remove_small_objects(
            mask,
            context.setting.smallest_object,
            context.setting.object_connectivity,
            known=context.known,
            open_faces=context.open_faces,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
    ),
    Step(
        name="stabilise_slices",
        knobs=("stabilise_radius",),
        is_on=lambda setting: setting.stabilise_radius > 0,
        apply=lambda mask, context: stabilise_slices(
            mask, context.setting.stabilise_radius, workers=context.workers
        ),
        reach=lambda setting: Reach(setting.stabilise_radius, 0, 0),
        joins=True,
    ),
    Step(
        name="keep_sheets_apart",
        knobs=("sheet_gap", "smallest_object"),
        is_on=lambda setting: setting.sheet_gap > 0,
        apply=lambda mask, context: keep_sheets_apart(
            mask,
            context.mask_before_joining,
            context.setting.sheet_gap,
            context.setting.smallest_object,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        looks_back=True,
    ),
)
"""Every step, in the order in which they act."""


def steps_of(setting: Setting) -> tuple[Step, ...]:
    """Return the steps that a setting asks for, in order."""
    return tuple(step for step in STEPS if step.is_on(setting))


def unjoined_steps(steps: Sequence[Step]) -> int:
    """Return how many of the steps come before the first that may join sheets, or looks back."""
    joined = (number for number, step in enumerate(steps) if step.joins or step.looks_back)
    return next(joined, len(steps))
