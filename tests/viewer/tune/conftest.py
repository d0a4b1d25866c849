"""Panels of the knobs, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.session import Session
from napari_nx46.viewer.tune.knob_panel import KnobPanel

SHAPE = (5, 12, 14)
MODEL = "a-model-with-a-name-that-no-dock-is-wide-enough-for"


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory):
    """Return two data sets of one fragment each: two paths, and two paths with a model."""
    rng = np.random.default_rng(5)
    volumes = {name: rng.random(SHAPE).astype(np.float32) for name in ("p3d", "p2d")}
    image = {"test_images": rng.integers(0, 256, SHAPE, dtype=np.uint8)}
    two, three = (tmp_path_factory.mktemp("knobs") / name for name in ("two", "three"))
    write_data_folder(two, "a", volumes | image)
    write_data_folder(three, "a", volumes | image)
    write_data_folder(three / "models", "a", {MODEL: volumes["p3d"]})
    alone = {name: tmp_path_factory.mktemp(name) for name in volumes}
    for name, folder in alone.items():
        write_data_folder(folder, "a", {name: volumes[name]})
    folders = {"two": two, "three": three, **alone}
    return {name: open_data(folder) for name, folder in folders.items()}


@pytest.fixture
def new_panel(data_sets, qtbot):
    """Return a function that makes a panel and its session; all are closed afterwards."""
    sessions = []

    def make(name="two", setting=None):
        session = Session(data_sets[name], post=lambda function: None, setting=setting)
        sessions.append(session)
        panel = KnobPanel(session)
        qtbot.addWidget(panel)
        return panel, session

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def panel_and_session(new_panel):
    return new_panel()
