"""The corrections of a fragment: a value, sparse, that is applied to any mask of the fragment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from napari_nx46.voxels.blocks import Block, Mask, block_shape, whole_block
from napari_nx46.voxels.corrections.runs import ADD, ERASE, Labels, SliceRuns

__all__ = ["ADD", "ERASE", "Corrections", "CorrectionsError"]


class CorrectionsError(ValueError):
    """Raised for data that are not valid corrections; the message says what was found."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """What was corrected by hand in one fragment.

    Two of them are equal where they correct the same voxels of the same shape.

    Parameters
    ----------
    shape : tuple of int
        (Z, Y, X) of the fragment.
    slices : mapping of int to SliceRuns
        By z; slices in which nothing is corrected are left out.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((2, 3, 4), np.uint8)
    >>> labels[0, 1, 1:3], labels[1, 2, 0] = 1, 2
    >>> corrections = Corrections.of(labels)
    >>> corrections.added, corrections.erased
    (2, 1)
    >>> mask = np.ones((1, 3, 4), np.uint8)
    >>> corrections.apply(mask, (slice(1, 2), slice(0, 3), slice(0, 4)))[0, 2]
    array([0, 1, 1, 1], dtype=uint8)
    """

    shape: tuple[int, int, int]
    slices: Mapping[int, SliceRuns]

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> Corrections:
        """Return the corrections that leave everything as computed."""
        return cls(shape, MappingProxyType({}))

    @classmethod
    def of(cls, labels: npt.ArrayLike) -> Corrections:
        """Return corrections from a whole volume of labels.

        Parameters
        ----------
        labels : (Z, Y, X) array-like of int
            0 as computed, 1 add, 2 erase.

        Raises
        ------
        CorrectionsError
            If there is another value, or if these are no integers along three axes.
        """
        array = np.asarray(labels)
        if array.ndim != 3 or array.dtype.kind not in "biu":
            raise CorrectionsError(
                f"found corrections of {array.dtype.name} and shape {array.shape}, expected "
                "integers (Z, Y, X): 0 as computed, 1 add, 2 erase"
            )
        if array.size and not 0 <= array.min() <= array.max() <= np.iinfo(np.uint8).max:
            raise CorrectionsError(
                f"found corrections from {array.min()} to {array.max()}, expected 0 as computed, "
                "1 add, 2 erase"
            )
        z, y, x = array.shape
        whole = whole_block((z, y, x))
        return cls.none((z, y, x)).changed(whole, array.astype(np.uint8, copy=False))

    @classmethod
    def of_runs(cls, shape: tuple[int, int, int], slices: Mapping[int, SliceRuns]) -> Corrections:
        """Return corrections from runs that anyone may have written.

        Raises
        ------
        CorrectionsError
            If a slice is not in the fragment, or its runs are none.
        """
        depth, height, width = shape
        for z, runs in slices.items():
            if not 0 <= z < depth:
                raise CorrectionsError(f"found corrections in slice {z} of {depth}")
            fault = "rows of another width" if runs.width != width else runs.fault(height)
            if fault is not None:
                raise CorrectionsError(f"slice {z}: found {fault}")
        return cls(shape, _sorted(slices))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Corrections):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Corrections(shape={self.shape}, added={self.added}, erased={self.erased})"

    # ---- what they are ---------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """Whether everything is as computed."""
        return not self.slices

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape and corrected voxels, 64 hexadecimal digits."""
        hasher = hashlib.sha256(np.array(self.shape, "<i8").tobytes())
        for z, runs in self.slices.items():
            hasher.update(np.array(z, "<i8").tobytes() + runs.digest)
        return hasher.hexdigest()

    @cached_property
    def added(self) -> int:
        """Voxels that are foreground whatever the setting."""
        return sum(runs.count(ADD) for runs in self.slices.values())

    @cached_property
    def erased(self) -> int:
        """Voxels that are background whatever the setting."""
        return sum(runs.count(ERASE) for runs in self.slices.values())

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(runs.nbytes for runs in self.slices.values())

    def extents(self, thickness: int) -> Iterator[slice]:
        """Yield the slices in which anything is corrected, in slabs of at most this thickness."""
        start = stop = -1
        for z in self.slices:
            if z != stop or stop - start == thickness:
                if stop > start:
                    yield slice(start, stop)
                start = z
            stop = z + 1
        if stop > start:
            yield slice(start, stop)

    # ---- what they do ----------------------------------------------------------------------

    def labels(self, block: Block) -> Labels:
        """Return the corrections of a block: 0 as computed, 1 add, 2 erase, of its shape."""
        labels = np.zeros(block_shape(block), np.uint8)
        z, y, x = block
        for at, runs in self._within(z):
            labels[at - z.start] = runs.labels(y, x)
        return labels

    def at(self, voxels: tuple[npt.NDArray[np.int64], ...]) -> Labels:
        """Return the corrections of some voxels, given by three (n,) arrays along z, y and x."""
        z, y, x = voxels
        labels = np.zeros(z.shape, np.uint8)
        for at in np.unique(z).tolist():
            if at in self.slices:
                here = z == at
                rows = slice(int(y[here].min()), int(y[here].max()) + 1)
                of_rows = self.slices[at].labels(rows, slice(0, self.shape[2]))
                labels[here] = of_rows[y[here] - rows.start, x[here]]
        return labels

    def voxels(self) -> tuple[npt.NDArray[np.int64], ...]:
        """Return the voxels that are corrected: three (n,) arrays along z, y and x."""
        _, y, x = whole_block(self.shape)
        places = {z: runs.voxels(y, x)[0] for z, runs in self.slices.items()}
        slices = np.repeat(np.array([*places], np.int64), [len(one) for one in places.values()])
        rows, columns = np.divmod(
            np.concatenate([np.zeros(0, np.int64), *places.values()]), self.shape[2]
        )
        return slices, rows, columns

    def whole_labels(self) -> Labels:
        """Return the corrections of the whole fragment: 0 as computed, 1 add, 2 erase."""
        return self.labels(whole_block(self.shape))

    def apply(self, mask: Mask, block: Block) -> Mask:
        """Return the mask of a block with its corrections.

        Parameters
        ----------
        mask : (Z, Y, X) array of uint8, {0, 1}
            As computed, of the block's shape; it is not changed.
        block : Block

        Returns
        -------
        (Z, Y, X) array of uint8, {0, 1}
            The mask itself where nothing is corrected in the block.
        """
        z, y, x = block
        corrected: Mask | None = None
        for at, runs in self._within(z):
            places, values = runs.voxels(y, x)
            if len(places):
                corrected = mask.copy() if corrected is None else corrected
                corrected[at - z.start].reshape(-1)[places] = values & ADD
        return mask if corrected is None else corrected

    def _within(self, z: slice) -> Iterator[tuple[int, SliceRuns]]:
        """Yield the corrected slices of an extent."""
        if len(self.slices) <= z.stop - z.start:
            yield from ((at, runs) for at, runs in self.slices.items() if z.start <= at < z.stop)
        else:
            yield from ((at, self.slices[at]) for at in range(z.start, z.stop) if at in self.slices)

    # ---- changing them ---------------------------------------------------------------------

    def changed(self, block: Block, labels: Labels) -> Corrections:
        """Return corrections with those of a block replaced.

        Parameters
        ----------
        block : Block
        labels : array of uint8
            0 as computed, 1 add, 2 erase, of the block's shape.

        Raises
        ------
        CorrectionsError
            If there is another value, or another shape.
        """
        if labels.shape != block_shape(block):
            raise CorrectionsError(f"found shape {labels.shape}, expected {block_shape(block)}")
        if labels.size and labels.max() > ERASE:
            raise CorrectionsError(
                f"found the value {labels.max()}, expected 0 (as computed), {ADD} (add) or "
                f"{ERASE} (erase)"
            )
        z, y, x = block
        planes = {
            at: plane
            for at, plane in zip(range(z.start, z.stop), labels, strict=True)
            if at in self.slices or plane.any()
        }
        return self._with_slices({at: self._slice(at, y, x, plane) for at, plane in planes.items()})

    def with_voxels(self, voxels: tuple[npt.NDArray[np.int64], ...], value: int) -> Corrections:
        """Return corrections with a value at some voxels.

        Parameters
        ----------
        voxels : three (n,) arrays of int
            Along z, y and x.
        value : int
            0 as computed, 1 add, 2 erase.
        """
        z, y, x = voxels
        changed = {}
        for at in np.unique(z).tolist():
            here = z == at
            rows = slice(int(y[here].min()), int(y[here].max()) + 1)
            whole_rows = slice(0, self.shape[2])
            labels = self._runs(at).labels(rows, whole_rows)
            labels[y[here] - rows.start, x[here]] = value
            changed[at] = self._slice(at, rows, whole_rows, labels)
        return self._with_slices(changed)

    def merged(self, other: Corrections) -> Corrections:
        """Return these corrections and others, which win where both correct a voxel.

        Raises
        ------
        CorrectionsError
            If they are of another shape.
        """
        if other.shape != self.shape:
            raise CorrectionsError(f"found shape {other.shape}, expected {self.shape}")
        merged = {}
        for z, runs in other.slices.items():
            _, y, x = whole_block(self.shape)
            labels, others = self._runs(z).labels(y, x), runs.labels(y, x)
            np.copyto(labels, others, where=others != 0)
            merged[z] = SliceRuns.of(labels)
        return self._with_slices(merged)

    def _runs(self, z: int) -> SliceRuns:
        width = self.shape[2]
        return self.slices.get(z) or SliceRuns.of(np.zeros((0, width), np.uint8))

    def _slice(self, z: int, y: slice, x: slice, labels: Labels) -> SliceRuns:
        """Return the runs of a slice with a part of it replaced."""
        runs = self._runs(z)
        rows = runs.labels(y, slice(0, self.shape[2]))
        rows[:, x] = labels
        return runs.with_rows(SliceRuns.of(rows, y.start), y)

    def _with_slices(self, changed: Mapping[int, SliceRuns]) -> Corrections:
        """Return corrections with some slices replaced; those that hold nothing are dropped."""
        slices = {**self.slices, **changed}
        return Corrections(
            self.shape, _sorted({z: runs for z, runs in slices.items() if len(runs)})
        )


def _sorted(slices: Mapping[int, SliceRuns]) -> Mapping[int, SliceRuns]:
    return MappingProxyType(dict(sorted(slices.items())))
