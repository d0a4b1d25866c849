"""The dock that suggests: begun, followed, stopped, taken back."""

from __future__ import annotations

import pytest

from napari_nx46 import leaderboard
from napari_nx46.setting import preset
from napari_nx46.viewer.plots.colors import plot_colors
from napari_nx46.viewer.suggest.bars import MOST_BARS, ShareBars
from napari_nx46.viewer.suggest.dock import SuggestDock
from tests.run.suggest.data import write_labelled

ONE_WINDOW = True


@pytest.fixture(autouse=True)
def _compiled():
    """Compile the score's kernels, which takes minutes where nothing is cached."""
    leaderboard.warm_up()


@pytest.fixture
def opened(open_viewer_session, tmp_path):
    """Return a window with two labelled fragments, and the dock that its button opened."""
    write_labelled(tmp_path / "data")
    opened = open_viewer_session(tmp_path / "data", show=True)
    opened.session.apply(preset("nx46-v7.5"))
    opened.click(opened.dock.panel.suggest_button)
    docked = opened.viewer.window.dock_widgets.values()
    opened.suggest = next(one for one in docked if isinstance(one, SuggestDock))
    return opened


def test_the_sliders_follow_until_it_is_stopped_and_can_be_taken_back(opened):
    panel, session = opened.suggest.panel, opened.session
    start = session.setting
    assert "begins from where the sliders stand" in panel.words.text()
    assert not panel.take_button.isEnabled()
    assert not panel.bars.isVisible()
    opened.click(panel.suggest_button)
    assert panel.suggester.running
    assert not panel.suggest_button.isEnabled()
    opened.wait_until(lambda: session.setting != start)
    state = panel.suggester.state
    assert session.setting == state.best
    assert f"Best so far {state.found.value:.4f}" in panel.words.text()
    opened.wait_until(lambda: panel.suggester.state.found.tried >= 40)
    opened.click(panel.progress_row.cancel_button)
    if panel.suggester.running:
        assert "Summing up" in panel.progress_row.label.text()
    opened.wait_until(lambda: not panel.suggester.running)
    suggestion = panel.suggester.state.suggestion
    assert session.setting == suggestion.choice.setting
    assert suggestion.sentences()[0] in panel.words.text()
    assert panel.bars.isVisible()
    opened.click(panel.undo_button)
    assert session.setting == start
    opened.click(panel.take_button)
    assert session.setting == suggestion.choice.setting


def test_bars_name_the_largest_shares(qtbot):
    bars = ShareBars("Importance", plot_colors("dark"))
    qtbot.addWidget(bars)
    assert not bars.isVisibleTo(bars.parentWidget())
    shares = {f"knob {n}": n / 45 for n in range(10)}
    bars.show_shares(shares)
    assert len(bars.shares) == MOST_BARS
    assert bars.shares[0] == ("knob 9", 0.2)
    assert "knob 9 20 %" in bars.accessibleName()
    bars.resize(240, bars.sizeHint().height())
    image = bars.grab().toImage()
    first = plot_colors("dark").by_role["first"]
    colors = {image.pixelColor(x, 10).name() for x in range(image.width())}
    assert first in colors
