"""What settings are worth on whole fragments, from what they are worth on a part of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from napari_nx46.setting import Setting

__all__ = ["Nearest"]


class Nearest:
    """Looks up which known settings share most knobs with others.

    Parameters
    ----------
    names : sequence of str
        The knobs that vary.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._codes: dict[Hashable, int] = {}
        self._rows: dict[Setting, list[int]] = {}

    def expected(
        self, part: Mapping[Setting, float], whole: Mapping[Setting, float]
    ) -> dict[Setting, float]:
        """Return what settings are worth whole, or are expected to be.

        A part and the whole differ by much the same for settings of almost the same knobs, and by
        far more between others. Of the better half of the settings that three searches of a
        fragment 320 voxels wide had tried whole, the middle alone has a rank correlation of 0.15,
        0.76 and 0.71 with the whole, with this difference 0.80, 0.80 and 0.73.

        Parameters
        ----------
        part, whole : mapping of Setting to float
            What settings are worth on a part, and on whole fragments.

        Returns
        -------
        dict of Setting to float
            For every setting of `part`: its worth whole if it is known, else that of the part and
            the median difference of the settings known in both that differ in fewest knobs.
        """
        both = [one for one in whole if one in part]
        others = [one for one in part if one not in whole]
        if not both or not others:
            return {one: whole.get(one, value) for one, value in part.items()}
        from scipy.spatial.distance import cdist

        knobs = cdist(self._coded(others), self._coded(both), "hamming")
        differences = np.array([whole[one] - part[one] for one in both])
        nearest = knobs == knobs.min(axis=1, keepdims=True)
        expected = {
            one: part[one] + float(np.median(differences[row]))
            for one, row in zip(others, nearest, strict=True)
        }
        return {one: whole[one] if one in whole else expected[one] for one in part}

    def _coded(self, settings: Sequence[Setting]) -> npt.NDArray[np.float64]:
        """Return a row a setting, of numbers that stand for the values of its knobs."""
        for one in settings:
            if one not in self._rows:
                values = (getattr(one, name) for name in self._names)
                self._rows[one] = [self._codes.setdefault(v, len(self._codes)) for v in values]
        return np.array([self._rows[one] for one in settings], float)
