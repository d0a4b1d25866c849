"""Knobs are found by the words of their texts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.session import Session
from napari_nx46.setting import Group, Setting, described_knobs, knob_applies
from napari_nx46.viewer.tune.knob_panel import KnobPanel

KNOBS = described_knobs(Setting)


@pytest.fixture
def panel_and_session(tmp_path, qtbot):
    """Return a panel on a fragment of two paths."""
    rng = np.random.default_rng(5)
    volumes = {name: rng.random((5, 12, 14)).astype(np.float32) for name in ("p3d", "p2d")}
    write_data_folder(tmp_path, "a", volumes)
    session = Session(open_data(tmp_path), post=lambda function: None)
    panel = KnobPanel(session)
    qtbot.addWidget(panel)
    yield panel, session
    session.close()


def test_knobs_are_found_by_words_of_their_texts(panel_and_session, qtbot):
    panel, session = panel_and_session
    panel.show()
    opened = {group for group, section in panel.sections.items() if section.isExpanded()}
    qtbot.keyClicks(panel.search, "GAPS axes")
    assert {name for name, knob in panel.controls.items() if knob.isVisible()} == {"gap_fill"}
    visible = {group for group, section in panel.sections.items() if section.isVisible()}
    assert visible == {Group.REPAIR}
    # What changes nothing now gives way to what brings it into sight.
    panel.search.setText("conductance")
    assert {name for name, knob in panel.controls.items() if knob.isVisible()} == {"smooth"}
    session.change(smooth="diffusion")
    panel.search.setText("conductance ")
    assert panel.controls["diffusion_conductance"].isVisible()
    panel.search.setText("no such knob")
    assert not any(knob.isVisible() for knob in panel.controls.values())
    panel.search.clear()
    assert opened == {group for group, section in panel.sections.items() if section.isExpanded()}
    assert all(
        (not panel.controls[name].isHidden()) is knob_applies(name, session.setting)
        for name in set(KNOBS) - {"weights"}
    )
