"""The histogram of a session's score and the curves that follow from it, from a worker thread.

They depend on the score alone: moving a threshold or a clean-up knob changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from psygnal import Signal

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
from napari_nx46.live.derived.latest_known import State
from napari_nx46.live.derived.scoring import REST_SECONDS, Label, ScoreFollower
from napari_nx46.live.derived.settled_follower import SettledFollower
from napari_nx46.live.session import Post, Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, slabs, whole_block
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["CURVE_QUANTILES", "CurveFollower", "CurveKey", "CurveState", "ScoreCurves"]

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
    of : CurveKey
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

    of: CurveKey
    scores: ScoreHistogram
    labelled: LabelledHistogram | None
    bins: Bins
    surface_bins: Bins | None
    background_bins: Bins | None
    density: npt.NDArray[np.float64]
    curve: Curve | None


CurveState = State[ScoreCurves]


@dataclass(frozen=True, eq=False)
class CurveRequest:
    """What the worker is asked for.

    Parameters
    ----------
    of : CurveKey
    setting : Setting
        Its score knobs count.
    pipeline : FragmentPipeline
    label : (Z, Y, X) array of uint8, optional
    """

    of: CurveKey
    setting: Setting
    pipeline: FragmentPipeline
    label: Label | None


class CurveFollower(SettledFollower[CurveRequest, ScoreCurves]):
    """Follows the score of a session with its histogram and curves.

    Parameters are those of `SettledFollower`.

    Attributes
    ----------
    curves_changed : Signal(CurveState)
    """

    curves_changed = Signal(State)

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None,
        post: Post,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        super().__init__(
            session,
            scores,
            post,
            self.curves_changed.emit,
            most=MOST_KNOWN_CURVES,
            rest_seconds=rest_seconds,
        )

    @property
    def curves(self) -> ScoreCurves | None:
        """The newest curves of the fragment that is shown, stale or not."""
        return self.state.result

    def _want(self) -> None:
        session, label = self.session, self._label
        image_id = session.fragment.image_id
        of = CurveKey(image_id, ScoreKey.of(session.setting), label is not None)
        if self._latest.serves(of):
            return
        if session.settled:
            self._latest.want(CurveRequest(of, session.setting, session.pipelines[image_id], label))
        else:
            self._latest.outdate()

    # ---- the worker ------------------------------------------------------------------------

    def _compute(self, request: CurveRequest, cancelled: CancelCheck) -> ScoreCurves:
        scores = request.pipeline.stage(request.setting, cancelled).histogram
        edges = edge_bins(scores, MOST_BINS)
        labelled = self._labelled(request, cancelled)
        return ScoreCurves(
            of=request.of,
            scores=scores,
            labelled=labelled,
            bins=rebinned(scores, edges),
            surface_bins=None if labelled is None else rebinned(labelled.surface, edges),
            background_bins=None if labelled is None else rebinned(labelled.background, edges),
            density=density_over_quantiles(scores, CURVE_QUANTILES),
            curve=None if labelled is None else precision_recall(labelled, CURVE_QUANTILES),
        )

    def _labelled(self, request: CurveRequest, cancelled: CancelCheck) -> LabelledHistogram | None:
        label, pipeline = request.label, request.pipeline
        if label is None:
            return None

        def blocks() -> Iterator[Block]:
            return slabs(whole_block(pipeline.shape), pipeline.slab_thickness)

        return labelled_histogram(
            (pipeline.score(request.setting, block, cancelled) for block in blocks()),
            (label[block] for block in blocks()),
            workers=self._workers,
            cancelled=cancelled,
        )
