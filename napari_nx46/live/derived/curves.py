"""The histogram of a session's score and the curves that follow from it, from a worker thread.

They depend on the score alone: moving a threshold or a clean-up knob changes nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.curves import (
    Curve,
    LabelledHistogram,
    density_over_quantiles,
    labelled_histogram,
    precision_recall,
)
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.core.threshold.quantile import ScoreHistogram
from napari_nx46.core.threshold.rebinning import Bins, edge_bins, rebinned
from napari_nx46.live.derived.leaderboard_score import Label
from napari_nx46.live.derived.measured import MeasuredValue
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, slabs, whole_block
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["CURVE_QUANTILES", "CurveKey", "Curves", "ScoreCurves"]

MOST_KNOWN_CURVES = 8
"""So many are remembered; one of them takes up to 4 MB."""

MOST_BINS = 256

CURVE_QUANTILES: tuple[float, ...] = tuple(
    np.unique(np.concatenate([np.linspace(0, 0.9, 181), np.linspace(0.9, 1, 201)])).tolist()
)
"""The quantiles at which the curves are computed: closest where thresholds usually are."""


@dataclass(frozen=True)
class CurveKey:
    """What curves belong to: where these are equal, so are the curves.

    Parameters
    ----------
    image_id : str
    score : ScoreKey
    has_label : bool
    """

    image_id: str
    score: ScoreKey
    has_label: bool


@dataclass(frozen=True, eq=False)
class ScoreCurves:
    """The histogram of a fragment's scores, and what plain thresholds of them give.

    Parameters
    ----------
    key : CurveKey
    scores : ScoreHistogram
        Of all voxels.
    labelled : LabelledHistogram, optional
        The same by what the label says of the voxels; None without one.
    bins : Bins
        All scores in wider bins, to be drawn.
    surface_bins, background_bins : Bins, optional
        The scores where the label is 1 and 0, in the same bins.
    density : (n,) array of float64
        At `CURVE_QUANTILES`.
    curve : Curve, optional
        At `CURVE_QUANTILES`; None without a label.
    """

    key: CurveKey
    scores: ScoreHistogram
    labelled: LabelledHistogram | None
    bins: Bins
    surface_bins: Bins | None
    background_bins: Bins | None
    density: npt.NDArray[np.float64]
    curve: Curve | None


class Curves(MeasuredValue[CurveKey, ScoreCurves]):
    """The histogram and curves of the session's score.

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
            session, scores, keep=MOST_KNOWN_CURVES, rest_seconds=rest_seconds, priority=3
        )

    def key(self) -> CurveKey | None:
        """Return the score that is shown, once its figures are exact or its curves are known."""
        session = self.session
        image_id = session.fragment.image_id
        key = CurveKey(image_id, ScoreKey.of(session.setting), self.label is not None)
        return key if session.settled or self.knows(key) else None

    def prepare(self, key: CurveKey) -> Callable[[CancelCheck], ScoreCurves]:
        """Return the function that counts the scores."""
        session = self.session
        return partial(
            self._compute, key, session.setting, session.pipelines[key.image_id], self.label
        )

    def _compute(
        self,
        key: CurveKey,
        setting: Setting,
        pipeline: FragmentPipeline,
        label: Label | None,
        cancelled: CancelCheck,
    ) -> ScoreCurves:
        scores = pipeline.stage(setting, cancelled).histogram
        edges = edge_bins(scores, MOST_BINS)
        labelled = self._labelled(setting, pipeline, label, cancelled)
        return ScoreCurves(
            key=key,
            scores=scores,
            labelled=labelled,
            bins=rebinned(scores, edges),
            surface_bins=None if labelled is None else rebinned(labelled.surface, edges),
            background_bins=None if labelled is None else rebinned(labelled.background, edges),
            density=density_over_quantiles(scores, CURVE_QUANTILES),
            curve=None if labelled is None else precision_recall(labelled, CURVE_QUANTILES),
        )

    def _labelled(
        self,
        setting: Setting,
        pipeline: FragmentPipeline,
        label: Label | None,
        cancelled: CancelCheck,
    ) -> LabelledHistogram | None:
        if label is None:
            return None

        def blocks() -> Iterator[Block]:
            return slabs(whole_block(pipeline.shape), pipeline.slab_thickness)

        return labelled_histogram(
            (pipeline.score(setting, block, cancelled) for block in blocks()),
            (label[block] for block in blocks()),
            workers=self.workers,
            cancelled=cancelled,
        )
