"""Probability volumes that follow from others voxel by voxel, when they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.ct_gate import ct_support
from napari_nx46.core.score.ensemble import LOWEST_PROBABILITY
from napari_nx46.voxels.blocks import Block, FloatVolume, VolumeLike

__all__ = ["GatedVolume", "RankedVolume", "Ranks", "SmoothedVolume", "TemperedVolume"]


@dataclass(frozen=True, eq=False)
class _Following:
    """A volume that follows from another one voxel by voxel, of float32.

    Parameters
    ----------
    volume : VolumeLike
        The other one.
    """

    volume: VolumeLike

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along z, y and x."""
        return self.volume.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels."""
        return np.dtype(np.float32)


@dataclass(frozen=True, eq=False)
class GatedVolume(_Following):
    """A probability volume that is 0 where the CT image has no support.

    Parameters
    ----------
    volume, image : VolumeLike
    threshold, margin
        See `ct_support`.
    """

    image: VolumeLike
    threshold: float
    margin: int

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels."""
        return self.volume.dtype

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return the voxels of a block."""
        voxels = np.array(self.volume[index])
        voxels[ct_support(self.image, index, self.threshold, self.margin) == 0] = 0
        return voxels


@dataclass(frozen=True, eq=False)
class TemperedVolume(_Following):
    """A probability volume whose logits are shifted, and divided by a temperature.

    ``1 / (1 + exp(-(log(p / (1 - p)) + shift) / temperature))`` in float64, rounded to float32,
    with every p moved to at least `LOWEST_PROBABILITY` from 0 and 1. Of a signed distance d, which
    is read as ``1 / (1 + exp(d))``, that is ``1 / (1 + exp((d - shift) / temperature))``.

    Parameters
    ----------
    volume : VolumeLike
    temperature : float
        Above 1, probabilities come nearer to a half, below 1 nearer to 0 and 1.
    shift : float
        Added to the logits first.
    """

    temperature: float
    shift: float = 0.0

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return the voxels of a block."""
        from scipy.special import expit, logit

        voxels: npt.NDArray[Any] = self.volume[index]
        # Contiguous, as NumPy may take another way through other arrays, and round otherwise.
        exact: npt.NDArray[np.float32] = np.ascontiguousarray(voxels, np.float32)
        if voxels.dtype.kind == "u":
            exact /= np.float32(np.iinfo(voxels.dtype).max)
        near = np.clip(exact.astype(np.float64), LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY)
        logits = (logit(near) + self.shift) / self.temperature
        tempered: npt.NDArray[np.float32] = expit(logits).astype(np.float32)
        return tempered


@dataclass(frozen=True, eq=False)
class SmoothedVolume(_Following):
    """A probability volume smoothed by itself.

    Parameters
    ----------
    volume : VolumeLike
    smooth : callable
        Returns the smoothed voxels of a block, float32.
    """

    smooth: Callable[[Block], FloatVolume]

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return the voxels of a block."""
        return self.smooth(index)


@dataclass(frozen=True)
class Ranks:
    """How often each value of a volume occurs; those of parts are added.

    Parameters
    ----------
    values : tuple of float
        Every value once, in ascending order.
    counts : tuple of int
    """

    values: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, voxels: npt.NDArray[Any]) -> Ranks:
        """Return those of the values of an array."""
        values, counts = np.unique(voxels, return_counts=True)
        return cls(tuple(values.tolist()), tuple(counts.tolist()))

    def __add__(self, other: Ranks) -> Ranks:
        values = np.union1d(self.values, other.values)
        counts = np.zeros(values.size, np.int64)
        for one in (self, other):
            counts[np.searchsorted(values, one.values)] += np.array(one.counts, np.int64)
        return Ranks(tuple(values.tolist()), tuple(counts.tolist()))

    def shares(self) -> npt.NDArray[np.float32]:
        """Return the rank of each value, as a share of all voxels."""
        return _shares(np.array(self.counts, np.int64))


@dataclass(frozen=True, eq=False)
class RankedVolume(_Following):
    """A volume in which every value is replaced by its rank, as a share of the fragment's voxels.

    The share of voxels below it, plus half of those equal to it: that of a voxel's place in
    ascending order, ties sharing theirs.

    Parameters
    ----------
    volume : VolumeLike
    values : (n,) array
        Every value of the whole volume once, in ascending order.
    shares : (n,) array of float32
        The rank of each.
    """

    values: npt.NDArray[Any]
    shares: npt.NDArray[np.float32]

    @classmethod
    def of(cls, volume: VolumeLike, ranks: Ranks | None = None) -> RankedVolume:
        """Rank the values of a volume; unless their ranks are known, all are held in memory."""
        if ranks is not None:
            return cls(volume, np.array(ranks.values, volume.dtype), ranks.shares())
        z, y, x = volume.shape
        whole: npt.NDArray[Any] = volume[slice(0, z), slice(0, y), slice(0, x)]
        values, counts = np.unique(whole, return_counts=True)
        return cls(volume, values, _shares(counts))

    @property
    def kept_bytes(self) -> int:
        """Bytes of the ranks."""
        return self.values.nbytes + self.shares.nbytes

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return the voxels of a block."""
        voxels: npt.NDArray[Any] = self.volume[index]
        return self.shares[np.searchsorted(self.values, voxels)]


def _shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the rank of each value from how often it occurs, in ascending order."""
    ends: npt.NDArray[np.int64] = np.cumsum(counts, dtype=np.int64)
    total = ends[-1] if ends.size else 1
    shares: npt.NDArray[np.float32] = ((ends - counts / 2) / total).astype(np.float32)
    return shares
