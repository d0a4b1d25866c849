"""The clean-up steps, from a thresholded mask to a submitted one, in the order in which they act.

Every step is a pure function in a module of its kind: a mask in, a new mask out, both (Z, Y, X)
arrays of uint8 {0, 1}. It raises ValueError for another array and for a knob below 0. The number of
threads changes no result; without workers the caller's does the work.
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.core.cleanup.border import zero_border
from napari_nx46.core.cleanup.ct_gate import confine_to_ct
from napari_nx46.core.cleanup.cubes.cubes import plug_cubes
from napari_nx46.core.cleanup.fit.fitting import FitRules, fit_sheets
from napari_nx46.core.cleanup.fused.splitting import split_thick
from napari_nx46.core.cleanup.morphology import (
    close_anisotropic,
    close_with_ball,
    open_by_faces,
    stabilise_slices,
)
from napari_nx46.core.cleanup.object_rules.dust import remove_block_dust
from napari_nx46.core.cleanup.object_rules.faces import (
    FacesRule,
    SpanRule,
    remove_incomplete_sheets,
    remove_objects_by_faces,
)
from napari_nx46.core.cleanup.objects import CAVITIES, fill_cavities, remove_small_objects
from napari_nx46.core.cleanup.patching import patch_holes
from napari_nx46.core.cleanup.repair.gaps import bridge_diagonals, repair_gaps
from napari_nx46.core.cleanup.repair.lines import normalise_lines
from napari_nx46.core.cleanup.sheet_by_sheet.mending import SheetRules, mend_sheets
from napari_nx46.core.cleanup.sheets import keep_sheets_apart, sheet_rule
from napari_nx46.core.cleanup.smoothing import MEDIAN_REACH, smooth_mask, take_median
from napari_nx46.core.cleanup.step import NOWHERE, WHOLE, Reach, Step, StepContext
from napari_nx46.core.cleanup.tunnels import plug_tunnels
from napari_nx46.core.filters.gaussian import gaussian_reach
from napari_nx46.setting import CtGate, CubePlugging, Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.piece_rules import PieceRule

__all__ = ["STEPS", "steps_of", "unjoined_steps"]


def _without_small_objects(mask: Mask, context: StepContext, smallest: int) -> Mask:
    return remove_small_objects(
        mask,
        smallest,
        context.setting.object_connectivity,
        known=context.known,
        open_faces=context.open_faces,
        workers=context.workers,
    )


def _limits(setting: Setting) -> tuple[int, int, int]:
    """Return the voxels that an object must have inside, at a face, and in an edge or a corner."""
    return setting.smallest_object, setting.edge_min, setting.corner_min


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
        name="remove_objects_first",
        knobs=("objects_first", "object_connectivity"),
        is_on=lambda setting: setting.objects_first > 1,
        apply=lambda mask, context: _without_small_objects(
            mask, context, context.setting.objects_first
        ),
        reach=lambda setting: WHOLE,
        pieces=lambda setting: PieceRule(
            int(setting.object_connectivity), smallest=setting.objects_first
        ),
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
        name="normalise_lines",
        knobs=("line_norm",),
        is_on=lambda setting: setting.line_norm > 0,
        apply=lambda mask, context: normalise_lines(
            mask, context.setting.line_norm, workers=context.workers
        ),
        reach=lambda setting: Reach(0, None, None),
        joins=True,
    ),
    Step(
        name="repair_gaps",
        knobs=("gap_fill", "gap_support", "diagonal_fill", "repair_passes"),
        is_on=lambda setting: setting.gap_fill > 0 or setting.diagonal_fill,
        apply=lambda mask, context: repair_gaps(
            mask,
            context.setting.gap_fill,
            context.setting.gap_support,
            context.setting.diagonal_fill,
            context.setting.repair_passes,
            workers=context.workers,
        ),
        reach=lambda setting: Reach(
            *(setting.repair_passes * (setting.gap_fill + setting.diagonal_fill),) * 3
        ),
        joins=True,
    ),
    Step(
        name="mend_sheets",
        knobs=(
            "per_sheet",
            "sheet_closing",
            "most_sheets",
            "patch_holes",
            "patch_blocks",
            "plug_cubes",
            "plug_passes",
            "border",
        ),
        is_on=lambda setting: setting.per_sheet,
        apply=lambda mask, context: mend_sheets(
            mask,
            SheetRules.of(context.setting),
            place=context.place,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        joins=True,
        cell=lambda setting: setting.patch_blocks,
        in_preview=False,
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
        name="plug_cubes",
        knobs=("plug_cubes", "plug_passes"),
        is_on=lambda setting: setting.plug_cubes is not CubePlugging.OFF and not setting.per_sheet,
        apply=lambda mask, context: plug_cubes(
            mask,
            context.setting.plug_passes,
            context.setting.plug_cubes,
            workers=context.workers,
        ),
        reach=lambda setting: (
            WHOLE
            if setting.plug_cubes is CubePlugging.RASTER
            else Reach(*(setting.plug_passes,) * 3)
        ),
        joins=True,
    ),
    Step(
        name="patch_holes",
        knobs=("patch_holes", "patch_blocks"),
        is_on=lambda setting: setting.patch_holes > 0 and not setting.per_sheet,
        apply=lambda mask, context: patch_holes(
            mask,
            context.setting.patch_holes,
            side=context.setting.patch_blocks,
            block=context.block,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        joins=True,
        cell=lambda setting: setting.patch_blocks,
    ),
    Step(
        name="fit_sheets",
        knobs=(
            "sheet_fit",
            "fit_low",
            "fit_higher_low",
            "fit_highest_low",
            "fit_cube",
            "fit_dice",
            "fit_coverage",
            "fit_alt_dice",
            "fit_alt_coverage",
            "fit_grid",
            "fit_smallest",
            "fit_largest",
            "border",
        ),
        is_on=lambda setting: setting.sheet_fit,
        apply=lambda mask, context: fit_sheets(
            mask,
            context.alternatives,
            FitRules.of(context.setting),
            workers=context.workers,
            cancelled=context.cancelled,
        ),
        reach=lambda setting: WHOLE,
        joins=True,
        in_preview=False,
        alternative_lows=lambda setting: (
            setting.fit_low,
            setting.fit_higher_low,
            *([setting.fit_highest_low] if setting.fit_highest_low > 0 else ()),
        ),
    ),
    Step(
        name="fill_cavities",
        knobs=("fill_cavities",),
        is_on=lambda setting: setting.fill_cavities,
        apply=lambda mask, context: fill_cavities(mask, workers=context.workers),
        reach=lambda setting: WHOLE,
        joins=True,
        pieces=lambda setting: CAVITIES,
    ),
    Step(
        name="smooth_mask",
        knobs=("mask_gauss",),
        is_on=lambda setting: setting.mask_gauss > 0,
        apply=lambda mask, context: smooth_mask(
            mask, context.setting.mask_gauss, workers=context.workers
        ),
        reach=lambda setting: Reach(*(gaussian_reach(setting.mask_gauss),) * 3),
        joins=True,
    ),
    Step(
        name="take_median",
        knobs=("median_passes", "median_window"),
        is_on=lambda setting: setting.median_passes > 0,
        apply=lambda mask, context: take_median(
            mask,
            context.setting.median_passes,
            context.setting.median_window,
            workers=context.workers,
        ),
        reach=lambda setting: Reach(
            *(setting.median_passes * side for side in MEDIAN_REACH[setting.median_window])
        ),
        joins=True,
    ),
    Step(
        name="split_thick",
        knobs=("split_thick", "patch_blocks"),
        is_on=lambda setting: setting.split_thick > 0,
        apply=lambda mask, context: split_thick(
            mask,
            context.setting.split_thick,
            side=context.setting.patch_blocks,
            block=context.block,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        cell=lambda setting: setting.patch_blocks,
        in_preview=False,
    ),
    Step(
        name="remove_small_objects",
        knobs=("smallest_object", "object_connectivity"),
        is_on=lambda setting: setting.smallest_object > 1 and setting.edge_margin == 0,
        apply=lambda mask, context: _without_small_objects(
            mask, context, context.setting.smallest_object
        ),
        reach=lambda setting: WHOLE,
        pieces=lambda setting: PieceRule(
            int(setting.object_connectivity), smallest=setting.smallest_object
        ),
    ),
    Step(
        name="remove_objects_by_faces",
        knobs=(
            "edge_margin",
            "smallest_object",
            "edge_min",
            "corner_min",
            "object_connectivity",
        ),
        is_on=lambda setting: setting.edge_margin > 0 and max(_limits(setting)) > 1,
        apply=lambda mask, context: remove_objects_by_faces(
            mask,
            _limits(context.setting),
            context.setting.edge_margin,
            context.setting.object_connectivity,
            place=context.place,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        pieces=lambda setting: FacesRule(
            int(setting.object_connectivity), limits=_limits(setting), margin=setting.edge_margin
        ),
    ),
    Step(
        name="remove_incomplete_sheets",
        knobs=("sheet_span", "edge_margin", "object_connectivity"),
        is_on=lambda setting: setting.sheet_span > 0,
        apply=lambda mask, context: remove_incomplete_sheets(
            mask,
            context.setting.sheet_span,
            context.setting.edge_margin,
            context.setting.object_connectivity,
            place=context.place,
            workers=context.workers,
        ),
        reach=lambda setting: WHOLE,
        pieces=lambda setting: SpanRule(
            int(setting.object_connectivity), span=setting.sheet_span, margin=setting.edge_margin
        ),
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
        pieces=lambda setting: sheet_rule(setting.smallest_object),
    ),
    Step(
        name="remove_block_dust",
        knobs=("block_dust",),
        is_on=lambda setting: setting.block_dust > 1,
        apply=lambda mask, context: remove_block_dust(
            mask, context.setting.block_dust, place=context.place, workers=context.workers
        ),
        reach=lambda setting: WHOLE,
        fragments_alone=True,
    ),
    Step(
        name="bridge_diagonals",
        knobs=("bridge_diagonals",),
        is_on=lambda setting: setting.bridge_diagonals,
        apply=lambda mask, context: bridge_diagonals(mask, workers=context.workers),
        reach=lambda setting: Reach(1, 1, 1),
        joins=True,
    ),
    Step(
        name="confine_to_ct",
        knobs=("ct_gate", "ct_threshold", "ct_margin"),
        is_on=lambda setting: setting.ct_gate is CtGate.MASK,
        apply=lambda mask, context: confine_to_ct(
            mask,
            context.ct_image,
            context.setting.ct_threshold,
            context.setting.ct_margin,
            block=context.block,
        ),
        reach=lambda setting: NOWHERE,
        needs_image=True,
    ),
    Step(
        name="zero_border_again",
        knobs=("border", "border_again"),
        is_on=lambda setting: setting.border_again and setting.border > 0,
        apply=lambda mask, context: zero_border(
            mask, context.setting.border, block=context.block, shape=context.shape
        ),
        reach=lambda setting: NOWHERE,
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
