"""What has been done of a plan: a SQLite file that the main process alone writes.

A tile counts once its files are flushed and have their names, and its row is committed. Until then
it is computed again, to the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_nx46.files.mask_store.chunks import ChunkHash
from napari_nx46.files.workspace.database import Database
from napari_nx46.files.workspace.errors import RowError, WorkspaceError
from napari_nx46.files.workspace.schema import Schema
from napari_nx46.scale.plan.errors import ApplyError

__all__ = ["End", "Ledger", "TileRecord"]

COMMIT_SECONDS = 1.0
"""For how long the rows of tiles wait for others at most: each commit waits for the disk."""

_SCHEMA = Schema(
    0x4E58344C,  # NX4L
    "ledger",
    (
        {
            "plans": ("CREATE TABLE plans (name TEXT PRIMARY KEY NOT NULL, json TEXT NOT NULL)",),
            "tiles": (
                "CREATE TABLE tiles ("
                " stage INTEGER NOT NULL,"
                " tile INTEGER NOT NULL,"
                " json TEXT NOT NULL,"
                " UNIQUE (stage, tile))",
            ),
        },
    ),
)
_PLAN = "plan"


End = tuple[int, int]
"""An axis, and 0 or 1 for its lower or upper end."""


class TileRecord(BaseModel):
    """What a stage made of a tile, or of a group of chunks.

    Parameters
    ----------
    counts : mapping of str to int
        Voxels by what they are, to be added over the tiles.
    files : mapping of str to (int, str)
        By kind, the size and SHA-256 of each file that was left in scratch.
    chunks : tuple of ChunkHash
        Of the image, those that have foreground.
    slices : tuple of int
        Foreground of each slice, where the mask is the result.
    ends : tuple of (axis, end), optional
        Ends of the tile within whose halo the layer that was written has foreground.
    seconds : float
    bytes_read : int
        Of chunks of the sources, as they are decoded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: Mapping[str, int] = {}
    files: Mapping[str, tuple[int, str]] = {}
    chunks: tuple[ChunkHash, ...] = ()
    slices: tuple[int, ...] = ()
    ends: tuple[End, ...] | None = None
    seconds: float = 0.0
    bytes_read: int = 0


class Ledger:
    """The rows of one plan.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[tuple[int, int], str] = {}
        self._committed_at = time.monotonic()

    @classmethod
    def open(cls, path: Path, plan: str) -> Ledger:
        """Open the ledger of a plan; make it if there is none.

        Parameters
        ----------
        path : Path
        plan : str
            JSON text of all that the result follows from.

        Returns
        -------
        Ledger

        Raises
        ------
        ApplyError
            If the file is another plan's, is damaged, or is no ledger.
        """
        try:
            ledger = cls(Database.open(path, create=True, schema=_SCHEMA))
        except WorkspaceError as error:
            raise _of_ledger(error) from error
        try:
            ledger._check_plan(path, plan)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what waits and give the file back."""
        try:
            self.commit()
        finally:
            self._database.close()

    def add(self, stage: int, tile: int, record: TileRecord) -> None:
        """Note that a tile is done; committed within a second, with others."""
        self._pending[stage, tile] = record.model_dump_json()
        if time.monotonic() - self._committed_at > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Commit what waits.

        Raises
        ------
        ApplyError
            If the file cannot be written, e.g. the disk is full.
        """
        self._committed_at = time.monotonic()
        if not self._pending:
            return
        try:
            with self._database.writing():
                for (stage, tile), text in self._pending.items():
                    self._database.execute(
                        "INSERT OR REPLACE INTO tiles (stage, tile, json) VALUES (?, ?, ?)",
                        (stage, tile, text),
                    )
        except WorkspaceError as error:
            raise _of_ledger(error) from error
        self._pending.clear()

    def records(self, stage: int) -> Iterator[tuple[int, TileRecord]]:
        """Yield the tiles of a stage that are done, in raster order.

        Raises
        ------
        ApplyError
            If a row is damaged.
        """
        self.commit()
        query = "SELECT tile, json FROM tiles WHERE stage = ? ORDER BY tile"
        try:
            for row in self._database.each(query, (stage,)):
                yield _tile_of(row["tile"]), TileRecord.model_validate_json(str(row["json"]))
        except (ValidationError, RowError, WorkspaceError) as error:
            raise ApplyError(
                f"ledger {self._database.path}: a row of stage {stage} is damaged ({error}); "
                "give --restart"
            ) from error

    def count(self, stage: int) -> int:
        """Return how many tiles of a stage are done."""
        self.commit()
        (count,) = self._database.execute(
            "SELECT count(*) FROM tiles WHERE stage = ?", (stage,)
        ).fetchone()
        return int(count)

    def fact(self, name: str) -> str | None:
        """Return what was kept under a name; None if nothing was."""
        row = self._database.execute("SELECT json FROM plans WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, name: str, text: str) -> None:
        """Keep what was found over all tiles, such as a threshold.

        Raises
        ------
        ApplyError
            If the file cannot be written.
        """
        try:
            with self._database.writing():
                self._database.execute(
                    "INSERT OR REPLACE INTO plans (name, json) VALUES (?, ?)", (name, text)
                )
        except WorkspaceError as error:
            raise _of_ledger(error) from error

    def drop(self, name: str) -> None:
        """Keep nothing under a name any more."""
        try:
            with self._database.writing():
                self._database.execute("DELETE FROM plans WHERE name = ?", (name,))
        except WorkspaceError as error:
            raise _of_ledger(error) from error

    def _check_plan(self, path: Path, plan: str) -> None:
        found = self.fact(_PLAN)
        if found is None:
            self.keep(_PLAN, plan)
        elif found != plan:
            raise ApplyError(
                f"ledger {path}: found what was begun with another setting, source, tile or "
                "version; give --restart, or what it was begun with"
            )


def _tile_of(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise RowError(f"found tile {value!r:.40}, expected a number")
    return value


def _of_ledger(error: WorkspaceError) -> ApplyError:
    return ApplyError(f"ledger {error.path}: {error.reason}")
