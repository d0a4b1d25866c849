"""The table of settings: each is kept once, under the SHA-256 of its canonical JSON."""

from __future__ import annotations

from collections.abc import Iterable

from napari_nx46.files.workspace.database import Database
from napari_nx46.files.workspace.encoding import (
    Column,
    digest_of,
    parse_setting_text,
    parse_sha256,
    setting_text,
)
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.schema import SETTING_USERS
from napari_nx46.setting import Setting

_MOST_KNOWN = 4096


class SettingTable:
    """Settings by their digest.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Setting] = {}

    def keep(self, setting: Setting) -> str:
        """Make sure that a setting is in the table, and return its digest."""
        text = setting_text(setting)
        digest = digest_of(text)
        self._database.execute(
            "INSERT INTO settings (digest, json) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE"
            " SET json = excluded.json WHERE json IS NOT excluded.json",  # heals a damaged one
            (digest, text),
        )
        return digest

    def read(self, column: Column) -> Setting:
        """Return the setting that a column refers to.

        Raises
        ------
        RowError
            If it is not there, was changed, or is not one of this program.
        """
        digest = parse_sha256(column)
        known = self._known.get(digest)
        if known is None:
            row = self._database.row("settings", "json", "digest = ?", digest)
            if row is None:
                raise RowError("its setting is missing")
            known = parse_setting_text(row[0], digest)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[digest] = known
        return known

    def used(self, table: str, condition: str = "1", values: tuple[Column, ...] = ()) -> set[str]:
        """Return the digests that the rows of a table refer to, for `forget_unused`."""
        query = f"SELECT DISTINCT setting FROM {table} WHERE {condition}"
        return {digest for (digest,) in self._database.execute(query, values)}

    def forget_unused(self, digests: Iterable[str]) -> None:
        """Remove those of these settings that no row refers to any more."""
        unused = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {table} WHERE setting = ?1)" for table in SETTING_USERS
        )
        for digest in digests:
            self._database.execute(
                f"DELETE FROM settings WHERE digest = ?1 AND {unused}", (digest,)
            )
