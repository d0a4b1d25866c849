"""Thresholds: one for the whole fragment or one for each slice; alone, or a pair for hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.threshold.quantile import float32_ceiling


@dataclass(frozen=True)
class Threshold:
    """What a score must reach to be foreground.

    Parameters
    ----------
    values : tuple of float
        One float64 for the whole fragment, or one per slice in ascending z.
    exact : bool
        False for a preview from a sample of the scores.
    low : tuple of float, optional
        The low thresholds of a pair, as many as there are values.
    """

    values: tuple[float, ...]
    exact: bool = True
    low: tuple[float, ...] | None = None

    @property
    def per_slice(self) -> bool:
        """Whether each slice has its own."""
        return len(self.values) > 1

    @property
    def lower(self) -> Threshold:
        """The low threshold of a pair by itself; of a single one the same."""
        return self if self.low is None else Threshold(self.low, self.exact)

    def at(self, z: int) -> float:
        """Return the (high) threshold of slice `z`, in units of probability."""
        return self.values[z] if self.per_slice else self.values[0]

    def lowest_scores(self, extent: slice) -> npt.NDArray[np.float32]:
        """Return, for the slices of `extent`, the lowest float32 that is foreground, ``(n,)``."""
        if not self.per_slice:
            count = extent.stop - extent.start
            return np.full(count, float32_ceiling(self.values[0]), np.float32)
        return np.array([float32_ceiling(value) for value in self.values[extent]], np.float32)
