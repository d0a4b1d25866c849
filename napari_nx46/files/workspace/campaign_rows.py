"""What a workspace keeps of campaigns, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import SkipValidation

from napari_nx46.files.workspace.columns import (
    Figure,
    ImageId,
    ImageIds,
    JsonObject,
    KeptSetting,
    Metrics,
    Note,
    Number,
    RunId,
    Sha256,
    Tag,
    UtcTime,
)
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.parsing import RowType
from napari_nx46.files.workspace.rows import utc_now

Columns = Mapping[str, tuple[float | None, ...]]
"""Figures of the slices: by name, one of each slice in ascending z; None where it is not known."""


@dataclass(frozen=True, slots=True)
class SavedCampaign:
    """A list of runs over the fragments of a data set.

    Parameters
    ----------
    name : str
        Of the matrix, the grid or the search.
    identity : str
        64 hexadecimal digits: equal for campaigns that would compute the same.
    details : mapping
        JSON that the workspace does not look into: where the data are, what is measured.
    image_ids : tuple of str
        The fragments, in the data set's order.
    settings : mapping of str to Setting
        By run_id, in the order of the plan.
    time : datetime
        When it was begun, in UTC.
    id : int, optional
        Given by the workspace.
    """

    name: Tag
    identity: Sha256
    details: JsonObject = field(hash=False)
    image_ids: ImageIds
    settings: Mapping[RunId, KeptSetting] = field(hash=False)
    time: UtcTime = field(default_factory=utc_now)
    id: Number | None = None


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run of a campaign.

    Parameters
    ----------
    run_id : str
    setting : Setting
    """

    run_id: RunId
    setting: KeptSetting


@dataclass(frozen=True, slots=True)
class SavedResult:
    """What a setting gave on a fragment, whatever campaign asked for it.

    Parameters
    ----------
    key : str
        64 hexadecimal digits that stand for setting, data and what was measured.
    metrics : mapping of str to float or None
        Of the fragment.
    slices : mapping of str to tuple
        Figures of the slices.
    mask_sha256 : str
        64 hexadecimal digits of the mask's voxels.
    seconds : float
        That it took.
    """

    key: Sha256
    metrics: Metrics = field(hash=False)
    slices: Annotated[Columns, SkipValidation] = field(hash=False, repr=False)
    mask_sha256: Sha256
    seconds: Figure


@dataclass(frozen=True, slots=True)
class SavedTask:
    """How one setting on one fragment ended: with a result, or with an error.

    Parameters
    ----------
    run_id : str
    image_id : str
    key : str, optional
        Of its result.
    error : str, optional
        Why it failed.
    """

    run_id: RunId
    image_id: ImageId
    key: Sha256 | None = None
    error: Note | None = None


@dataclass(frozen=True, slots=True)
class SavedOutcome:
    """What became of a run as a whole, as far as it is known.

    Parameters
    ----------
    run_id : str
    checked : bool
        Whether its export was checked.
    fault : str, optional
        Why its export is not valid; None if it is, or was not checked.
    archive_sha256 : str, optional
        64 hexadecimal digits of the export that was checked.
    exported_run : int, optional
        The id of the workspace's run that its archive was kept as.
    verdict : mapping, optional
        JSON that the workspace does not look into.
    """

    run_id: RunId
    checked: bool = False
    fault: Note | None = None
    archive_sha256: Sha256 | None = None
    exported_run: Number | None = None
    verdict: JsonObject | None = field(default=None, hash=False)


def _check_task(task: SavedTask) -> SavedTask:
    if (task.key is None) == (task.error is None):
        raise RowError("expected the key of a result or an error, found both or none")
    return task


def _check_outcome(outcome: SavedOutcome) -> SavedOutcome:
    if outcome.fault is not None and not outcome.checked:
        raise RowError("found a fault of an export that was not checked")
    return outcome


PLANNED = RowType(PlannedRun)
CAMPAIGN = RowType(SavedCampaign)
RESULT = RowType(SavedResult)
TASK = RowType(SavedTask, _check_task)
OUTCOME = RowType(SavedOutcome, _check_outcome)
