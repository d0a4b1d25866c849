"""What a clean-up step is: when it is on, what it does to a mask, and how far it looks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import NamedTuple

from napari_nx46.core.cleanup.place import Place
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, OpenFaces, VolumeLike, open_faces
from napari_nx46.voxels.piece_rules import PieceRule
from napari_nx46.voxels.workers import CancelCheck, Workers, never

__all__ = ["NOWHERE", "WHOLE", "Reach", "Step", "StepContext"]


class Reach(NamedTuple):
    """How far a result depends on voxels outside, along each axis.

    Parameters
    ----------
    z, y, x : int or None
        In voxels; None where it depends on the whole fragment.
    """

    z: int | None
    y: int | None
    x: int | None

    @property
    def is_whole(self) -> bool:
        """Whether it depends on the whole fragment."""
        return None in self


WHOLE = Reach(None, None, None)
"""A voxel's result may depend on any other voxel of the fragment."""

NOWHERE = Reach(0, 0, 0)
"""A voxel's result depends on that voxel alone."""


@dataclass(frozen=True, eq=False)
class StepContext:
    """What a step is given beside the mask.

    Parameters
    ----------
    setting : Setting
    unjoined : (Z, Y, X) array of uint8, {0, 1}, optional
        The mask before the first step that may join sheets; needed by a step that looks back.
    workers : Workers
    block : Block
        Where the mask lies in its fragment.
    shape : tuple of int
        Voxels of the whole fragment along z, y and x.
    known : (Z, Y, X) array of uint8, {0, 1}, optional
        The last exact mask of the block: it decides on components that leave the block.
    image : VolumeLike, optional
        The CT image of the fragment.
    alternatives : tuple of (Z, Y, X) array of uint8, {0, 1}
        What the mask would be by each of the step's alternative thresholds.
    cancelled : callable
        Asked by steps that take long; they raise `Cancelled` once it returns True.
    """

    setting: Setting
    unjoined: Mask | None
    workers: Workers
    block: Block
    shape: tuple[int, int, int]
    known: Mask | None = None
    image: VolumeLike | None = None
    alternatives: tuple[Mask, ...] = ()
    cancelled: CancelCheck = never

    @property
    def ct_image(self) -> VolumeLike:
        """The CT image of the fragment.

        Raises
        ------
        ValueError
            If it was not given.
        """
        if self.image is None:
            raise ValueError("found no CT image; the CT gate needs one: open it, or switch it off")
        return self.image

    @property
    def open_faces(self) -> OpenFaces:
        """For each axis, whether the fragment goes on below and above the block."""
        return open_faces(self.block, self.shape)

    @property
    def place(self) -> Place:
        """Where the mask lies, and what is known of it."""
        return Place(self.block, self.shape, self.known)

    @property
    def mask_before_joining(self) -> Mask:
        """The mask before the first step that may join sheets.

        Raises
        ------
        ValueError
            If it was not given.
        """
        if self.unjoined is None:
            raise ValueError("a step that looks back needs the mask before the first closing")
        return self.unjoined


@dataclass(frozen=True)
class Step:
    """One clean-up step.

    Parameters
    ----------
    name : str
        Of the function in `cleanup`, where no other step calls it.
    knobs : tuple of str
        The fields of the setting that it reads.
    is_on : callable
        Whether a setting asks for it.
    apply : callable
        Returns a new mask. A mask without foreground stays as it is.
    reach : callable
        How far the step looks around a voxel, by the setting. On a block with a halo of so many
        voxels, as far as the fragment goes, it does to the block what it does on the whole.
    joins : bool
        Whether it adds voxels, and so may join sheets.
    looks_back : bool
        Whether it needs the mask before the first step that joins.
    fragments_alone : bool
        Whether it means something on a fragment of the competition's size alone, not on a scroll.
    pieces : callable, optional
        Of a step that keeps, removes or fills whole components: by which rule, by the setting; of
        one that looks back: which components of the mask before are its sheets. On volumes larger
        than memory it is done tile by tile with that rule.
    cell : callable, optional
        Of a step that may work on fixed boxes from the volume's origin, each by itself: their side
        in voxels by the setting, 0 where it works on the whole.
    needs_image : bool
        Whether it reads the CT image.
    in_preview : bool
        Whether it does a slice and its halo within a frame. Where it does not, a preview is shown
        without it, until the exact mask comes from a worker.
    alternative_lows : callable, optional
        Of a step that needs other masks: their low thresholds by the setting, as scores.
    """

    name: str
    knobs: tuple[str, ...]
    is_on: Callable[[Setting], bool]
    apply: Callable[[Mask, StepContext], Mask]
    reach: Callable[[Setting], Reach]
    joins: bool = False
    looks_back: bool = False
    fragments_alone: bool = False
    pieces: Callable[[Setting], PieceRule] | None = None
    cell: Callable[[Setting], int] | None = None
    needs_image: bool = False
    in_preview: bool = True
    alternative_lows: Callable[[Setting], tuple[float, ...]] | None = None

    def key(self, setting: Setting) -> tuple[Hashable, ...]:
        """Return what the step does under a setting: with equal keys it does the same."""
        return (self.name, *(getattr(setting, knob) for knob in self.knobs))
