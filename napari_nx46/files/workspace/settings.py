"""The table of settings: each is kept once, under the SHA-256 of its canonical JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from pydantic import ValidationError

from napari_nx46.files.naming import printable
from napari_nx46.files.workspace.columns import (
    LARGEST_JSON_CHARACTERS,
    Column,
    digest_of,
    setting_text,
)
from napari_nx46.files.workspace.database import MOST_ROWS, Database, Row, Select, Value
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.parsing import RowType
from napari_nx46.files.workspace.schema import SETTING_USERS
from napari_nx46.setting import Setting

_MOST_KNOWN = 2 * MOST_ROWS


class SettingTable:
    """Settings by their digest.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Column, Setting] = {}

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

    def read(self, digest: Column) -> Setting:
        """Return the setting that a column refers to.

        Raises
        ------
        RowError
            If it is not there, was changed, or is not one of this program.
        """
        known = self._known.get(digest)
        if known is None:
            select = Select("settings", "digest, json", "digest = ?", (digest,))
            found = self._database.rows(select)
            if not found:
                raise RowError("its setting is missing")
            known = self._take(found[0])
        return known

    def values(
        self,
        table: str,
        kind: RowType[Value],
        limit: int = MOST_ROWS,
        *,
        columns: tuple[str, ...] | None = None,
        others: Callable[[Row], Mapping[str, object]] = lambda _row: {},
    ) -> tuple[Value, ...]:
        """Return what the newest rows of a table hold, each with a setting, oldest first.

        Those that are damaged are left out and noted.

        Parameters
        ----------
        table : str
        kind : RowType
            ``setting`` refers to this table.
        limit : int
        columns : tuple of str, optional
            Those of the table; by default of the names of the fields.
        others : callable
            Returns the fields of a row that are kept in other tables.
        """
        select = Select(table, ", ".join(columns or kind.names), limit=limit)
        with self._database.reading():
            self.read_ahead(select)
            return self._database.values(
                select,
                lambda row: kind.parse(
                    {**row, "setting": self.read(row["setting"]), **others(row)}
                ),
            )

    def read_ahead(self, select: Select) -> None:
        """Read the settings that rows refer to at once, each of them once.

        Those that are damaged are left to `read`. They are not joined to the rows: a stranger's
        file could have one large setting that every row refers to.
        """
        rows = self._database.each(
            f"SELECT digest, json FROM settings WHERE digest IN ({select.query('setting')})",
            (*select.values, select.limit),
        )
        with suppress(RowError):
            for row in rows:
                if row["digest"] not in self._known:
                    with suppress(RowError):
                        self._take(row)

    def _take(self, row: Row) -> Setting:
        digest, text = row["digest"], row["json"]
        if not isinstance(text, str) or len(text) > LARGEST_JSON_CHARACTERS:
            raise RowError("found a setting that is no text, or a long one")
        if digest_of(text) != digest:
            raise RowError("found a setting that was changed: its SHA-256 is another one")
        try:
            setting = Setting.model_validate_json(text)
        except ValidationError as error:
            raise RowError(f"found no setting of this program: {printable(str(error))}") from error
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[digest] = setting
        return setting

    def used(self, table: str, condition: str = "1", values: tuple[Column, ...] = ()) -> set[str]:
        """Return the digests that the rows of a table refer to, for `delete_unused`."""
        query = f"SELECT DISTINCT setting FROM {table} WHERE {condition}"
        return {digest for (digest,) in self._database.execute(query, values)}

    def delete_unused(self, digests: Iterable[str]) -> None:
        """Remove those of these settings that no row refers to any more."""
        unused = " AND ".join(
            f"NOT EXISTS (SELECT 1 FROM {table} WHERE setting = :digest)" for table in SETTING_USERS
        )
        for digest in digests:
            self._database.execute(
                f"DELETE FROM settings WHERE digest = :digest AND {unused}", {"digest": digest}
            )
