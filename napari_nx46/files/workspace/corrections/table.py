"""The tables of corrections: each slice is kept once, whatever corrections it belongs to.

A stroke changes few slices, so that every state of a fragment in the history takes little more
than the slices in which it differs from the state before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from napari_nx46.files.workspace.columns import Column
from napari_nx46.files.workspace.corrections.coding import parse_runs, runs_bytes
from napari_nx46.files.workspace.database import Database, Row, Select
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.rows import CORRECTED, CorrectedFragment
from napari_nx46.files.workspace.schema import CORRECTION_USERS
from napari_nx46.voxels.corrections.corrections import Corrections, CorrectionsError
from napari_nx46.voxels.corrections.runs import SliceRuns

__all__ = ["LARGEST_SIDE", "CorrectionTable"]

LARGEST_SIDE = 1 << 20
"""Voxels of a fragment along any axis."""

_MOST_SLICES = 100_000
_MOST_BYTES = 1 << 30
_MOST_KNOWN = 20_000


class CorrectionTable:
    """Corrections by their digest.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Corrections] = {}
        self._sound: dict[str, SliceRuns] = {}
        """Slices that this connection has read or written, by digest."""

    def keep(self, corrections: Corrections) -> str:
        """Make sure that corrections are in the table, and return their digest."""
        digest = corrections.digest
        there = self._database.execute("SELECT 1 FROM corrections WHERE digest = ?", (digest,))
        if there.fetchone() is not None and digest in self._known:
            return digest
        depth, height, width = corrections.shape
        self._database.execute(
            "INSERT OR IGNORE INTO corrections (digest, depth, height, width) VALUES (?, ?, ?, ?)",
            (digest, depth, height, width),
        )
        for z, runs in corrections.slices.items():
            self._keep_slice(runs)
            self._database.execute(
                "INSERT OR REPLACE INTO corrected_slices (corrections, z, slice) VALUES (?, ?, ?)",
                (digest, z, runs.digest.hex()),
            )
        self._remember(corrections)
        return digest

    def keep_any(self, corrections: Corrections | None) -> str | None:
        """Do the same, unless there are none."""
        return None if corrections is None else self.keep(corrections)

    def read(self, digest: Column) -> Corrections:
        """Return the corrections that a column refers to.

        Raises
        ------
        RowError
            If they are not there, or damaged.
        """
        known = self._known.get(digest) if isinstance(digest, str) else None
        if known is not None:
            return known
        columns = "digest, depth, height, width"
        found = self._database.rows(Select("corrections", columns, "digest = ?", (digest,)))
        if not found:
            raise RowError("its corrections are missing")
        corrections = self._parsed(found[0])
        self._remember(corrections)
        return corrections

    def read_any(self, digest: Column) -> Corrections | None:
        """Do the same, unless the column is empty."""
        return None if digest is None else self.read(digest)

    def correct(self, image_id: str, corrections: Corrections) -> None:
        """Keep what is corrected in a fragment; see `Workspace.set_corrections`."""
        columns = CORRECTED.columns(CorrectedFragment(image_id, corrections), "corrections")
        self.delete("corrected_fragments", "image_id = ?", image_id)
        if not corrections.is_empty:
            referred = {**columns, "corrections": self.keep(corrections)}
            self._database.insert("corrected_fragments", referred)

    def corrected(self) -> dict[str, Corrections]:
        """Return what is corrected, by image_id; see `Workspace.corrections`."""
        rows = self._database.values(
            Select("corrected_fragments", "image_id, corrections"),
            lambda row: CORRECTED.parse({**row, "corrections": self.read(row["corrections"])}),
        )
        return {row.image_id: row.corrections for row in rows}

    def refer(self, table: str, key: str, value: Column, corrections: Corrections | None) -> None:
        """Have a row that refers to no corrections refer to these, if there are any."""
        if corrections is not None:
            digest = self.keep(corrections)
            query = f"UPDATE {table} SET corrections = ? WHERE {key} = ?"
            self._database.execute(query, (digest, value))

    def pin(self, letter: str, corrections: Mapping[str, Corrections]) -> None:
        """Keep what was corrected when a setting was pinned."""
        for image_id, one in corrections.items():
            columns = {"letter": letter, "image_id": image_id, "corrections": self.keep(one)}
            self._database.insert("pinned_corrections", columns)

    def pinned(self, letter: Column) -> dict[Column, Corrections]:
        """Return what was corrected when a setting was pinned, by image_id.

        Raises
        ------
        RowError
            If some of it is damaged.
        """
        select = Select("pinned_corrections", "image_id, corrections", "letter = ?", (letter,))
        rows = self._database.rows(select)
        return {row["image_id"]: self.read(row["corrections"]) for row in rows}

    def delete(self, table: str, condition: str, value: Column) -> None:
        """Remove rows of any table, and the corrections that no other row refers to."""
        digests = set[str]()
        if table in CORRECTION_USERS:
            query = f"SELECT DISTINCT corrections FROM {table} WHERE {condition}"
            rows = self._database.execute(query, (value,))
            digests = {digest for (digest,) in rows if digest is not None}
        self._database.execute(f"DELETE FROM {table} WHERE {condition}", (value,))
        self._forget_unused(digests)

    def _forget_unused(self, digests: Iterable[str]) -> None:
        """Remove those of these corrections that no row refers to any more, and their slices."""
        unused = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {table} WHERE corrections = :digest)"
            for table in CORRECTION_USERS
        )
        for digest in digests:
            rows = self._database.execute(
                "SELECT slice FROM corrected_slices WHERE corrections = ?", (digest,)
            )
            slices = {name for (name,) in rows}
            gone = self._database.execute(
                f"DELETE FROM corrections WHERE digest = :digest AND {unused}", {"digest": digest}
            )
            for name in slices if gone.rowcount else ():
                self._database.execute(
                    "DELETE FROM correction_slices WHERE digest = :digest AND"
                    " NOT EXISTS (SELECT 1 FROM corrected_slices WHERE slice = :digest)",
                    {"digest": name},
                )

    def _keep_slice(self, runs: SliceRuns) -> None:
        name = runs.digest.hex()
        there = self._database.execute("SELECT 1 FROM correction_slices WHERE digest = ?", (name,))
        if there.fetchone() is None or name not in self._sound:
            self._database.execute(
                "INSERT INTO correction_slices (digest, runs) VALUES (?, ?) ON CONFLICT (digest)"
                " DO UPDATE SET runs = excluded.runs",  # heals a damaged one
                (name, runs_bytes(runs)),
            )

    def _parsed(self, row: Row) -> Corrections:
        shape = row["depth"], row["height"], row["width"]
        if not all(isinstance(side, int) and 0 < side <= LARGEST_SIDE for side in shape):
            raise RowError("found corrections of no possible shape")
        depth, height, width = (side for side in shape if isinstance(side, int))
        of_these = Select(
            "corrected_slices", "z, slice", "corrections = ?", (row["digest"],), _MOST_SLICES
        )
        slices, size = dict[int, SliceRuns](), 0
        for part in self._database.rows(of_these):
            z, name = part["z"], part["slice"]
            if not isinstance(z, int) or not isinstance(name, str):
                raise RowError("found corrections of no slice")
            slices[z] = runs = self._slice(name, width)
            size += runs.nbytes
            if size > _MOST_BYTES:
                raise RowError(f"found corrections of more than {_MOST_BYTES} bytes")
        try:
            corrections = Corrections.of_runs((depth, height, width), slices)
        except CorrectionsError as error:
            raise RowError(f"found damaged corrections ({error})") from error
        if corrections.digest != row["digest"]:
            raise RowError("found corrections that were changed: their SHA-256 is another one")
        return corrections

    def _slice(self, name: str, width: int) -> SliceRuns:
        known = self._sound.get(name)
        if known is not None and known.width == width:
            return known
        found = self._database.rows(
            Select("correction_slices", "digest, runs", "digest = ?", (name,))
        )
        if not found:
            raise RowError("a slice of its corrections is missing")
        return parse_runs(found[0]["runs"], width)

    def _remember(self, corrections: Corrections) -> None:
        """Remember what is sound, so that it is neither read nor packed again."""
        if len(self._known) + len(self._sound) > _MOST_KNOWN:
            self._known.clear()
            self._sound.clear()
        self._known[corrections.digest] = corrections
        for runs in corrections.slices.values():
            self._sound[runs.digest.hex()] = runs
