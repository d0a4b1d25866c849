"""The table of landscapes: the newest one of each fragment and choice of knobs."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_nx46.files.workspace.columns import (
    Column,
    ImageId,
    JsonObject,
    KeptCorrections,
    KeptSetting,
    RunId,
    UtcTime,
)
from napari_nx46.files.workspace.corrections.table import CorrectionTable
from napari_nx46.files.workspace.database import Database
from napari_nx46.files.workspace.parsing import RowType
from napari_nx46.files.workspace.rows import utc_now
from napari_nx46.files.workspace.settings import SettingTable

__all__ = ["MOST_LANDSCAPES", "LandscapeTable", "SavedLandscape"]

MOST_LANDSCAPES = 64
"""Older ones are removed; one takes some 30 KB."""


@dataclass(frozen=True, slots=True)
class SavedLandscape:
    """Scores of a fragment over one or two knobs.

    Parameters
    ----------
    image_id : str
    knobs : str
        Names of the knobs; there is one landscape for each fragment and these.
    setting : Setting
        Of all other knobs.
    details : mapping
        JSON that the workspace does not look into: values of the knobs, and the scores.
    corrections : Corrections, optional
        What was corrected by hand in the masks that were scored.
    time : datetime
        When it was last written, in UTC.
    """

    image_id: ImageId
    knobs: RunId
    setting: KeptSetting
    details: JsonObject = field(hash=False)
    corrections: KeptCorrections | None = field(default=None, repr=False)
    time: UtcTime = field(default_factory=utc_now)


_LANDSCAPE = RowType(SavedLandscape)


class LandscapeTable:
    """Landscapes by fragment and knobs.

    Parameters
    ----------
    database : Database
    settings : SettingTable
    corrections : CorrectionTable
    """

    def __init__(
        self, database: Database, settings: SettingTable, corrections: CorrectionTable
    ) -> None:
        self._database = database
        self._settings = settings
        self._corrections = corrections

    def keep(self, landscape: SavedLandscape) -> None:
        """Keep a landscape, in place of the one of the same fragment and knobs.

        Raises
        ------
        ValueError
            If its parts are larger than what is kept, or could not be read back.
        WorkspaceError
            If the file cannot be written.
        """
        columns = _LANDSCAPE.columns(landscape, "setting", "corrections")
        with self._database.writing():
            self._remove("image_id = ? AND knobs = ?", landscape.image_id, landscape.knobs)
            referred = {
                "setting": self._settings.keep(landscape.setting),
                "corrections": self._corrections.keep_any(landscape.corrections),
            }
            self._database.insert("landscapes", {**columns, **referred})
            self._remove("1 ORDER BY number DESC LIMIT -1 OFFSET ?", MOST_LANDSCAPES)

    def all(self) -> tuple[SavedLandscape, ...]:
        """Return all landscapes, those written last at the end; damaged ones are left out."""
        return self._settings.values(
            *("landscapes", _LANDSCAPE, MOST_LANDSCAPES),
            others=lambda row: {"corrections": self._corrections.read_any(row["corrections"])},
        )

    def _remove(self, condition: str, *values: Column) -> None:
        """Remove rows, and the settings and corrections that no other row has."""
        found = self._database.execute(f"SELECT number FROM landscapes WHERE {condition}", values)
        for (number,) in found.fetchall():
            digests = self._settings.used("landscapes", "number = ?", (number,))
            self._corrections.delete("landscapes", "number = ?", number)
            self._settings.delete_unused(digests)
