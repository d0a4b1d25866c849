"""What one task computes: the mask of a setting on a fragment, and what it amounts to."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.slices import (
    Percentiles,
    SliceMeasures,
    measure_slices,
    percentiles_of_slices,
)
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.core.threshold.notes import ThresholdNote, ThresholdTally
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import DataSet, Fragment
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.spans import find_runs
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["COMPUTING_VERSION", "Measurement", "TaskMeasurer"]

COMPUTING_VERSION = 1
"""To be raised whenever the same setting on the same data would give other figures."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a setting gave on a fragment.

    Parameters
    ----------
    metrics : mapping of str to float
        As of `results.FragmentResult`.
    slices : mapping of str to tuple
        The figures of `results.SliceResult` by name, one of each slice; None where not known.
    mask_sha256 : str
        Of the mask as uint8 {0, 1} in C order.
    seconds : float
        That it took.
    """

    metrics: Mapping[str, float] = field(hash=False)
    slices: Mapping[str, tuple[float | None, ...]] = field(hash=False)
    mask_sha256: str
    seconds: float


class TaskMeasurer:
    """Computes tasks one after the other; what they share is kept between them.

    Of the fragment that was last worked on the volumes, the score with its histogram, the stages of
    the mask, the packed label and the percentiles of the score are held in memory.

    Parameters
    ----------
    dataset : DataSet
    memory_budget : int, optional
        Bytes that one fragment's volumes and score may take before they are streamed.
    """

    def __init__(self, dataset: DataSet, memory_budget: int | None = None) -> None:
        self._dataset = dataset
        self._pipelines = PipelineSet(dataset, memory_budget=memory_budget)
        self._label: tuple[str, LabelBits] | None = None
        self._percentiles: tuple[tuple[str, ScoreKey], list[Percentiles]] | None = None

    def measure(
        self,
        image_id: str,
        setting: Setting,
        *,
        with_score: bool = True,
        cancelled: CancelCheck = never,
    ) -> Measurement:
        """Compute a task.

        Parameters
        ----------
        image_id : str
        setting : Setting
        with_score : bool
            Whether the leaderboard score of a fragment with a label is computed.
        cancelled : callable
            Asked between tiles.

        Raises
        ------
        FragmentError
            If the fragment lacks what the setting reads.
        VolumeError
            If a volume is damaged, or holds what a probability or a label cannot be.
        ValueError
            If the setting's block lies outside the fragment.
        Cancelled
            If `cancelled` returned True.
        """
        start = time.perf_counter()
        fragment = self._dataset[image_id]
        if self._label is not None and self._label[0] != image_id:
            self._label = None
        pipeline, threshold = self._pipelines.with_threshold(image_id, setting, cancelled)
        mask, digest, percentiles, notes = self._streamed(
            image_id, pipeline, setting, threshold, cancelled
        )
        label = self._packed_label(fragment)
        runs = find_runs(mask)
        slices = measure_slices(
            mask, label=label, percentiles=percentiles, runs=runs, cancelled=cancelled
        )
        volume = measure_volume(mask, profile=slices, runs=runs, cancelled=cancelled)
        metrics = volume.as_record() | _thresholds(threshold)
        if notes:
            metrics |= notes[0].as_metrics()
        if with_score and fragment.label is not None:
            metrics |= self._leaderboard(fragment, mask, cancelled)
        seconds = time.perf_counter() - start
        return Measurement(metrics, slice_columns(slices), digest, seconds)

    def release(self) -> None:
        """Give the memory back."""
        self._pipelines.release()
        self._label = None
        self._percentiles = None

    def _streamed(
        self,
        image_id: str,
        pipeline: FragmentPipeline,
        setting: Setting,
        threshold: Threshold,
        cancelled: CancelCheck,
    ) -> tuple[Mask, str, list[Percentiles], tuple[ThresholdNote, ...]]:
        """Return the mask, its SHA-256, the percentiles of its scores, and notes on them."""
        mask = np.empty(pipeline.shape, np.uint8)
        digest = hashlib.sha256()
        tally = ThresholdTally(threshold, pipeline.shape)
        key = (image_id, ScoreKey.of(setting))
        known = self._percentiles
        percentiles = known[1] if known is not None and known[0] == key else []
        to_be_found = not percentiles
        for slab in pipeline.slabs(setting, threshold, cancelled):
            mask[slab.extent] = slab.mask
            digest.update(mask[slab.extent].data)
            tally.add(slab.extent, slab.score, cancelled)
            if to_be_found:
                percentiles += percentiles_of_slices(slab.score, cancelled=cancelled)
        self._percentiles = (key, percentiles)
        return mask, digest.hexdigest(), percentiles, tally.notes(setting)

    def _packed_label(self, fragment: Fragment) -> LabelBits | None:
        if fragment.label is None:
            return None
        if self._label is None:
            voxels = fragment.label.read().astype(np.uint8, copy=False)
            fragment.label.release()
            self._label = (fragment.image_id, LabelBits.of(voxels))
        return self._label[1]

    def _leaderboard(
        self, fragment: Fragment, mask: Mask, cancelled: CancelCheck
    ) -> dict[str, float]:
        """Return the leaderboard score and its parts.

        The score that was thresholded is forgotten first: together with what this one takes it
        would exceed the memory of a worker, and it is computed again in a fraction of the time.
        """
        from napari_nx46.leaderboard import score

        if fragment.label is None:
            raise RuntimeError(f"fragment {fragment.image_id}: there is no label to score against")
        self._pipelines[fragment.image_id].clear_score()
        label = fragment.label.read()
        fragment.label.release()
        found = score(mask, label, workers=1, cancelled=cancelled)
        return {
            "leaderboard_score": found.value,
            "topo_score": found.topo.value,
            "surface_dice": found.surface_dice,
            "voi_score": found.voi.value,
        }


def slice_columns(slices: Sequence[SliceMeasures]) -> dict[str, tuple[float | None, ...]]:
    """Return the figures of slices by name; those that no slice has are left out.

    Parameters
    ----------
    slices : sequence of SliceMeasures
        In ascending z.
    """
    names = ("density", "continuity", "components", "precision", "recall", "dice", "recall_loss")
    columns: dict[str, tuple[float | None, ...]] = {
        name: tuple(getattr(one, name) for one in slices) for name in names
    }
    for index, name in enumerate(("p50", "p90", "p95", "p99")):
        columns[name] = tuple(
            None if one.percentiles is None else one.percentiles[index] for one in slices
        )
    return {
        name: figures
        for name, figures in columns.items()
        if any(figure is not None for figure in figures)
    }


def _thresholds(threshold: Threshold) -> dict[str, float]:
    """Return the thresholds of a mask that has one for all slices."""
    if threshold.per_slice:
        return {}
    found = {"threshold": threshold.values[0]}
    return found if threshold.low is None else found | {"low_threshold": threshold.low[0]}
