"""The corrections of a session's fragment as a volume that napari's tools paint on."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from napari_nx46.files.volumes.indexing import Index, Selection, select
from napari_nx46.live.arrays.volume import LazyVolume, Voxels
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.corrections.corrections import Corrections, CorrectionsError
from napari_nx46.voxels.corrections.runs import ERASE

__all__ = ["CorrectionsVolume"]

VoxelArrays = tuple[npt.NDArray[np.integer], ...]
VoxelIndex = Index | VoxelArrays


class CorrectionsVolume(LazyVolume):
    """The corrections of a session's current fragment, which can be assigned to.

    Painting assigns many times for one move of the mouse. What was assigned is read back at once;
    the session is given it by `flush`, which is posted to its thread if nobody calls it before.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session.fragment.shape, self._read, self._read_whole, highest=ERASE)
        self._session = session
        self.image_id = session.fragment.image_id
        self._assigned: Corrections | None = None

    @property
    def corrections(self) -> Corrections:
        """What the voxels are now."""
        assigned = self._assigned
        return self._session.corrections.of(self.image_id) if assigned is None else assigned

    def __getitem__(self, index: VoxelIndex) -> Voxels:
        """Return what an index asks for: integers and slices, or three arrays of integers."""
        if _is_of_voxels(index):
            return self.corrections.at(_voxels(index))
        return super().__getitem__(index)

    def __setitem__(self, index: VoxelIndex, labels: npt.ArrayLike) -> None:
        """Correct voxels.

        Parameters
        ----------
        index : index
            Integers and slices of step 1, or three arrays of integers.
        labels : int or array
            0 as computed, 1 add, 2 erase.

        Raises
        ------
        CorrectionsError
            If there is another value.
        """
        values = np.asarray(labels)
        if values.size and not 0 <= values.min() <= values.max() <= ERASE:
            raise CorrectionsError(
                f"found the label {values.max()}, expected 0 (as computed), 1 (add) or 2 (erase)"
            )
        is_first = self._assigned is None
        if _is_of_voxels(index):
            self._assigned = self._with_voxels(_voxels(index), values)
        else:
            self._assigned = self._with_block(select(index, self.shape), values)
        if is_first:
            self._session.post(self.flush)

    def _with_voxels(
        self, voxels: tuple[npt.NDArray[np.int64], ...], values: npt.NDArray[np.generic]
    ) -> Corrections:
        corrections, of_each = self.corrections, np.broadcast_to(values, voxels[0].shape)
        for value in np.unique(of_each).tolist():
            there = of_each == value
            corrections = corrections.with_voxels(tuple(axis[there] for axis in voxels), value)
        return corrections

    def _with_block(self, selection: Selection, values: npt.NDArray[np.generic]) -> Corrections:
        if any(selection.flipped) or any(one.step != 1 for one in selection.box):
            raise IndexError("expected slices of step 1, found another step")
        z, y, x = (slice(one.start, one.stop) for one in selection.box)
        labels = self.corrections.labels((z, y, x))
        selection.arrange(labels)[...] = values
        return self.corrections.changed((z, y, x), labels)

    def flush(self) -> None:
        """Give the session what was assigned."""
        assigned, self._assigned = self._assigned, None
        if assigned is not None:
            self._session.corrections.change(self.image_id, assigned, in_stroke=True)

    def _read(self, block: Block) -> Voxels:
        return self.corrections.labels(block)

    def _read_whole(self) -> Voxels:
        return self.corrections.whole_labels()


def _is_of_voxels(index: VoxelIndex) -> TypeGuard[VoxelArrays]:
    return isinstance(index, tuple) and any(isinstance(part, np.ndarray) for part in index)


def _voxels(index: VoxelArrays) -> tuple[npt.NDArray[np.int64], ...]:
    """Return the voxels of an index by arrays, (n,) along each axis."""
    axes = np.broadcast_arrays(*(np.asarray(axis, np.int64) for axis in index))
    return tuple(axis.reshape(-1) for axis in axes)
