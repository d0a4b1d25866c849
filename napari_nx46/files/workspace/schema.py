"""The tables of a workspace, and how an older file gets the newest ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.files.workspace.errors import WorkspaceError, damaged

Migration = Mapping[str, tuple[str, ...]]
"""Table -> the statements that bring it from one version to the next."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What kind of SQLite file it is, and how it comes to its tables.

    Parameters
    ----------
    application_id : int
        Marks such a file.
    word : str
        What messages call it.
    migrations : sequence of Migration
        The first makes version 1 of an empty file.
    """

    application_id: int
    word: str
    migrations: Sequence[Migration]


APPLICATION_ID = 0x4E583436
"""Marks a SQLite file as a workspace: ``NX46`` in ASCII."""

_VERSION_1: Migration = {
    "settings": ("CREATE TABLE settings (digest TEXT PRIMARY KEY NOT NULL, json TEXT NOT NULL)",),
    "history": (
        "CREATE TABLE history ("
        " number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " id TEXT NOT NULL UNIQUE,"
        " time TEXT NOT NULL,"
        " image_id TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest),"
        " metrics TEXT NOT NULL,"
        " thumbnail BLOB,"
        " tag TEXT NOT NULL)",
        "CREATE INDEX history_by_setting ON history (setting)",
    ),
    "pins": (
        "CREATE TABLE pins ("
        " letter TEXT PRIMARY KEY NOT NULL,"
        " time TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest))",
        "CREATE INDEX pins_by_setting ON pins (setting)",
    ),
    "accepted": (
        "CREATE TABLE accepted ("
        " image_id TEXT PRIMARY KEY NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest))",
        "CREATE INDEX accepted_by_setting ON accepted (setting)",
    ),
    "state": ("CREATE TABLE state (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)",),
    "runs": (
        "CREATE TABLE runs ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " time TEXT NOT NULL,"
        " tag TEXT NOT NULL,"
        " note TEXT NOT NULL,"
        " archive TEXT,"
        " archive_sha256 TEXT,"
        " public_score REAL,"
        " private_score REAL)",
    ),
    "run_fragments": (
        "CREATE TABLE run_fragments ("
        " run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,"
        " image_id TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest),"
        " metrics TEXT,"
        " UNIQUE (run_id, image_id))",
        "CREATE INDEX run_fragments_by_setting ON run_fragments (setting)",
    ),
    "baselines": (
        "CREATE TABLE baselines ("
        " number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " run_id INTEGER NOT NULL REFERENCES runs (id),"
        " time TEXT NOT NULL,"
        " archive TEXT NOT NULL,"
        " archive_sha256 TEXT NOT NULL)",
        "CREATE INDEX baselines_by_run ON baselines (run_id)",
    ),
    "baseline_fragments": (
        "CREATE TABLE baseline_fragments ("
        " baseline INTEGER NOT NULL REFERENCES baselines (number) ON DELETE CASCADE,"
        " image_id TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest),"
        " metrics TEXT,"
        " UNIQUE (baseline, image_id))",
        "CREATE INDEX baseline_fragments_by_setting ON baseline_fragments (setting)",
    ),
}

_VERSION_2: Migration = {
    "campaigns": (
        "CREATE TABLE campaigns ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " time TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " identity TEXT NOT NULL,"
        " details TEXT NOT NULL,"
        " image_ids TEXT NOT NULL)",
        "CREATE INDEX campaigns_by_identity ON campaigns (identity)",
    ),
    "campaign_runs": (
        "CREATE TABLE campaign_runs ("
        " campaign INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,"
        " run_id TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest),"
        " checked INTEGER NOT NULL DEFAULT 0,"
        " fault TEXT,"
        " archive_sha256 TEXT,"
        " exported_run INTEGER REFERENCES runs (id),"
        " verdict TEXT,"
        " UNIQUE (campaign, run_id))",
        "CREATE INDEX campaign_runs_by_setting ON campaign_runs (setting)",
        "CREATE INDEX campaign_runs_by_exported_run ON campaign_runs (exported_run)",
    ),
    "campaign_results": (
        "CREATE TABLE campaign_results ("
        " key TEXT PRIMARY KEY NOT NULL,"
        " metrics TEXT NOT NULL,"
        " slice_figures TEXT NOT NULL,"
        " slices BLOB NOT NULL,"
        " mask_sha256 TEXT NOT NULL,"
        " seconds REAL NOT NULL)",
    ),
    "campaign_tasks": (
        "CREATE TABLE campaign_tasks ("
        " campaign INTEGER NOT NULL,"
        " run_id TEXT NOT NULL,"
        " image_id TEXT NOT NULL,"
        " key TEXT REFERENCES campaign_results (key),"
        " error TEXT,"
        " UNIQUE (campaign, run_id, image_id),"
        " FOREIGN KEY (campaign, run_id) REFERENCES campaign_runs (campaign, run_id)"
        " ON DELETE CASCADE)",
        "CREATE INDEX campaign_tasks_by_key ON campaign_tasks (key)",
    ),
}

_VERSION_3: Migration = {
    "corrections": (
        "CREATE TABLE corrections ("
        " digest TEXT PRIMARY KEY NOT NULL,"
        " depth INTEGER NOT NULL,"
        " height INTEGER NOT NULL,"
        " width INTEGER NOT NULL)",
    ),
    "correction_slices": (
        "CREATE TABLE correction_slices (digest TEXT PRIMARY KEY NOT NULL, runs BLOB NOT NULL)",
    ),
    "corrected_slices": (
        "CREATE TABLE corrected_slices ("
        " corrections TEXT NOT NULL REFERENCES corrections (digest) ON DELETE CASCADE,"
        " z INTEGER NOT NULL,"
        " slice TEXT NOT NULL REFERENCES correction_slices (digest),"
        " UNIQUE (corrections, z))",
        "CREATE INDEX corrected_slices_by_slice ON corrected_slices (slice)",
    ),
    "corrected_fragments": (
        "CREATE TABLE corrected_fragments ("
        " image_id TEXT PRIMARY KEY NOT NULL,"
        " corrections TEXT NOT NULL REFERENCES corrections (digest))",
        "CREATE INDEX corrected_fragments_by_corrections ON corrected_fragments (corrections)",
    ),
    "pinned_corrections": (
        "CREATE TABLE pinned_corrections ("
        " letter TEXT NOT NULL REFERENCES pins (letter) ON DELETE CASCADE,"
        " image_id TEXT NOT NULL,"
        " corrections TEXT NOT NULL REFERENCES corrections (digest),"
        " UNIQUE (letter, image_id))",
        "CREATE INDEX pinned_corrections_by_corrections ON pinned_corrections (corrections)",
    ),
    "accepted": (
        "ALTER TABLE accepted ADD COLUMN corrections TEXT REFERENCES corrections (digest)",
        "CREATE INDEX accepted_by_corrections ON accepted (corrections)",
    ),
    "history": (
        "ALTER TABLE history ADD COLUMN corrections TEXT REFERENCES corrections (digest)",
        "CREATE INDEX history_by_corrections ON history (corrections)",
    ),
}

_VERSION_4: Migration = {
    "landscapes": (
        "CREATE TABLE landscapes ("
        " number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " image_id TEXT NOT NULL,"
        " knobs TEXT NOT NULL,"
        " time TEXT NOT NULL,"
        " setting TEXT NOT NULL REFERENCES settings (digest),"
        " corrections TEXT REFERENCES corrections (digest),"
        " details TEXT NOT NULL,"
        " UNIQUE (image_id, knobs))",
        "CREATE INDEX landscapes_by_setting ON landscapes (setting)",
        "CREATE INDEX landscapes_by_corrections ON landscapes (corrections)",
    ),
}

_VERSION_5: Migration = {
    "bookmarks": (
        "CREATE TABLE bookmarks ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " time TEXT NOT NULL,"
        " image_id TEXT NOT NULL,"
        " z INTEGER NOT NULL,"
        " y INTEGER NOT NULL,"
        " x INTEGER NOT NULL,"
        " note TEXT NOT NULL)",
    ),
}

MIGRATIONS: tuple[Migration, ...] = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5)
"""What was published stays as it is: a change of a table is a new migration at the end."""

WORKSPACE = Schema(APPLICATION_ID, "workspace", MIGRATIONS)

SETTING_USERS = (
    *("history", "pins", "accepted", "run_fragments", "baseline_fragments", "campaign_runs"),
    "landscapes",
)
"""Tables whose column ``setting`` refers to `settings`."""

CORRECTION_USERS = (
    *("history", "accepted", "corrected_fragments", "pinned_corrections", "landscapes"),
)
"""Tables whose column ``corrections`` refers to `corrections`."""


def check_identity(connection: sqlite3.Connection, path: Path, schema: Schema = WORKSPACE) -> None:
    """Check that a file is new, or of a kind that this program knows; nothing is written.

    Raises
    ------
    WorkspaceError
        If it is a SQLite file of something else, or was written by a newer version.
    """
    version = _pragma(connection, "user_version")
    objects = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    application = _pragma(connection, "application_id")
    if not objects and version == 0 and application in (0, schema.application_id):
        return
    if application != schema.application_id or version < 1:
        raise WorkspaceError(
            path,
            f"found a SQLite file of another program, expected a {schema.word}; choose another",
        )
    if version > len(schema.migrations):
        raise WorkspaceError(
            path,
            f"was written by a newer napari-nx46 (version {version} of its tables, this one knows "
            f"up to {len(schema.migrations)}); update napari-nx46, the file is left as it is",
        )
    strange = sorted({kind for kind, _ in objects} - {"table", "index"})
    if strange:
        raise damaged(path, f"a {strange[0]}, which no {schema.word} has")


def migrate(connection: sqlite3.Connection, path: Path, schema: Schema = WORKSPACE) -> None:
    """Bring a checked file to the newest version, in one transaction.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode, foreign keys not yet enforced, so that tables can be made again.
    path : Path
    schema : Schema

    Raises
    ------
    WorkspaceError
        If rows refer to settings or runs that are not there.
    """
    if is_newest(connection, schema):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another program may have done the same until the lock was had.
        check_identity(connection, path, schema)
        version = _pragma(connection, "user_version")
        for migration in schema.migrations[version:]:
            for statements in migration.values():
                for statement in statements:
                    connection.execute(statement)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise damaged(path, "rows that refer to what is not there")
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
        connection.execute(f"PRAGMA user_version = {len(schema.migrations)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def is_newest(connection: sqlite3.Connection, schema: Schema = WORKSPACE) -> bool:
    """Return whether a file has the tables of the newest version."""
    return _pragma(connection, "user_version") == len(schema.migrations)


def check_tables(connection: sqlite3.Connection, path: Path, schema: Schema = WORKSPACE) -> None:
    """Check that every table has the columns it was made with.

    Raises
    ------
    WorkspaceError
        If one has not.
    """
    expected = _columns_of_new_file(schema)
    for table, columns in expected.items():
        found = _columns(connection, table)
        if not columns <= found:
            missing = ", ".join(sorted(columns - found))
            raise damaged(path, f"the table {table} without {missing}")


def _columns_of_new_file(schema: Schema) -> dict[str, set[str]]:
    reference = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(reference, Path(":memory:"), schema)
        return {table: _columns(reference, table) for table in _tables(schema.migrations)}
    finally:
        reference.close()


def _tables(migrations: Sequence[Migration]) -> list[str]:
    return list(dict.fromkeys(table for migration in migrations for table in migration))


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
