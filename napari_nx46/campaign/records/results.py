"""What a campaign is and what came of it, as values: for running, keeping and reporting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from napari_nx46.setting import Setting

__all__ = [
    "CampaignPlan",
    "CampaignResults",
    "FragmentResult",
    "PlannedRun",
    "SliceResult",
    "TaskState",
]


class TaskState(StrEnum):
    """What became of one setting on one fragment."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One row of a campaign's matrix.

    Parameters
    ----------
    run_id : str
        Unique within the campaign.
    setting : Setting
        Applied to every fragment.
    """

    run_id: str
    setting: Setting


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What is to be run.

    Parameters
    ----------
    name : str
        Of the matrix, the grid or the search.
    runs : tuple of PlannedRun
        In the order of the matrix.
    """

    name: str
    runs: tuple[PlannedRun, ...]

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The run_ids, in the order of the runs."""
        return tuple(run.run_id for run in self.runs)


@dataclass(frozen=True, slots=True)
class SliceResult:
    """The figures of one slice.

    Parameters
    ----------
    z : int
    figures : mapping of str to float
        By name, those that are known: ``density``, ``continuity``, ``components``, ``p50``,
        ``p90``, ``p95``, ``p99`` and, with a label, ``precision``, ``recall``, ``dice`` and
        ``recall_loss`` (surface voxels that this slice misses, as a share of all surface voxels of
        the fragment).
    """

    z: int
    figures: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True, slots=True)
class FragmentResult:
    """What one run gave on one fragment.

    Parameters
    ----------
    run_id : str
    image_id : str
    state : TaskState
    metrics : mapping of str to float
        Of the fragment, those that are known: ``density``, ``mean_continuity``, ``components``,
        ``largest_share``, ``euler_number``, ``threshold``, ``low_threshold`` (in units of
        probability, of settings with one threshold a fragment) and, with a label, ``precision``,
        ``recall``, ``dice``, ``leaderboard_score``, ``topo_score``, ``surface_dice``,
        ``voi_score``. Where a threshold fell on a plateau or above every score, also those of
        `core.threshold_notes.ThresholdNote.as_metrics`.
    slices : tuple of SliceResult
        In ascending z; empty until the task is done.
    mask_sha256 : str, optional
        64 hexadecimal digits: SHA-256 of the mask as uint8 {0, 1} in C order (Z, Y, X), as in the
        manifest of an export.
    seconds : float, optional
        That the task took.
    error : str, optional
        Why it failed.
    """

    run_id: str
    image_id: str
    state: TaskState
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    slices: tuple[SliceResult, ...] = field(default=(), repr=False)
    mask_sha256: str | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignResults:
    """A campaign as it stands, read at one moment.

    Parameters
    ----------
    campaign_id : int
        Within its workspace.
    plan : CampaignPlan
    image_ids : tuple of str
        The fragments, in the data set's order.
    fragments : mapping
        ``(run_id, image_id)`` -> FragmentResult of every task, waiting ones too.
    data : str
        Where the data set was, as the user gave it.
    started : datetime
        In UTC.
    export_faults : mapping of str to str or None
        By run_id, of the runs whose export was checked: None if it validates, else why not.
    public_scores : mapping of str to float
        By run_id, what the user entered of what the competition returned.
    begins_with_baseline : bool
        Whether the first run is what the others are to be compared with. False for a search that
        an older version began: its first run was drawn at random.
    """

    campaign_id: int
    plan: CampaignPlan
    image_ids: tuple[str, ...]
    fragments: Mapping[tuple[str, str], FragmentResult] = field(hash=False)
    data: str
    started: datetime
    export_faults: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    public_scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    begins_with_baseline: bool = True

    def of_run(self, run_id: str) -> tuple[FragmentResult, ...]:
        """Return a run's results in the order of the fragments."""
        return tuple(self.fragments[run_id, image_id] for image_id in self.image_ids)
