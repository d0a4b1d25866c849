"""Figures of a campaign's runs, averaged over fragments that are the same for what is compared."""

from __future__ import annotations

import math
from collections.abc import Iterable

from napari_nx46.campaign.records.results import CampaignResults, TaskState

__all__ = ["fragments_with", "is_finished", "mean_figure", "shared_mean"]


def is_finished(results: CampaignResults, run_id: str) -> bool:
    """Return whether a run is done on every fragment."""
    return all(one.state is TaskState.DONE for one in results.of_run(run_id))


def fragments_with(results: CampaignResults, run_id: str, name: str) -> tuple[str, ...]:
    """Return the image_ids of the fragments on which a run has a figure, in their order."""
    return tuple(one.image_id for one in results.of_run(run_id) if name in one.metrics)


def mean_figure(
    results: CampaignResults, run_id: str, name: str, image_ids: Iterable[str] | None = None
) -> float | None:
    """Return the mean of a run's figure over fragments, each counting the same.

    Parameters
    ----------
    results : CampaignResults
    run_id : str
    name : str
        Of the figure, as in `FragmentResult.metrics`.
    image_ids : iterable of str, optional
        Fragments on which the run has the figure; by default all of these.

    Returns
    -------
    float or None
        None where there is no such fragment.
    """
    chosen = fragments_with(results, run_id, name) if image_ids is None else image_ids
    values = [results.fragments[run_id, image_id].metrics[name] for image_id in chosen]
    return math.fsum(values) / len(values) if values else None


def shared_mean(
    results: CampaignResults, run_id: str, other_id: str, name: str
) -> tuple[float, float] | None:
    """Return the means of a figure of two runs over the fragments on which both have it.

    Returns
    -------
    tuple of float, or None
        The run's and the other's; None where they share no fragment.
    """
    shared = set(fragments_with(results, other_id, name))
    image_ids = [one for one in fragments_with(results, run_id, name) if one in shared]
    mean = mean_figure(results, run_id, name, image_ids)
    other = mean_figure(results, other_id, name, image_ids)
    return None if mean is None or other is None else (mean, other)
