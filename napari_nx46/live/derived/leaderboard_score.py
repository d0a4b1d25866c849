"""The exact leaderboard score of the session's mask: of the whole fragment, or of a block."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46 import leaderboard
from napari_nx46.leaderboard import LeaderboardScore
from napari_nx46.live.derived.mask_bits import MaskBits, mask_bits_of
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.session import Session
from napari_nx46.live.view import Extents
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["BlockScore", "Label", "ScoredBlock"]

MOST_KNOWN_SCORES = 256
"""So many scores are remembered: going back to a setting shows its score at once."""
WORKERS = max(1, min(2, os.cpu_count() or 1))

Label = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ScoredBlock:
    """What a leaderboard score belongs to: where these are equal, so are the scores.

    Parameters
    ----------
    bits : MaskBits
    extents : three (start, stop)
        Of the block along z, y and x.
    """

    bits: MaskBits
    extents: Extents

    @property
    def block(self) -> Block:
        """The block as slices along z, y and x."""
        z, y, x = (slice(*extent) for extent in self.extents)
        return z, y, x


class BlockScore(SessionValue[ScoredBlock, LeaderboardScore]):
    """The leaderboard score of a block of the session's mask, once that is exact.

    Parameters
    ----------
    session : Session
    extents : callable
        Returns the block, or None where none is to be scored.
    label : callable
        Returns the label of the fragment, or None while there is none.
    compiled : callable
        Returns whether the kernels of the score are compiled. Called from any thread.
    rest_seconds : float
        See `SessionValue`.
    """

    def __init__(
        self,
        session: Session,
        extents: Callable[[], Extents | None],
        label: Callable[[], Label | None],
        compiled: Callable[[], bool],
        *,
        rest_seconds: float,
    ) -> None:
        super().__init__(session, keep=MOST_KNOWN_SCORES, rest_seconds=rest_seconds, priority=1)
        self._extents = extents
        self._label = label
        self._compiled = compiled

    def is_ready(self) -> bool:
        """Return whether the kernels of the score are compiled."""
        return self._compiled()

    def key(self) -> ScoredBlock | None:
        """Return the block and its setting, once threshold and label are known."""
        bits, extents = mask_bits_of(self.session), self._extents()
        if bits is None or extents is None or self._label() is None:
            return None
        return ScoredBlock(bits, extents)

    def prepare(self, key: ScoredBlock) -> Callable[[CancelCheck], LeaderboardScore]:
        """Return the function that computes the score."""
        label = self._label()
        assert label is not None  # `key` asked for it

        def score(cancelled: CancelCheck) -> LeaderboardScore:
            mask = key.bits.stage(cancelled).mask(key.block)
            return leaderboard.score(mask, label[key.block], cancelled=cancelled, workers=WORKERS)

        return score
