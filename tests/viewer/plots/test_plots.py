"""The plots show what the session knows, and move the sliders."""

from __future__ import annotations

import csv
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtSvg import QSvgRenderer
from qtpy.QtWidgets import QFileDialog

from napari_nx46.core.measure.worst_slices import MOST_WORST_SLICES, worst_slices
from napari_nx46.live.derived.exact import ExactFigures
from napari_nx46.viewer.demo.driving import drag_in_scene
from napari_nx46.viewer.plots.axes import STALE_OPACITY
from napari_nx46.viewer.plots.colors import Role, plot_colors
from napari_nx46.viewer.plots.dock import PlotsDock
from napari_nx46.viewer.plots.saving import PNG_SCALE
from napari_nx46.viewer.window.actions import ACTIONS
from napari_nx46.viewer.window.docks import open_dock_of
from tests.viewer.plots.plotted import panel_of
from tests.viewer.windows import SHAPES

VOLUMES = ("p3d", "p2d", "train_labels")
SIZE = (1500, 400)
MOST_DIFFERENCE = 0.03
"""Between a saved picture and the screen, in lightness: edges are smoothed differently."""


@pytest.fixture
def plotted(open_viewer_session, one_fragment):
    """Return a drawn window on one fragment with its plots, all of them side by side."""
    opened = open_viewer_session(one_fragment, show=True)
    opened.plots = open_dock_of(opened.viewer, PlotsDock)
    opened.viewer.window._qt_window.resize(1600, 1000)
    opened.plots.panel.setMinimumSize(*SIZE)
    wait_until_plotted(opened)
    return opened


def wait_until_plotted(opened):
    """Wait until everything is exact, with the label, and drawn."""
    viewer_session = opened.viewer_session

    def is_known():
        profile, curves = viewer_session.profiles.state, viewer_session.curves.state
        return (
            opened.session.settled
            and profile.result is not None
            and not (profile.stale or profile.busy or curves.stale or curves.busy)
            and profile.result.key.has_label == viewer_session.scores.has_label
            and curves.result is not None
            and curves.result.key.has_label == viewer_session.scores.has_label
        )

    opened.wait_until(is_known)
    panel_of(opened).refresh()
    opened.qtbot.wait(20)


def scene_point(axes, x):
    """Return the point of the scene at half the height of axes, at some x."""
    low, high = axes.box.viewRange()[1]
    return axes.box.mapViewToScene(QPointF(x, (low + high) / 2))


def drag(page, axes, line, *to):
    """Drag a line with the mouse."""
    start = line.value()
    path = [scene_point(axes, x) for x in (start, start + (to[0] - start) / 2, *to)]
    drag_in_scene(page.graphics, *path)


def test_the_plots_show_what_is_known_of_score_and_mask(plotted):
    assert_histogram(plotted)
    assert_curves(plotted)
    assert_figures(plotted)
    session, page = plotted.session, panel_of(plotted).histogram
    assert not page.low_line.isVisible()
    assert panel_of(plotted).curve.note_label.text() == ""
    session.change(hysteresis=True, low_quantile=0.8)
    wait_until_plotted(plotted)
    assert page.low_line.isVisible()
    assert page.low_line.value() == session.figures.low_threshold
    assert panel_of(plotted).curve.note_label.text() == "of the plain threshold"
    assert_histogram(plotted)
    assert_figures(plotted)


def assert_histogram(plotted):
    page, session = panel_of(plotted).histogram, plotted.session
    curves = plotted.viewer_session.curves.state.result
    heights = page._all.yData
    np.testing.assert_array_equal(page._all.xData, curves.bins.edges)
    np.testing.assert_allclose(10**heights, np.maximum(curves.bins.counts, 0.5))
    assert page.threshold_line.value() == session.figures.threshold


def assert_curves(plotted):
    page = panel_of(plotted).curve
    curve = plotted.viewer_session.curves.state.result.curve
    np.testing.assert_array_equal(page._curves["recall"].yData, curve.recall)
    figures = plotted.viewer_session.profiles.state.result.volume
    points = {name: float(item.getData()[1][0]) for name, item in page._points.items()}
    for name in ("density", "precision", "recall", "dice"):
        assert points[name] == pytest.approx(getattr(figures, name), abs=0.02)
    assert page.threshold_line.value() == pytest.approx(1 - figures.density, abs=0.02)


def assert_figures(plotted):
    page, profile = panel_of(plotted).figures, plotted.viewer_session.profiles.state.result
    z = plotted.viewer.dims.current_step[0]
    volume, slice_ = profile.volume, profile.slices[z]
    shown = {key: label.text() for key, label in page.labels.items()}
    assert shown["fragment", "components"] == f"{volume.components:,d}"
    assert shown["fragment", "euler_number"] == f"{volume.euler_number:,d}"
    assert shown["fragment", "recall"] == f"{volume.recall:.4f}"
    assert shown["slice", "dice"] == f"{slice_.dice:.4f}"
    assert shown["slice", "p95"] == f"{slice_.percentiles[2]:.3f}"
    exact = np.quantile(scores_of(plotted.session), 0.95)
    assert float(shown["fragment", "p95"]) == pytest.approx(exact, abs=0.003)
    distance = volume.distance_from(plotted.session.band)
    assert shown["fragment", "from_band"] == f"{distance:+.4f}"


def test_dragging_a_line_moves_the_slider_and_the_slider_moves_the_line(plotted):
    page, session = panel_of(plotted).histogram, plotted.session
    reported = []
    session.setting_changed.connect(reported.append)
    drag(page, page.axes, page.threshold_line, 0.6)
    assert session.setting.quantile == pytest.approx(np.mean(scores_of(session) < 0.6), abs=0.01)
    assert plotted.panel.knobs["quantile"].value == session.setting.quantile
    plotted.wait_until_exact()
    wait_until_plotted(plotted)
    assert page.threshold_line.value() == session.figures.threshold
    assert page.threshold_line.value() == pytest.approx(0.6, abs=0.01)
    count = len(reported)
    plotted.qtbot.wait(250)
    assert len(reported) == count, "the line has moved the slider that has moved it"
    plotted.panel.knobs["quantile"].slider.setValue(3)
    wait_until_plotted(plotted)
    assert page.threshold_line.value() == session.figures.threshold
    assert len(reported) == count + 1
    check_other_rules(plotted)
    check_slices_of_their_own(plotted)


def scores_of(session):
    pipeline = session.pipelines[session.fragment.image_id]
    return pipeline.score(session.setting, (slice(None),) * 3)


def check_other_rules(plotted):
    """Check that each rule moves its own knob, and the adaptive one none."""
    page, session = panel_of(plotted).histogram, plotted.session
    session.change(rule="probability", probability=0.7, hysteresis=True, low_probability=0.5)
    wait_until_plotted(plotted)
    drag(page, page.axes, page.low_line, 0.4)
    assert session.setting.low_probability == pytest.approx(0.4, abs=0.01)
    wait_until_plotted(plotted)
    drag(page, page.axes, page.low_line, 0.8)
    assert session.setting.low_probability == session.setting.probability
    assert session.setting.probability == pytest.approx(0.8, abs=0.01)
    session.apply(session.setting.changed(rule="adaptive", hysteresis=False))
    wait_until_plotted(plotted)
    before, figures = session.setting, session.figures
    assert page.threshold_line.value() == figures.threshold
    assert page.low_line.value() == figures.low_threshold
    drag(page, page.axes, page.threshold_line, 0.3)
    assert session.setting == before
    assert "cannot be dragged" in page.threshold_line.toolTip()
    assert page.note_label.text() == "threshold of this slice"


def check_slices_of_their_own(plotted):
    """Check that the line of a quantile for each slice is that of the displayed one."""
    page, session = panel_of(plotted).histogram, plotted.session
    session.change(rule="quantile", domain="slice")
    wait_until_plotted(plotted)
    thresholds = set()
    for z in (1, 5):
        plotted.viewer_session.go_to_slice(z)
        plotted.wait_until_exact()
        panel_of(plotted).refresh()
        assert page.threshold_line.value() == session.exact_threshold.at(z)
        thresholds.add(page.threshold_line.value())
    assert len(thresholds) == 2


def test_what_is_older_than_the_sliders_is_dimmed_and_marked(plotted, monkeypatch):
    panel, session = panel_of(plotted), plotted.session
    assert panel.histogram.state_label.text() == ""
    monkeypatch.setattr(ExactFigures, "is_ready", lambda _value: False)
    session.change(blend=0.1)
    panel.refresh()
    for page in panel.pages:
        assert page.state_label.text() == "≈"
    assert panel.histogram._all.opacity() == STALE_OPACITY
    assert panel.profile._density.opacity() == STALE_OPACITY
    assert panel.histogram.threshold_line.label.format.startswith("≈")
    assert not panel.figures.labels["fragment", "density"].isEnabled()
    assert panel.figures.labels["fragment", "density"].text().startswith("≈")


def test_slider_events_do_not_wait_for_the_plots(plotted):
    panel, session = panel_of(plotted), plotted.session
    drawn = []
    refresh = panel.histogram.refresh
    panel.histogram.refresh = lambda: (drawn.append(session.setting), refresh())
    for step in range(60):
        session.change(quantile=0.5 + step / 200)
    assert drawn == []
    line = panel.histogram.threshold_line
    plotted.wait_until(lambda: session.figures.exact and line.value() == session.figures.threshold)
    assert len(drawn) < 8
    assert set(drawn) == {session.setting}


def test_a_click_on_the_profile_goes_to_the_slice_and_the_viewer_moves_the_cursor(plotted):
    page, dims = panel_of(plotted).profile, plotted.viewer.dims
    for axes, z in ((page.density_axes, 2), (page.share_axes, 6)):
        point = scene_point(axes, z + 0.2)
        drag_in_scene(page.graphics, point)
        assert dims.current_step[0] == z
        assert plotted.session.view.slice_index == z
        plotted.wait_until(lambda z=z: [c.value() for c in page.cursors] == [z, z])
    drag(page, page.density_axes, page.cursors[0], 4.1, 3.2)
    assert dims.current_step[0] == 3
    dims.set_current_step(0, 7)
    plotted.wait_until(lambda: [c.value() for c in page.cursors] == [7, 7])
    assert page.note_label.text() == "slice 7"


def test_the_profile_has_its_figures_and_the_worst_slices_with_a_click_to_each(plotted):
    page, viewer_session = panel_of(plotted).profile, plotted.viewer_session
    slices = viewer_session.profiles.state.result.slices
    np.testing.assert_array_equal(page._density.yData, [each.density for each in slices])
    np.testing.assert_array_equal(page._recall.yData, [each.recall for each in slices])
    assert np.isnan(page._continuity.yData[0])
    np.testing.assert_array_equal(
        page._continuity.yData[1:], [each.continuity for each in slices[1:]]
    )
    assert page.band.getRegion() == plotted.session.band
    worst = worst_slices(slices, plotted.session.band, MOST_WORST_SLICES)
    assert page.worst_list.count() == len(worst) > 1
    rectangle = page.worst_list.visualItemRect(page.worst_list.item(1))
    plotted.qtbot.mouseClick(
        page.worst_list.viewport(), Qt.MouseButton.LeftButton, pos=rectangle.center()
    )
    assert plotted.viewer.dims.current_step[0] == worst[1].z
    (action,) = (action for action in ACTIONS if action.name == "next_worst_slice")
    order = list(dict.fromkeys(each.z for each in worst))
    for _ in order:
        here = plotted.viewer.dims.current_step[0]
        action.run(viewer_session)
        following = order[(order.index(here) + 1) % len(order)]
        assert plotted.viewer.dims.current_step[0] == following
    plotted.session.set_band((0.0, 1.0))
    plotted.wait_until(lambda: page.band.getRegion() == (0.0, 1.0))
    assert not any("below" in page.worst_list.item(i).text() for i in range(MOST_WORST_SLICES))


def test_the_colours_follow_the_theme_at_once_and_the_pages_the_room(plotted):
    panel = panel_of(plotted)
    for theme in ("light", "dark"):
        plotted.viewer.theme = theme
        colors = plot_colors(theme)
        for page in (panel.histogram, panel.profile, panel.curve):
            assert page.graphics.backgroundBrush().color().name() == colors.background
        line, curve = panel.histogram.threshold_line, panel.profile._density
        assert line.pen.color() == colors.of(Role.TEXT)
        assert curve.opts["pen"].color() == colors.of(Role.FIRST)
        picture = panel.histogram.graphics.grab().toImage()
        assert picture.pixelColor(1, 1).name() == colors.background
    assert not panel.tabs.isVisible()
    assert all(page.isVisible() for page in panel.pages)
    panel.setMinimumSize(0, 0)
    panel.setMaximumWidth(500)
    plotted.wait_until(panel.tabs.isVisible)
    assert [page.isVisible() for page in panel.pages] == [True, False, False, False]
    panel.tabs.setCurrentIndex(1)
    assert [page.isVisible() for page in panel.pages] == [False, True, False, False]
    assert not panel.profile.title_label.isVisible()


def test_saved_plots_open_again_with_what_was_shown(plotted, tmp_path, monkeypatch, notifications):
    panel = panel_of(plotted)
    for page in (panel.histogram, panel.profile, panel.curve):
        size = page.graphics.viewport().size()
        page.save(tmp_path / "plot.png")
        picture = QImage(str(tmp_path / "plot.png"))
        assert picture.size() == PNG_SCALE * size
        shown = page.graphics.grab().toImage()
        assert difference(picture, shown) < MOST_DIFFERENCE
        page.save(tmp_path / "plot.svg")
        assert difference(painted(tmp_path / "plot.svg"), shown) < MOST_DIFFERENCE
        texts = list(ET.parse(tmp_path / "plot.svg").getroot().itertext())
        assert any("share" in text or "voxels" in text for text in texts)
    rows = saved_rows(panel.histogram, tmp_path / "histogram.csv")
    bins = plotted.viewer_session.curves.state.result.bins
    assert [int(row["voxels"]) for row in rows] == bins.counts.tolist()
    assert [float(row["score_from"]) for row in rows] == bins.edges[:-1].tolist()
    assert all(int(row["surface"]) + int(row["background"]) <= int(row["voxels"]) for row in rows)
    rows = saved_rows(panel.profile, tmp_path / "profile.csv")
    slices = plotted.viewer_session.profiles.state.result.slices
    assert [float(row["recall"]) for row in rows] == [each.recall for each in slices]
    assert rows[0]["continuity"] == ""
    rows = saved_rows(panel.curve, tmp_path / "curve.csv")
    curve = plotted.viewer_session.curves.state.result.curve
    assert [float(row["dice"]) for row in rows] == curve.dice.tolist()
    rows = saved_rows(panel.figures, tmp_path / "figures.csv")
    assert float(rows[0]["a"]) == plotted.viewer_session.profiles.state.result.volume.density
    folder = tmp_path / "chosen"
    folder.mkdir()
    answers = {
        panel.histogram: ["plot.svg", "plot.jpeg", "missing/plot.png"],
        panel.figures: ["figures.csv", "figures.png"],
    }
    for page, names in answers.items():
        for name in names:
            path = str(folder / name)
            monkeypatch.setattr(
                QFileDialog, "getSaveFileName", lambda *_arguments, path=path: (path, "")
            )
            plotted.click(page.save_button)
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert written == {"plot.svg", "figures.csv"}
    reported = "\n".join(notifications())
    assert "plot.jpeg: found the suffix .jpeg, expected .png, .svg, .csv" in reported
    assert "figures.png: found the suffix .png, expected .csv" in reported
    assert "does not exist" in reported


def painted(path):
    """Return the picture of an SVG file."""
    renderer = QSvgRenderer(str(path))
    assert renderer.isValid()
    picture = QImage(renderer.viewBox().size(), QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    renderer.render(painter)
    painter.end()
    return picture


def difference(picture, shown):
    """Return by how much the pixels of a picture differ from what is shown, on average."""
    assert len({shown.pixelColor(x, 60).name() for x in range(shown.width())}) > 3
    same_size = picture.scaled(
        shown.size(),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    places = [(x, y) for x in range(0, shown.width(), 5) for y in range(0, shown.height(), 3)]
    differences = [
        abs(same_size.pixelColor(*at).lightnessF() - shown.pixelColor(*at).lightnessF())
        for at in places
    ]
    return sum(differences) / len(differences)


def saved_rows(page, path):
    page.save(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_another_fragment_and_data_without_a_label(plotted, tmp_path, data_folder):
    shutil.rmtree(data_folder / "train_labels")
    plotted.dock.open_paths(data_folder)
    wait_until_plotted(plotted)
    panel = panel_of(plotted)
    panel.setMinimumSize(*SIZE)
    plotted.session.step_fragment(1)
    wait_until_plotted(plotted)
    assert len(panel.profile._density.yData) == SHAPES["b"][0]
    assert not panel.profile._recall.isVisible()
    assert panel.curve._curves["density"].isVisible()
    assert not panel.curve._curves["dice"].isVisible()
    assert "recall" not in panel.profile.table().columns
    assert panel.curve.table().columns == ("quantile", "density")
