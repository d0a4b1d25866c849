"""Fixtures of the tests of this folder."""

from __future__ import annotations

import pytest

from napari_nx46.files.workspace import Workspace


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspaces" / "scroll" / "runs.sqlite"


@pytest.fixture
def workspace(path):
    with Workspace.open(path) as opened:
        yield opened
