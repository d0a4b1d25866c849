"""The stages of a fragment's newest mask: threshold first, then one clean-up step after the other.

Each stage is kept, a bit a voxel, under the knobs upstream of it: a step whose own and upstream
knobs stand is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Block, Mask, whole_block
from napari_nx46.voxels.workers import Cancelled, alone

StageKey = tuple[Hashable, ...]


@dataclass(frozen=True, eq=False)
class MaskStage:
    """The mask of a whole fragment as it is after one stage.

    Parameters
    ----------
    key : tuple
        What it was computed from: equal keys, equal masks.
    bits : (Z, Y, ceil(X / 8)) array of uint8
        The mask, eight voxels a byte along x.
    shape : tuple of int
        (Z, Y, X).
    foreground : int
        Number of foreground voxels.
    """

    key: StageKey
    bits: npt.NDArray[np.uint8]
    shape: tuple[int, int, int]
    foreground: int

    @classmethod
    def of(cls, key: StageKey, mask: Mask) -> MaskStage:
        """Return the stage that holds a mask."""
        z, y, x = mask.shape
        return cls.of_slabs(key, (mask,), (z, y, x))

    @classmethod
    def of_slabs(
        cls, key: StageKey, parts: Iterable[Mask], shape: tuple[int, int, int]
    ) -> MaskStage:
        """Return the stage that holds a mask which comes in consecutive slabs.

        Parameters
        ----------
        key : tuple
        parts : iterable of (n, Y, X) array of uint8, {0, 1}
        shape : tuple of int
            (Z, Y, X) of the whole.
        """
        depth, height, width = shape
        bits = np.empty((depth, height, -(-width // 8)), np.uint8)
        done = foreground = 0
        for part in parts:
            bits[done : done + len(part)] = np.packbits(part, axis=-1)
            foreground += int(np.count_nonzero(part))
            done += len(part)
        bits.setflags(write=False)  # it is handed out
        return cls(key, bits, shape, foreground)

    def mask(self, block: Block | None = None) -> Mask:
        """Return the mask of a block, by default of the whole fragment."""
        z, y, x = block or whole_block(self.shape)
        first_byte = x.start // 8
        some = self.bits[z, y, first_byte : (x.stop + 7) // 8]
        offset = x.start - 8 * first_byte
        voxels = np.unpackbits(some, axis=-1, count=offset + x.stop - x.start)
        return np.ascontiguousarray(voxels[..., offset:])


class MaskChain:
    """The stages of the newest mask; may be asked from several threads."""

    def __init__(self) -> None:
        self._stages: tuple[MaskStage, ...] = ()
        self._newest: MaskStage | None = None
        self._lock = Lock()
        self._changing = Lock()
        self._times_forgotten = 0

    @property
    def kept_bytes(self) -> int:
        """Bytes of all masks that are kept."""
        stages = {id(stage): stage for stage in (*self._stages, self._newest) if stage is not None}
        return sum(stage.bits.nbytes for stage in stages.values())

    @property
    def newest(self) -> MaskStage | None:
        """The mask that was completed last, whatever its knobs."""
        return self._newest

    def common(self, keys: Sequence[StageKey]) -> tuple[MaskStage, ...]:
        """Return the first stages, as many as have these keys."""
        stages = self._stages
        count = 0
        for stage, key in zip(stages, keys, strict=False):
            if stage.key != key:
                break
            count += 1
        return stages[:count]

    def complete(
        self,
        keys: Sequence[StageKey],
        compute: Callable[[int, tuple[MaskStage, ...]], MaskStage],
        cancelled: Callable[[], bool],
    ) -> MaskStage:
        """Return the last stage, computing those that are not there.

        Parameters
        ----------
        keys : sequence of tuple
            Of all stages.
        compute : callable
            Called with the number of a stage and those before it; returns it.
        cancelled : callable
            Asked between stages.

        Raises
        ------
        Cancelled
            If `cancelled` returned True; what was computed by then is kept.
        """
        with alone(self._lock, cancelled):
            times_forgotten = self._times_forgotten
            stages = self.common(keys)
            for number in range(len(stages), len(keys)):
                if cancelled():
                    raise Cancelled
                stages = (*stages, compute(number, stages))
                self._keep(stages, self._newest, times_forgotten)
            self._keep(stages, stages[-1], times_forgotten)
            return stages[-1]

    def clear(self) -> None:
        """Give the memory back; what is being computed is not kept either."""
        with self._changing:
            self._times_forgotten += 1
            self._stages = ()
            self._newest = None

    def _keep(
        self, stages: tuple[MaskStage, ...], newest: MaskStage | None, times_forgotten: int
    ) -> None:
        """Keep stages, unless all were forgotten since their computing began."""
        with self._changing:
            if self._times_forgotten == times_forgotten:
                self._stages, self._newest = stages, newest
