"""What tests of workspaces keep, and how they look behind the back of one."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3

from napari_nx46.files.workspace import HistoryEntry, SavedRun, Workspace
from napari_nx46.setting import Setting

PLAIN = Setting(quantile=0.91)
RICH = Setting(
    weights={"p3d": 0.5, "unet": 2}, domain="block", block=((0, 1), (2, 3), (4, 5)), opening=True
)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
SHA = hashlib.sha256(b"archive").hexdigest()
ENTRY = HistoryEntry("a", RICH, metrics={"threshold": 0.25, "slice_density": None}, thumbnail=PNG)


def reopened(workspace):
    """Return a second connection to the same file, to be used with `with`."""
    return Workspace.open(workspace.path, create=False)


@contextlib.contextmanager
def raw(path):
    """Open a file past the workspace, as a stranger's program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def some_run(tmp_path, **changes):
    fields = {
        "settings": {"b": RICH, "a": PLAIN},
        "metrics": {"a": {"density": 0.08, "leaderboard_score": None}},
        "tag": "night",
        "note": "first try",
        "archive": tmp_path / "submission.zip",
        "archive_sha256": SHA,
    }
    return SavedRun(**{**fields, **changes})
