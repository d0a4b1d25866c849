"""A session that is saved as it changes."""

from __future__ import annotations

from napari_nx46.files.workspace import Workspace
from napari_nx46.live.history.autosave import restore


def read(path, what):
    with Workspace.open(path, create=False) as workspace:
        return what(workspace)


def restored(path, driver):
    return read(path, lambda workspace: restore(driver.session, workspace))
