"""Fixtures of the tests of this folder."""

from __future__ import annotations

import pytest

from napari_nx46.live.history.autosave import Autosave
from napari_nx46.live.history.entries import History
from tests.live.driver import Events


@pytest.fixture
def path(tmp_path):
    return tmp_path / "workspaces" / "data" / "runs.sqlite"


@pytest.fixture
def new_autosave(path):
    """Return a function that makes an autosave of a driver; all are closed afterwards."""
    made = []

    def make(driver, history=None, **options):
        history = History() if history is None else history
        autosave = Autosave(driver.session, path, history, post=driver.loop.post, **options)
        autosave.events = Events(autosave, "failed")
        made.append(autosave)
        return autosave

    yield make
    for autosave in made:
        autosave.close()


@pytest.fixture
def autosave(driver, new_autosave):
    return new_autosave(driver, delay_seconds=0.02)
