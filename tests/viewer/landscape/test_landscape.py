"""The landscape of the score: computed, looked at, taken to the sliders, saved, found again."""

from __future__ import annotations

import csv

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QAbstractSpinBox, QStyle, QStyleOptionComboBox

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import write_data_folder
from napari_nx46.files.atomic import WriteError
from napari_nx46.run.landscape.landscape import PointScore
from napari_nx46.run.whole_mask import mask_of_fragment
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.viewer.landscape.axis_chooser import explored_knobs
from napari_nx46.viewer.landscape.dock import LandscapeDock
from napari_nx46.viewer.plots.colors import Role, plot_colors
from napari_nx46.viewer.window.docks import open_dock_of
from tests.planted import PLANTED_KNOBS, planted_volumes
from tests.viewer.wheel import turn_wheel, value_of
from tests.viewer.windows import PATIENCE

ONE_WINDOW = True
POINTS = 16
NAMES = ("closing_z", "smallest_object")


@pytest.fixture(autouse=True)
def _compiled():
    """Compile the score's kernels, which takes minutes where nothing is cached."""
    leaderboard.warm_up()


@pytest.fixture
def planted_folder(tmp_path):
    """Return a data folder with a labelled fragment ``a``, and ``b`` without a label."""
    root = tmp_path / "planted"
    volumes = planted_volumes()
    write_data_folder(root, "a", volumes)
    write_data_folder(root, "b", {"p3d": volumes["p3d"], "p2d": volumes["p2d"]})
    return root


@pytest.fixture
def mapped(open_viewer_session, planted_folder):
    """Return a drawn window with the landscape's dock; nothing is computed yet."""
    opened = open_viewer_session(planted_folder, show=True)
    opened.session.change(**PLANTED_KNOBS)
    opened.landscape = open_dock_of(opened.viewer, LandscapeDock)
    opened.viewer.window._qt_window.resize(1400, 1000)
    opened.wait_until(lambda: opened.viewer_session.scores.label is not None)
    opened.wait_until(panel_of(opened).compute_button.isEnabled)
    return opened


def panel_of(opened):
    return opened.landscape.panel


def choose(chooser, name, lowest=None, highest=None):
    chooser.knob_box.setCurrentIndex(chooser.knob_box.findData(name))
    if lowest is not None:
        chooser.from_box.setValue(lowest)
        chooser.to_box.setValue(highest)


def compute(opened, names=NAMES, points=POINTS):
    """Have a map of two knobs computed, or a curve of one."""
    panel = panel_of(opened)
    ranges = {"closing_z": (0, 3), "smallest_object": (0, 50)}
    choose(panel.x_chooser, names[0], *ranges[names[0]])
    choose(panel.y_chooser, names[1] if len(names) > 1 else "", *ranges[names[-1]])
    panel.points_box.setValue(points)
    opened.click(panel.compute_button)
    assert panel.explorer.running
    opened.wait_until(lambda: not panel.explorer.running)
    panel.refresh()
    return panel.landscape


def click(opened, position):
    """Click where a position is drawn, once the words above the plot have their lines."""
    panel = panel_of(opened)
    opened.qtbot.wait(50)
    place = panel.graphics.mapFromScene(panel.axes.scene_place(position))
    viewport = panel.graphics.viewport()
    opened.qtbot.mouseMove(viewport, place + QPoint(1, 1))
    opened.qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place)


def test_the_names_of_knobs_are_whole_in_a_narrow_window(mapped):
    mapped.viewer.window._qt_window.resize(1024, 700)
    mapped.qtbot.wait(10)
    for chooser in (panel_of(mapped).x_chooser, panel_of(mapped).y_chooser):
        box, option = chooser.knob_box, QStyleOptionComboBox()
        box.initStyleOption(option)
        part = QStyle.SubControl.SC_ComboBoxEditField
        room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box)
        names = [box.itemText(number) for number in range(box.count())]
        assert max(map(box.fontMetrics().horizontalAdvance, names)) <= room.width()


def test_the_wheel_changes_nothing_that_is_chosen(mapped):
    panel = panel_of(mapped)
    choose(panel.x_chooser, "smallest_object", 10, 50)
    mapped.qtbot.wait(10)
    boxes = [*panel.findChildren(QAbstractSpinBox), panel.x_chooser.knob_box]
    before = [value_of(box) for box in boxes]
    for box in boxes:
        turn_wheel(box)
        turn_wheel(box, 1)
        turn_wheel(box, 1)
    assert [value_of(box) for box in boxes] == before


def test_points_appear_and_a_click_on_one_sets_the_sliders(mapped):
    panel = panel_of(mapped)
    landscape = compute(mapped)
    request = landscape.request
    assert request.names == NAMES
    assert len(landscape.scores) == POINTS
    drawn = {spot.data(): spot.pos() for spot in panel.axes.points.points()}
    assert set(drawn) == set(landscape.scores)
    assert all((place.x(), place.y()) == position for position, place in drawn.items())
    assert len(panel.axes.cells.cells) == len(landscape.cells) > 0
    assert f"Best {landscape.scores[landscape.best].value:.4f}" in panel.words.text()

    position = next(at for at in landscape.scores if at != landscape.best and 0 not in at)
    click(mapped, position)
    setting = request.setting_at(position)
    mapped.wait_until(lambda: mapped.session.setting == setting)
    assert mapped.panel.knob_panel.knobs["closing_z"].value == setting.closing_z
    mask = mask_of_fragment(mapped.session.dataset, "a", setting)
    exact = PointScore.of(leaderboard.score(mask, mapped.session.fragment.label.read()))
    assert landscape.scores[position] == exact
    panel.refresh()
    assert f"The sliders have {exact.value:.4f}" in panel.words.text()
    mapped.click(panel.best_button)
    assert mapped.session.setting == request.setting_at(landscape.best)


def test_a_click_between_points_sets_the_sliders_to_the_nearest_position(mapped):
    panel = panel_of(mapped)
    choose(panel.x_chooser, "smallest_object", 0, 2000)
    choose(panel.y_chooser, "border", 0, 8)
    panel.points_box.setValue(9)
    mapped.click(panel.compute_button)
    mapped.wait_until(lambda: not panel.explorer.running)
    panel.refresh()
    landscape = panel.landscape
    assert len(landscape.scores) == 25
    position = (1, 3)
    assert position not in landscape.scores
    click(mapped, position)
    setting = landscape.request.setting_at(position)
    mapped.wait_until(lambda: mapped.session.setting == setting)


def test_a_best_point_at_the_end_of_an_axis_says_where_to_look_on(mapped):
    panel = panel_of(mapped)
    choose(panel.y_chooser, "")
    for highest, words in ((10, "better above Smallest object 10"), (50, "")):
        choose(panel.x_chooser, "smallest_object", 0, highest)
        mapped.click(panel.compute_button)
        mapped.wait_until(lambda: not panel.explorer.running)
        panel.refresh()
        assert "Best" in panel.words.text()
        assert ("may be better" in panel.words.text()) == bool(words)
        assert words in panel.words.text()


def test_why_a_part_of_the_map_is_empty_is_said(mapped):
    panel, knobs = panel_of(mapped), described_knobs(Setting)
    mapped.session.change(hysteresis=True)
    choose(panel.x_chooser, "probability", 0.5, 0.9)
    choose(panel.y_chooser, "low_probability", 0.3, 0.9)
    panel.points_box.setValue(9)
    titles = knobs["low_probability"].title, knobs["probability"].title
    for highest, words in ((0.9, "{} would be above {}".format(*titles)), (0.5, "")):
        panel.y_chooser.to_box.setValue(highest)
        mapped.click(panel.compute_button)
        mapped.wait_until(lambda: not panel.explorer.running)
        panel.refresh()
        assert bool(panel.landscape.request.impossible) == bool(words)
        assert ("would be above" in panel.words.text()) == bool(words)
        assert words in panel.words.text()


def test_a_curve_over_one_knob(mapped):
    panel = panel_of(mapped)
    landscape = compute(mapped, ("smallest_object",), 9)
    assert landscape.request.names == ("smallest_object",)
    drawn = {spot.data(): spot.pos().y() for spot in panel.axes.points.points()}
    assert drawn == {at: score.value for at, score in landscape.scores.items()}
    assert panel.axes.cells.isVisible() is False
    click(mapped, max(landscape.scores))
    mapped.wait_until(
        lambda: mapped.session.setting == landscape.request.setting_at(max(landscape.scores))
    )


def test_it_is_marked_when_other_knobs_move_and_a_click_brings_them_back(mapped):
    panel = panel_of(mapped)
    landscape = compute(mapped)
    assert panel.state_label.text() == ""
    mapped.session.change(fill_cavities=True)
    panel.refresh()
    assert panel.state_label.text() == "≈"
    assert "Fill cavities moved" in panel.words.text()
    click(mapped, landscape.best)
    mapped.wait_until(lambda: not mapped.session.setting.fill_cavities)
    panel.refresh()
    assert panel.state_label.text() == ""


def test_the_plateau_is_as_wide_as_it_is_said_to_be(mapped):
    panel = panel_of(mapped)
    landscape = compute(mapped)
    for distance in (0.0, 0.01, 1.0):
        panel.distance_box.setValue(distance)
        assert f"{len(landscape.plateau(distance))} of {POINTS} points" in panel.words.text()
        ringed = {(spot.pos().x(), spot.pos().y()) for spot in panel.axes.rings.points()}
        assert ringed == landscape.plateau(distance)


def test_picture_and_numbers_are_saved(mapped, tmp_path):
    panel = panel_of(mapped)
    landscape = compute(mapped)
    panel.save(tmp_path / "map.png")
    picture = QImage(str(tmp_path / "map.png"))
    viewport = panel.graphics.viewport().size()
    assert (picture.width(), picture.height()) == (2 * viewport.width(), 2 * viewport.height())
    colors = {
        picture.pixelColor(x, y).name()
        for x in range(0, picture.width(), 3)
        for y in range(0, picture.height(), 3)
    }
    assert len(colors) > 10
    panel.save(tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == POINTS
    assert list(rows[0])[:3] == [*NAMES, "score"]
    expected = {
        tuple(landscape.request.values_at(at).values()): score.value
        for at, score in landscape.scores.items()
    }
    found = {tuple(int(row[name]) for name in NAMES): float(row["score"]) for row in rows}
    assert found == expected
    with pytest.raises(WriteError, match="suffix"):
        panel.save(tmp_path / "map.txt")


def test_without_a_label_a_sentence_says_what_is_missing(mapped):
    panel = panel_of(mapped)
    compute(mapped)
    mapped.session.show_fragment("b")
    mapped.wait_until(lambda: "no label" in panel.words.text())
    assert not panel.compute_button.isEnabled()
    assert panel.landscape is None
    assert not panel.axes.points.isVisible()
    mapped.session.show_fragment("a")
    mapped.wait_until(panel.compute_button.isEnabled)
    assert len(panel.landscape.scores) == POINTS
    assert panel.axes.points.isVisible()


def test_what_cannot_be_computed_says_why(mapped):
    panel = panel_of(mapped)
    choose(panel.x_chooser, "closing_z")
    choose(panel.y_chooser, "closing_z")
    assert "two different knobs" in panel.words.text()
    assert not panel.compute_button.isEnabled()
    choose(panel.y_chooser, "border", 7, 7)
    mapped.session.change(border=7)
    panel.refresh()
    assert "two values" in panel.words.text()
    choose(panel.y_chooser, "")
    assert panel.compute_button.isEnabled()


def test_only_knobs_that_apply_are_offered(mapped):
    panel = panel_of(mapped)
    assert "quantile" not in explored_knobs(mapped.session)
    choose(panel.x_chooser, "closing_xy")
    mapped.session.change(rule="quantile")
    panel.refresh()
    assert panel.x_chooser.name == "closing_xy"
    assert panel.x_chooser.knob_box.findData("quantile") >= 0
    choose(panel.x_chooser, "quantile")
    assert panel.x_chooser.from_box.value() < mapped.session.setting.quantile
    mapped.session.change(rule="probability")
    panel.refresh()
    assert panel.x_chooser.name in explored_knobs(mapped.session)


def test_it_is_found_again_with_the_workspace(mapped, open_viewer_session, planted_folder):
    landscape = compute(mapped)
    assert mapped.viewer_session.keeping.flush()
    mapped.dock.close()  # else the other window keeps its work in another file
    again = open_viewer_session(planted_folder)
    dock = open_dock_of(again.viewer, LandscapeDock)
    again.qtbot.waitUntil(lambda: dock.panel.landscape is not None, timeout=PATIENCE)
    assert dock.panel.landscape == landscape
    assert (dock.panel.x_chooser.name, dock.panel.y_chooser.name) == NAMES
    assert dock.panel.x_chooser.to_box.value() == 3
    dock.panel.refresh()
    assert "Best" in dock.panel.words.text()


def test_it_follows_the_theme(mapped):
    panel = panel_of(mapped)
    compute(mapped)
    for theme in ("light", "dark"):
        mapped.viewer.theme = theme
        assert panel.graphics.backgroundBrush().color().name() == plot_colors(theme).background
        assert panel.axes.rings.opts["pen"].color() == plot_colors(theme).of(Role.SECOND)
