"""The workspace: one SQLite file that keeps a calibration between two sittings, or two crashes.

It holds the history of settings, the pinned and the accepted ones, where the user was, and the
runs with the scores that the competition returned. People's data folders are never written to.
"""

from napari_nx46.files.workspace.campaign_rows import (
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedTask,
)
from napari_nx46.files.workspace.campaigns import CampaignTable
from napari_nx46.files.workspace.columns import (
    LARGEST_THUMBNAIL_BYTES,
    LONGEST_NOTE,
    LONGEST_TAG,
    Metrics,
)
from napari_nx46.files.workspace.errors import Damage, WorkspaceError
from napari_nx46.files.workspace.landscapes.table import SavedLandscape
from napari_nx46.files.workspace.location import (
    WORKSPACES_VARIABLE,
    default_workspace,
    workspace_of_content,
)
from napari_nx46.files.workspace.pending import Announcement, announcements, announcing
from napari_nx46.files.workspace.rows import (
    Baseline,
    Bookmark,
    HistoryEntry,
    SavedPin,
    SavedRun,
    utc_now,
)
from napari_nx46.files.workspace.store import MOST_HISTORY_ENTRIES, Workspace

__all__ = [
    "LARGEST_THUMBNAIL_BYTES",
    "LONGEST_NOTE",
    "LONGEST_TAG",
    "MOST_HISTORY_ENTRIES",
    "WORKSPACES_VARIABLE",
    "Announcement",
    "Baseline",
    "Bookmark",
    "CampaignTable",
    "Damage",
    "HistoryEntry",
    "Metrics",
    "SavedCampaign",
    "SavedLandscape",
    "SavedOutcome",
    "SavedPin",
    "SavedResult",
    "SavedRun",
    "SavedTask",
    "Workspace",
    "WorkspaceError",
    "announcements",
    "announcing",
    "default_workspace",
    "utc_now",
    "workspace_of_content",
]
