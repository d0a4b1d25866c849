"""In which passes over its tiles the mask of a large volume comes to be.

A *pass* visits every tile once, in any order. It begins with the scores, or with the mask that the
pass before left as a *layer*, and ends with another layer or with the result. Steps that look
around a voxel read a halo from the layer, so that no source is read twice. What decides on whole
components takes two passes: one finds the pieces of each tile, these are joined between the passes
(`napari_nx46.voxels.merging`), and the next one flips what was decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from napari_nx46.core.cleanup.objects import LINKED
from napari_nx46.core.cleanup.step import Step
from napari_nx46.core.cleanup.steps import steps_of, unjoined_steps
from napari_nx46.core.score.blend import PathKey
from napari_nx46.core.score.smoothing import smoothed_alone, smoothing_reach
from napari_nx46.setting import Domain, Setting, ThresholdRule
from napari_nx46.voxels.blocks import Block, widened
from napari_nx46.voxels.piece_rules import PieceRule

__all__ = [
    "HYSTERESIS",
    "Labelling",
    "Pass",
    "QuantileOver",
    "plan_passes",
    "refusals",
    "step_refusals",
]

QuantileOver = Literal["volume", "written"]
"""Whether voxels of chunks that are not there count for a quantile."""

HYSTERESIS = "hysteresis"
SHEETS = "sheets"


@dataclass(frozen=True)
class Labelling:
    """Pieces that a pass finds, and the rule by which they are decided on.

    Parameters
    ----------
    name : str
    rule : PieceRule
    """

    name: str
    rule: PieceRule


@dataclass(frozen=True)
class Pass:
    """One visit of all tiles.

    Parameters
    ----------
    number : int
        From 0.
    reads : str, optional
        The layer that it begins with; without one, the scores.
    decides : Labelling, optional
        What an earlier pass labelled, and what is flipped first of all.
    steps : tuple of Step
        Local steps, in order.
    parts : Step, optional
        The step that keeps sheets apart, done before the others.
    labels : Labelling, optional
        What is labelled last.
    sheets : Labelling, optional
        Which sheets are numbered, on the mask after the first `sheets_after` steps. The numbers are
        left as the layer ``"sheets"``.
    sheets_after : int
    writes : str, optional
        The layer that its mask is left as; without one, it is the result.
    """

    number: int
    reads: str | None = None
    decides: Labelling | None = None
    steps: tuple[Step, ...] = ()
    parts: Step | None = None
    labels: Labelling | None = None
    sheets: Labelling | None = None
    sheets_after: int = 0
    writes: str | None = None

    @property
    def name(self) -> str:
        """What it does, in a few words."""
        words = ["threshold"] if self.reads is None else []
        words += [self.decides.name] if self.decides else []
        words += [step.name for step in (self.parts, *self.steps) if step is not None]
        words += [f"pieces for {self.labels.name}"] if self.labels else []
        return " + ".join(words).replace("_", " ")

    @property
    def labellings(self) -> tuple[Labelling, ...]:
        """All whose pieces it finds: to be merged before the passes that need them."""
        return tuple(one for one in (self.labels, self.sheets) if one is not None)

    def boxes(self, setting: Setting, block: Block, shape: tuple[int, int, int]) -> list[Block]:
        """Return the boxes that the steps work on, one a step, and last the block itself.

        Parameters
        ----------
        setting : Setting
        block : Block
            That the mask is wanted of.
        shape : tuple of int
            Voxels of the volume along z, y and x.
        """
        boxes = [block]
        for step in reversed(self.steps):
            boxes.insert(0, _needed(step, setting, boxes[0], shape))
        return boxes

    def spread(self, setting: Setting, block: Block, shape: tuple[int, int, int]) -> Block:
        """Return the box outside which the steps leave background, of foreground in a block."""
        for step in self.steps:
            block = _needed(step, setting, block, shape)
        return block

    def halo(self, setting: Setting) -> tuple[int, int, int]:
        """Return how far around its tiles it reads the layer, without what cells need.

        Where it keeps sheets apart, most tiles read so far, and a few farther.
        """
        reaches = [step.reach(setting) for step in self.steps if not _cell(step, setting)]
        z, y, x = (
            sum(0 if reach is None else reach for reach in axis)
            for axis in zip((0, 0, 0), *reaches, strict=True)
        )
        more = 0 if self.parts is None else setting.sheet_gap + FIRST_GROWTH
        return z + more, y + more, x + more


FARTHEST = 256
"""Voxels around a tile that its scores may be made from."""

FIRST_GROWTH = 8
"""Layers that sheets grow, before a tile that needs more reads a wider halo."""


def plan_passes(setting: Setting) -> tuple[Pass, ...]:
    """Return the passes that make a setting's mask, in order.

    Pass n writes the layer ``"layer n"``, which pass n + 1 alone reads; ``"sheets"`` is read by the
    pass that keeps them apart.

    Parameters
    ----------
    setting : Setting
        One that `refusals` has nothing against.

    Returns
    -------
    tuple of Pass

    Raises
    ------
    ValueError
        If a step cannot be done by tiles.
    """
    steps = steps_of(setting)
    plan = _Plan(unjoined_steps(steps) if any(step.looks_back for step in steps) else None)
    back = next((step for step in steps if step.looks_back), None)
    sheets = None if back is None or back.pieces is None else back.pieces(setting)
    if setting.is_pair:
        plan.label(Labelling(HYSTERESIS, LINKED))
    plan.reached(0, sheets)
    for number, step in enumerate(steps, 1):
        plan.add(step, setting)
        plan.reached(number, sheets)
    return (*plan.done, plan.last)


class _Plan:
    """Passes while they are planned.

    Parameters
    ----------
    unjoined : int, optional
        Number of steps before the mask whose sheets are numbered.
    """

    def __init__(self, unjoined: int | None) -> None:
        self.done: tuple[Pass, ...] = ()
        self.last = Pass(0)
        self._unjoined = unjoined

    def add(self, step: Step, setting: Setting) -> None:
        """Add a step to the last pass, or begin another one with it."""
        if step.looks_back:
            self._begin()
            self.last = replace(self.last, parts=step)
        elif step.pieces is not None:
            self.label(Labelling(step.name, step.pieces(setting)))
        elif not _is_local(step, setting):
            raise ValueError(_whole(step, setting))
        else:
            if not self._takes(step, setting):
                self._begin()
            self.last = replace(self.last, steps=(*self.last.steps, step))

    def _takes(self, step: Step, setting: Setting) -> bool:
        """Return whether the last pass may go on with a step."""
        last = self.last
        if not _cell(step, setting) and not any(step.reach(setting)):
            return True
        has_halo = last.reads is not None and last.decides is None and last.parts is None
        # A halo around cells, or around what is made of cells, would be that of many more cells.
        is_alone = not _cell(step, setting) or not last.steps
        return has_halo and is_alone and not any(_cell(other, setting) for other in last.steps)

    def label(self, labelling: Labelling) -> None:
        """End the last pass with a labelling, which the next one decides."""
        self.last = replace(self.last, labels=labelling)
        self._begin()
        self.last = replace(self.last, decides=labelling)

    def reached(self, steps: int, sheets: PieceRule | None) -> None:
        """Have the sheets numbered if they are those of the mask after so many steps."""
        if steps == self._unjoined and sheets is not None:
            self.last = replace(
                self.last,
                sheets=Labelling(SHEETS, sheets),
                sheets_after=len(self.last.steps),
            )

    def _begin(self) -> None:
        layer = f"layer {self.last.number}"
        self.done = (*self.done, replace(self.last, writes=layer))
        self.last = Pass(self.last.number + 1, reads=layer)


def refusals(setting: Setting, quantile_over: QuantileOver | None = None) -> list[str]:
    """Return why a setting cannot be applied tile by tile, one reason a line; empty if it can.

    Parameters
    ----------
    setting : Setting
    quantile_over : {"volume", "written"}, optional
        Over which voxels of the whole volume a quantile is to be taken.
    """
    found = []
    by_quantile = setting.rule is ThresholdRule.QUANTILE and setting.domain is not Domain.SLICE
    if by_quantile and quantile_over is None:
        found.append(
            f"the threshold is the quantile {setting.quantile:g} of the scores: turn it into a "
            "probability over boxes of the volume with `nx46 freeze`, or take it over the whole "
            "with --quantile-over volume (or written)"
        )
    if setting.ced_steps and smoothing_reach(setting)[1] > FARTHEST:
        found.append(
            f"{setting.ced_steps} steps of coherence-enhancing diffusion look "
            f"{smoothing_reach(setting)[1]} voxels around each one, which every tile would have to "
            f"read: choose --ced-steps, --ced-sigma and --ced-rho so that it is at most {FARTHEST}"
        )
    if PathKey.of(setting).is_ranked and smoothed_alone(setting) is not None:
        found.append(
            "volumes that are smoothed have as many different values as voxels, too many for a "
            "table of their ranks: choose --smooth-stage score, or another averaging than rank"
        )
    return [*found, *step_refusals(setting)]


def step_refusals(setting: Setting) -> list[str]:
    """Return why clean-up steps of a setting cannot be done tile by tile, one reason a line."""
    found = []
    for step in steps_of(setting):
        if step.alternative_lows is not None:
            found.append(
                f"{step.name} needs masks of the whole volume by other thresholds, which tiles do "
                "not make: switch it off"
            )
        elif step.cell is not None and not _cell(step, setting):
            found.append(
                f"{step.name} looks at every sheet as a whole, which tiles cannot do exactly: "
                "choose --patch-blocks 512 to work within fixed blocks, and tune with the same "
                "patch_blocks, or switch it off"
            )
        elif step.fragments_alone:
            found.append(f"{step.name} means something on a fragment alone: switch it off")
        elif step.pieces is None and not _is_local(step, setting):
            found.append(_whole(step, setting))
    return found


def _whole(step: Step, setting: Setting) -> str:
    seen = "the whole volume" if step.reach(setting)[0] is None else "each slice as a whole"
    return (
        f"{step.name} looks at {seen} under this setting, and there is no way to do it tile by "
        f"tile: change {', '.join(step.knobs)}"
    )


def _cell(step: Step, setting: Setting) -> int:
    return 0 if step.cell is None else step.cell(setting)


def _is_local(step: Step, setting: Setting) -> bool:
    return not step.reach(setting).is_whole or _cell(step, setting) > 0


def _needed(step: Step, setting: Setting, block: Block, shape: tuple[int, int, int]) -> Block:
    """Return the box from which a step computes a block."""
    cell = _cell(step, setting)
    if not cell:
        z, y, x = (reach or 0 for reach in step.reach(setting))
        return widened(block, (z, y, x), shape)
    z_extent, y_extent, x_extent = (
        slice(extent.start // cell * cell, min(-(-extent.stop // cell) * cell, length))
        for extent, length in zip(block, shape, strict=True)
    )
    return z_extent, y_extent, x_extent
