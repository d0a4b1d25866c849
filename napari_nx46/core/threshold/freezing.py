"""Quantiles turned into probabilities, so that a setting gives the same threshold everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.core.score.fragment_score import FragmentScore
from napari_nx46.core.threshold.quantile import ScoreHistogram, bin_of_threshold, count_at_least
from napari_nx46.core.threshold.rules import pooled_counts, pooled_pair
from napari_nx46.core.threshold.search import CountRequest
from napari_nx46.setting import Domain, Setting, SettingError, ThresholdRule
from napari_nx46.voxels.workers import CancelCheck, never

__all__ = ["frozen"]


def frozen(
    setting: Setting, pipelines: Sequence[FragmentScore], cancelled: CancelCheck = never
) -> Setting:
    """Return a setting with its quantiles as probabilities: exact, over several fragments together.

    On these fragments its masks are those of the domain *data set*; a setting by probability stays
    as it is.

    Parameters
    ----------
    setting : Setting
    pipelines : sequence of FragmentScore
        Of the fragments; at least one.
    cancelled : callable
        Asked between tiles.

    Raises
    ------
    SettingError
        If each slice has its own threshold, or the quantile is of one fragment's block.
    Cancelled
        If `cancelled` returned True.
    """
    if setting.rule is ThresholdRule.PROBABILITY:
        return setting
    if setting.rule is ThresholdRule.ADAPTIVE or setting.domain is Domain.SLICE:
        raise SettingError(
            "the thresholds follow from each slice, and cannot be frozen into one; a large volume "
            "gets them slice by slice"
        )
    if setting.domain is Domain.BLOCK:
        raise SettingError(
            "the quantile is that of a block of one fragment; choose the domain 'dataset' to "
            "freeze the quantile over all fragments"
        )
    pair = pooled_pair(pipelines, setting, cancelled)
    values = [_as_probability(value, pipelines, setting, cancelled) for value in pair]
    low = {"low_probability": values[1]} if len(values) > 1 else {}
    return setting.changed(
        rule=ThresholdRule.PROBABILITY, probability=values[0], domain=Domain.FRAGMENT, **low
    )


def _as_probability(
    value: float, pipelines: Sequence[FragmentScore], setting: Setting, cancelled: CancelCheck
) -> float:
    """Return a threshold of at most 1: rounding lifts scores of 1 beyond, not any to between."""
    if value <= 1:
        return value
    bins = tuple({bin_of_threshold(1.0), bin_of_threshold(value)})
    counted = pooled_counts(pipelines, setting, CountRequest(histogram=True, bins=bins), cancelled)
    histogram = ScoreHistogram(counted.histogram)
    reached = {count_at_least(histogram, counted.low_bits, each) for each in (1.0, value)}
    if len(reached) > 1:
        raise SettingError(
            f"the quantile falls on the score {value!r}, above 1, and no probability selects the "
            "same voxels; choose a lower quantile"
        )
    return 1.0
