"""Draw what each group of knobs does to a mask: before and after, where the slice changes most."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from draw_examples import MASK
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from png import save_figure

from napari_nx46 import SAMPLES, SampleFragment, Setting, make_mask, make_sample
from napari_nx46.setting import Group

ADDED, REMOVED = (0.0, 0.45, 0.85), (0.84, 0.37, 0.0)
"""Of the palette of Okabe and Ito, as `MASK` is."""
OPACITY, DIMMED = 0.75, 1.5
GROUPS_A_ROW = 2
COLUMN_INCHES, ROW_INCHES = 3.0, 2.9
SAMPLE = SAMPLES[1]
"""Its sheets touch, and are wavy."""

Knobs = dict[str, Any]
Voxels = npt.NDArray[Any]


@dataclass(frozen=True)
class Change:
    """Knobs of a group that are moved, and where the others stand."""

    moved: Knobs
    before: Knobs = field(default_factory=lambda: {"quantile": 0.9})


PAIR = {"quantile": 0.9, "hysteresis": True, "low_quantile": 0.84}
CHANGES: dict[str, dict[Group, Change]] = {
    "knobs-score": {
        Group.SCORE: Change({"z_radius": 2, "blend": 0.72}, PAIR | {"z_radius": 0, "blend": 0.0}),
        Group.SCORE_SMOOTHING: Change({"smooth": "gaussian", "smooth_sigma": 2.0}),
        Group.SHEETNESS: Change({"sheetness": "replace"}),
        Group.COHERENCE: Change({"ced_steps": 15}),
        Group.CT_SUPPORT: Change({"ct_gate": "mask", "ct_threshold": 135.0}),
    },
    "knobs-mask": {
        Group.THRESHOLD: Change({"hysteresis": True, "low_quantile": 0.84}),
        Group.ADAPTIVE: Change({"rule": "adaptive"}),
        Group.CLEAN_UP: Change({"closing_z": 2, "closing_xy": 2}),
        Group.SHEETS: Change({"sheet_gap": 3}, {"quantile": 0.8}),
        Group.SHEET_FIT: Change({"sheet_fit": True, "fit_largest": 1.0, "fit_grid": 40}),
        Group.REPAIR: Change({"gap_fill": 3, "diagonal_fill": True}),
        Group.SMOOTHING: Change({"median_passes": 3}),
        Group.OBJECTS: Change({"smallest_object": 300}),
    },
}
"""Of each picture, the groups in it: every group is in one of them."""


def mask_of(sample: SampleFragment, knobs: Knobs) -> Voxels:
    """Return the mask of a sample."""
    return make_mask(sample.p3d, sample.p2d, setting=Setting(**knobs), image=sample.image)


def show(axes: Axes, scores: Voxels, title: str, *layers: tuple[Voxels, tuple[float, ...]]) -> None:
    """Show a slice in grey with coloured voxels over it."""
    axes.imshow(scores, cmap="gray", vmax=DIMMED * scores.max(), interpolation="nearest")
    for voxels, colour in layers:
        drawn = np.zeros((*voxels.shape, 4))
        drawn[voxels] = (*colour, OPACITY)
        axes.imshow(drawn, interpolation="nearest")
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def draw_change(left: Axes, right: Axes, sample: SampleFragment, group: Group) -> None:
    """Draw the slice that a group of knobs changes most.

    Raises
    ------
    RuntimeError
        If it changes no voxel.
    """
    change = next(groups[group] for groups in CHANGES.values() if group in groups)
    before = mask_of(sample, change.before) > 0
    after = mask_of(sample, change.before | change.moved) > 0
    changed = np.count_nonzero(before != after, axis=(1, 2))
    if not changed.any():
        raise RuntimeError(f"{group}: {change.moved} changes no voxel of {sample.image_id}")
    z = int(changed.argmax())
    moved = ", ".join(f"{name} {value}" for name, value in change.moved.items())
    old, new, scores = before[z], after[z], sample.p3d[z]
    show(left, scores, f"{group}: before, slice {z}", (old, MASK))
    show(right, scores, moved, (old & new, MASK), (new & ~old, ADDED), (old & ~new, REMOVED))


def draw_knobs(folder: Path) -> None:
    """Draw both pictures into a folder.

    Raises
    ------
    RuntimeError
        If a group of knobs is in no picture.
    """
    missing = set(Group).difference(*CHANGES.values())
    if missing:
        raise RuntimeError(f"groups of knobs in no picture: {', '.join(sorted(missing))}")
    sample = make_sample(SAMPLE)
    names = (("kept", MASK), ("added", ADDED), ("removed", REMOVED))
    patches = [Patch(color=colour, label=name) for name, colour in names]
    for name, groups in CHANGES.items():
        rows, columns = -(-len(groups) // GROUPS_A_ROW), 2 * GROUPS_A_ROW
        figure = Figure((columns * COLUMN_INCHES, rows * ROW_INCHES), layout="constrained")
        cells = figure.subplots(rows, columns).reshape(-1, 2)
        for group, (left, right) in zip(groups, cells, strict=False):
            draw_change(left, right, sample, group)
        for axes in cells[len(groups) :].flat:
            axes.set_axis_off()
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches))
        save_figure(figure, folder / f"{name}.png")


if __name__ == "__main__":
    draw_knobs(Path(sys.argv[1]).resolve())
