"""The whole mask of a fragment that is streamed, slab by slab: a bit a voxel is all that is kept.

Equal to the mask of the whole fragment at once, which takes three bytes a voxel, and more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_nx46.core.line import Line
from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.masks import Assembly
from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.score.weak import WeakVoxels
from napari_nx46.scale.stages import Pass, plan_passes, step_refusals
from napari_nx46.scale.tiles import TileWork
from napari_nx46.voxels.blocks import Block, FloatVolume, Mask, VolumeLike
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import Decisions
from napari_nx46.voxels.pieces import TilePieces
from napari_nx46.voxels.spans import Labels
from napari_nx46.voxels.tiles import slab_thickness
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["mask_by_slabs"]

_FEWEST_SLABS = 3
_HALOS = 4
"""A slab is so many times as thick as what the steps read on either side of it, at least."""


def mask_by_slabs(
    score: FragmentScore, weak: WeakVoxels, line: Line, *, thickness: int | None = None
) -> Assembly | None:
    """Return what makes the mask of a whole fragment before corrections, slab by slab.

    Parameters
    ----------
    score : FragmentScore
    weak : WeakVoxels
        Of it.
    line : Line
        What the mask comes to be by.
    thickness : int, optional
        Slices of a slab; by default as many as are read at a time, and a few times as many as the
        steps look at around them.

    Returns
    -------
    callable, or None
        None where a step looks at the whole otherwise than by components, or where slabs would be
        hardly smaller than the fragment.
    """
    setting = line.setting
    if step_refusals(setting) or any(step.looks_back or step.cell for step in line.steps):
        return None
    passes = plan_passes(setting)
    halo = max(part.halo(setting)[0] for part in passes)
    depth, height, width = score.shape
    thickness = thickness or max(slab_thickness(score.shape), _HALOS * halo)
    if depth < _FEWEST_SLABS * thickness:
        return None
    grid = Grid(score.shape, (thickness, height, width))
    work = TileWork(setting, line.threshold, grid, score.workers)

    def assemble(cancelled: CancelCheck) -> MaskStage:
        slabs = _Slabs(score, weak, line, grid, cancelled)
        for part in passes:
            slabs.begin()
            for tile in range(len(grid)):
                if cancelled():
                    raise Cancelled
                output = work.run(part, tile, slabs)
                slabs.keep(tile, output.mask, output.pieces)
            slabs.end(part, work)
        return slabs.result()

    return assemble


@dataclass(eq=False)
class _Slabs:
    """The inputs of slabs: what the pass before left of the whole, a bit a voxel."""

    scores: FragmentScore
    weak_voxels: WeakVoxels
    line: Line
    grid: Grid
    cancelled: Callable[[], bool]
    found: dict[str, dict[int, _PackedPieces]] = field(default_factory=dict)
    decisions: dict[str, Decisions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        depth, height, width = self.grid.shape
        self._bits = (depth, height, -(-width // 8))
        self._read: npt.NDArray[np.uint8] | None = None
        self._written = np.zeros(self._bits, np.uint8)
        self._foreground = 0

    # ---- a pass ----------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a pass."""
        self._written, self._foreground = np.zeros(self._bits, np.uint8), 0

    def keep(self, tile: int, mask: Mask | None, pieces: dict[str, TilePieces]) -> None:
        """Keep what a pass made of a slab."""
        for name, one in pieces.items():
            self.found.setdefault(name, {})[tile] = _PackedPieces.of(one)
        if mask is not None:
            self._written[self.grid.block(tile)[0]] = np.packbits(mask, axis=-1)
            self._foreground += int(np.count_nonzero(mask))

    def end(self, part: Pass, work: TileWork) -> None:
        """Decide on what the pass found, and let the next one read what it left."""
        if part.decides is not None:
            self.found.pop(part.decides.name, None)
        for labelling in part.labellings:
            known = self.found.get(labelling.name, {})
            self.decisions[labelling.name] = work.merge(labelling, known, partial(_unpacked, known))
        self._read = self._written

    def result(self) -> MaskStage:
        """Return what the last pass left."""
        self._written.setflags(write=False)  # it is handed out
        return MaskStage(self.line.keys[-1], self._written, self.grid.shape, self._foreground)

    # ---- what slabs are computed from ------------------------------------------------------

    @property
    def image(self) -> VolumeLike | None:
        """The CT of the fragment, if there is one."""
        return self.scores.sources.image

    def score(self, block: Block) -> FloatVolume:
        """Return the scores of a box."""
        return self.scores.score(self.line.setting, block, self.cancelled)

    def weak(self, block: Block, high: Mask, low: Mask) -> Mask:
        """Return which voxels of a box count as reaching the low threshold."""
        return self.weak_voxels.adjusted(self.line.setting, block, high, low, self.cancelled)

    def mask(self, layer: str, block: Block) -> Mask | None:
        """Return a box of what the pass before left, of the whole width."""
        if self._read is None:
            return None
        some = self._read[block[0], block[1]]
        if not some.any():
            return None
        return np.unpackbits(some, axis=-1, count=self.grid.shape[2])

    def scored(self, block: Block) -> Block:
        """Return the box itself."""
        return block

    def filled(self, layer: str, block: Block) -> Block | None:
        """Return the box itself, as slabs are hardly ever empty."""
        return block

    def pieces(self, name: str, tile: int) -> TilePieces:
        """Return the pieces of a slab."""
        return self.found[name][tile].pieces()

    def staying(self, name: str, tile: int) -> npt.NDArray[np.bool_]:
        """Return which of them stay."""
        return self.decisions[name].staying_of(tile)

    def sheets(self, block: Block, tile: int) -> Labels | None:
        """Return nothing: what looks back at sheets is not done by slabs."""

    def sheet_keys(self, tile: int) -> npt.NDArray[np.int64]:
        """Return nothing, likewise."""
        return np.empty(0, np.int64)


def _unpacked(packed: dict[int, _PackedPieces], tile: int) -> TilePieces:
    return packed[tile].pieces()


@dataclass(frozen=True, slots=True)
class _PackedPieces:
    """The pieces of a slab, compressed: their numbers on its faces are a few bytes a voxel."""

    arrays: dict[str, tuple[bytes, np.dtype[np.generic], tuple[int, ...]]]

    @classmethod
    def of(cls, pieces: TilePieces) -> _PackedPieces:
        """Return them compressed."""
        import imagecodecs

        packed = {}
        for name, array in pieces.arrays().items():
            content = bytes(imagecodecs.zstd_encode(np.ascontiguousarray(array).tobytes(), 1))
            packed[name] = (content, array.dtype, array.shape)
        return cls(packed)

    def pieces(self) -> TilePieces:
        """Return them as they were."""
        import imagecodecs

        return TilePieces.of_arrays(
            {
                name: np.frombuffer(imagecodecs.zstd_decode(content), dtype).reshape(shape)
                for name, (content, dtype, shape) in self.arrays.items()
            }
        )
