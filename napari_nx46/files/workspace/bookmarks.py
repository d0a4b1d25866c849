"""The table of bookmarks."""

from __future__ import annotations

from collections.abc import Iterable

from napari_nx46.files.workspace.database import Database, Select
from napari_nx46.files.workspace.errors import WorkspaceError
from napari_nx46.files.workspace.rows import BOOKMARK, Bookmark

_COLUMNS = "id, time, image_id, z, y, x, note"


class BookmarkTable:
    """Positions with a note, in the order in which they were made.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, bookmark: Bookmark) -> int:
        """Keep a bookmark as a new one, and return its id.

        Raises
        ------
        ValueError
            If its parts are larger than what is kept, or could not be read back.
        WorkspaceError
            If the file cannot be written.
        """
        columns = BOOKMARK.columns(bookmark, "id")
        with self._database.writing():
            return self._database.insert("bookmarks", columns)

    def change(self, bookmark: Bookmark) -> None:
        """Keep another position or note under the id of a bookmark.

        Raises
        ------
        ValueError
            If its parts are larger than what is kept, or could not be read back.
        WorkspaceError
            If there is no such bookmark, or the file cannot be written.
        """
        columns = BOOKMARK.columns(bookmark, "id")
        names = ", ".join(f"{name} = :{name}" for name in columns)
        with self._database.writing():
            changed = self._database.execute(
                f"UPDATE bookmarks SET {names} WHERE id = :id", {**columns, "id": bookmark.id}
            )
            if changed.rowcount == 0:
                raise WorkspaceError(
                    self._database.path,
                    f"there is no bookmark {bookmark.id} any more; add it again",
                )

    def remove(self, numbers: Iterable[int]) -> None:
        """Delete bookmarks by their ids; those that are not there are ignored."""
        with self._database.writing():
            for number in numbers:
                self._database.execute("DELETE FROM bookmarks WHERE id = ?", (number,))

    def all(self) -> tuple[Bookmark, ...]:
        """Return them, oldest first; damaged ones are left out, see `Workspace.damage`."""
        return self._database.values(Select("bookmarks", _COLUMNS), BOOKMARK.parse)
