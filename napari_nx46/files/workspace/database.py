"""One connection to a workspace file: opening, transactions, and rows that may be damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from napari_nx46.files.naming import printable
from napari_nx46.files.regular import NotRegularFileError, check_regular
from napari_nx46.files.workspace.columns import Column
from napari_nx46.files.workspace.errors import Damage, RowError, WorkspaceError, damaged, translated
from napari_nx46.files.workspace.schema import (
    WORKSPACE,
    Schema,
    check_identity,
    check_tables,
    is_newest,
    migrate,
)

BUSY_SECONDS = 5.0
"""For how long another program's writing is waited for."""

MOST_ROWS = 10_000
"""Rows of a table that are read, the newest ones."""

Row: TypeAlias = dict[str, Column]
"""Columns by their names, and SQLite's number of the row as ``rowid``."""

Value = TypeVar("Value")

_LARGEST_ROW_BYTES = 4 * 1024 * 1024
_MOST_DAMAGES = 1000
_RETRY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Select:
    """The newest rows of a table that meet a condition, which are constants of the program.

    Parameters
    ----------
    table, columns, condition : str
        In SQL, never a stranger's text.
    values : tuple
        What the condition's question marks stand for.
    limit : int
        The most rows.
    """

    table: str
    columns: str
    condition: str = "1"
    values: tuple[Column, ...] = ()
    limit: int = MOST_ROWS

    def query(self, columns: str) -> str:
        """Return the query of columns, newest first; its last question mark is the limit."""
        return (
            f"SELECT {columns} FROM {self.table} WHERE {self.condition} ORDER BY rowid DESC LIMIT ?"
        )


class Database:
    """A connection in the thread that opened it.

    Parameters
    ----------
    path : Path
        The file.
    connection : sqlite3.Connection
        In autocommit mode, to a file of the newest version.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._damage: dict[tuple[str, str], Damage] = {}

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool,
        check_pages: bool = True,
        busy_seconds: float = BUSY_SECONDS,
        schema: Schema = WORKSPACE,
    ) -> Database:
        """Open a file, or make one with its folder; see `Workspace.open`."""
        path = path.absolute()
        _check_place(path, create)
        try:
            connection = _connect(path, create, busy_seconds)
            try:
                _prepare(connection, path, schema, check_pages, busy_seconds)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if isinstance(error, sqlite3.Error):
                raise translated(path, error) from error
            raise damaged(path, "text that is not UTF-8") from error
        return cls(path, connection)

    @property
    def damage(self) -> tuple[Damage, ...]:
        """Rows that were left out so far, each once."""
        return tuple(self._damage.values())

    def close(self) -> None:
        """Give the file back; may be called again."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep everything that is executed within, or nothing; within another one, as part of it.

        Raises
        ------
        WorkspaceError
            If the file cannot be written.
        """
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read everything within as it is at one moment, whoever writes meanwhile."""
        with self._transaction("BEGIN"):
            yield

    def execute(
        self, statement: str, values: Sequence[Column] | Mapping[str, Column] = ()
    ) -> sqlite3.Cursor:
        """Execute one statement.

        Raises
        ------
        WorkspaceError
            If SQLite cannot; names the file.
        """
        with self._errors_translated():
            return self._connection.execute(statement, values)

    def insert(self, table: str, columns: Mapping[str, Column], ending: str = "") -> int:
        """Insert a row and return SQLite's number of it.

        Parameters
        ----------
        table : str
        columns : mapping of str to Column
            By constants of the program.
        ending : str
            What is to be done where the row is there already.
        """
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        cursor = self.execute(f"INSERT INTO {table} ({names}) VALUES ({values}) {ending}", columns)
        if cursor.lastrowid is None:
            raise WorkspaceError(self.path, f"the new row of {table} was given no number")
        return cursor.lastrowid

    def values(self, select: Select, parse: Callable[[Row], Value]) -> tuple[Value, ...]:
        """Return what rows hold, oldest first; those that are damaged are left out and noted.

        They are read at once; where one of them cannot be read, each is read on its own, so that
        it costs no other.

        Parameters
        ----------
        select : Select
        parse : callable
            Raises a `RowError` for a row that is not what it should be.
        """
        values = []
        with self.reading():
            try:
                rows: Iterable[Row] = self.rows(select)
            except RowError:
                rows = self._readable_rows(select)
            for row in rows:
                try:
                    values.append(parse(row))
                except RowError as error:
                    self._note_damage(select.table, row["rowid"], error)
        return tuple(values)

    def _readable_rows(self, select: Select) -> Iterator[Row]:
        numbers = self.execute(select.query("rowid"), (*select.values, select.limit)).fetchall()
        for (number,) in reversed(numbers):
            try:
                yield from self.rows(Select(select.table, select.columns, "rowid = ?", (number,)))
            except RowError as error:
                self._note_damage(select.table, number, error)

    def rows(self, select: Select) -> list[Row]:
        """Return rows, oldest first, all of them or none.

        Raises
        ------
        RowError
            If one cannot be read.
        """
        query = select.query(f"rowid AS rowid, {select.columns}")
        return list(self.each(query, (*select.values, select.limit)))[::-1]

    def each(self, query: str, values: Sequence[Column] = ()) -> Iterator[Row]:
        """Yield the rows that a query finds, which ends with the first that cannot be read.

        Raises
        ------
        RowError
            If there is such a row.
        """
        try:
            with self._errors_translated():
                cursor = self._connection.execute(query, values)
                names = [name for name, *_ in cursor.description]
                for row in cursor:
                    yield dict(zip(names, row, strict=True))
        except (sqlite3.DataError, UnicodeDecodeError) as error:
            raise RowError(f"found what cannot be read ({error})") from error

    def _note_damage(self, table: str, row: Column, error: RowError) -> None:
        if len(self._damage) < _MOST_DAMAGES:
            self._damage.setdefault((table, str(row)), Damage(table, str(row), str(error)))

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        if self._connection.in_transaction:
            yield
            return
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        """Undo what was not committed, unless SQLite has, as it does where the disk was full."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Put a user's errors into words; a programmer's, and those of one row, pass."""
        try:
            yield
        except (sqlite3.ProgrammingError, sqlite3.DataError):
            raise
        except sqlite3.Error as error:
            raise translated(self.path, error) from error


def _check_place(path: Path, create: bool) -> None:
    """Check that a file may be at a path, and make its folder where it shall be made."""
    try:
        if path.exists():
            check_regular(path)
            for file in _files_beside(path):
                with suppress(FileNotFoundError):  # another program may just have removed it
                    check_regular(file)
        elif not create:
            raise WorkspaceError(path, "there is no such file")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
    except IsADirectoryError as error:
        raise WorkspaceError(path, "found a folder, expected a file") from error
    except NotRegularFileError as error:
        raise WorkspaceError(Path(error.filename), f"found {error.strerror}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkspaceError(path, f"its folder cannot be used ({reason})") from error


def _files_beside(path: Path) -> list[Path]:
    """Return the files beside a workspace that SQLite opens with it, if they are there."""
    return [path.with_name(path.name + ending) for ending in ("-journal", "-wal", "-shm")]


def _connect(path: Path, create: bool, busy_seconds: float) -> sqlite3.Connection:
    mode = "rwc" if create else "rw"
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=busy_seconds, isolation_level=None
    )
    connection.text_factory = bytes.decode  # raises where text is not UTF-8
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_ROW_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    return connection


def _prepare(
    connection: sqlite3.Connection,
    path: Path,
    schema: Schema,
    check_pages: bool,
    busy_seconds: float,
) -> None:
    """Check a file before anything is written to it, then bring it to the newest version."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    _check_identity(connection, path, schema)
    if check_pages or not _is_up_to_date(connection, schema):
        _check_pages(connection, path)
    _write_ahead(connection, busy_seconds)
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection, path, schema)
    check_tables(connection, path, schema)
    connection.execute("PRAGMA foreign_keys = ON")


def _check_identity(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Check what a file is as of one moment: another program may be making it."""
    connection.execute("BEGIN")
    try:
        check_identity(connection, path, schema)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _is_up_to_date(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Return whether a file can be opened without a change of it."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return mode == "wal" and is_newest(connection, schema)


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise damaged(path, f"damaged pages ({printable(found.splitlines()[-1])})")


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to a write-ahead log, in which readers never wait for a writer.

    SQLite does not wait for the lock that the switch itself needs. Where a file system cannot
    share memory the file stays with a rollback journal, which is as safe.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
