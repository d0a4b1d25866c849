"""The profile of a session's mask, slice by slice and as a whole, from a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import (
    Percentiles,
    SliceMeasures,
    measure_slices,
    percentiles_of_slices,
)
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.mask_bits import MaskBits, mask_bits_of
from napari_nx46.live.derived.measured import MeasuredValue
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import slabs, whole_block
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["MaskProfile", "Profile", "ProfileKey"]

MOST_KNOWN_PROFILES = 32
"""So many profiles are remembered: going back to a setting shows its profile at once."""


@dataclass(frozen=True)
class ProfileKey:
    """What a profile belongs to: where these are equal, so are the profiles.

    Parameters
    ----------
    bits : MaskBits
    has_label : bool
        Whether the mask was compared with the fragment's label.
    """

    bits: MaskBits
    has_label: bool


@dataclass(frozen=True)
class MaskProfile:
    """The figures of an exact mask.

    Parameters
    ----------
    key : ProfileKey
    slices : tuple of SliceMeasures
        In ascending z.
    volume : VolumeMetrics
    """

    key: ProfileKey
    slices: tuple[SliceMeasures, ...]
    volume: VolumeMetrics


class Profile(MeasuredValue[ProfileKey, MaskProfile]):
    """The measures of the session's exact mask, slice by slice and as a whole.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower, optional
        Gives the label of the fragment that is shown; without it there is none.
    rest_seconds : float
        See `SessionValue`.
    """

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None = None,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        super().__init__(
            session, scores, keep=MOST_KNOWN_PROFILES, rest_seconds=rest_seconds, priority=2
        )
        self._label_bits: tuple[Label, LabelBits] | None = None
        self._percentiles: tuple[tuple[str, ScoreKey], list[Percentiles]] | None = None

    def key(self) -> ProfileKey | None:
        """Return the mask that is shown, once it is exact."""
        bits = mask_bits_of(self.session)
        return None if bits is None else ProfileKey(bits, self.label is not None)

    def prepare(self, key: ProfileKey) -> Callable[[CancelCheck], MaskProfile]:
        """Return the function that measures the mask."""
        return partial(self._compute, key, self.label)

    def _compute(self, key: ProfileKey, label: Label | None, cancelled: CancelCheck) -> MaskProfile:
        mask = key.bits.mask(cancelled)
        runs = find_runs(mask, workers=self.workers)
        slices = measure_slices(
            mask,
            label=self._packed_label(label),
            percentiles=self._percentiles_of(key.bits, cancelled),
            runs=runs,
            workers=self.workers,
            cancelled=cancelled,
        )
        volume = measure_volume(
            mask, profile=slices, runs=runs, workers=self.workers, cancelled=cancelled
        )
        return MaskProfile(key, tuple(slices), volume)

    def _percentiles_of(self, bits: MaskBits, cancelled: CancelCheck) -> list[Percentiles]:
        """Return the percentiles of the scores, which stay the same while a threshold moves."""
        key = bits.image_id, ScoreKey.of(bits.setting)
        known = self._percentiles
        if known is None or known[0] != key:
            pipeline = bits.pipeline
            found: list[Percentiles] = []
            for block in slabs(whole_block(pipeline.shape), pipeline.slab_thickness):
                score = pipeline.score(bits.setting, block, cancelled)
                found += percentiles_of_slices(score, self.workers, cancelled)
            known = self._percentiles = key, found
        return known[1]

    def _packed_label(self, label: Label | None) -> LabelBits | None:
        """Return a label packed, once for all masks that it is compared with."""
        if label is None:
            return None
        known = self._label_bits
        if known is None or known[0] is not label:
            known = self._label_bits = (label, LabelBits.of(label, self.workers))
        return known[1]
