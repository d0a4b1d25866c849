"""The dock of errors: it lists, goes there, marks, and mends."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from napari.layers import Labels, Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_nx46.data.fragments import write_data_folder
from napari_nx46.live.errors.arranged import Column
from napari_nx46.live.errors.picture import ItemClass
from napari_nx46.setting import Setting
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.errors.dock import ErrorsDock
from napari_nx46.viewer.errors.looks import ITEM_COLORS, SYMBOLS
from napari_nx46.viewer.window.docks import open_dock_of
from tests.planted import FAULTS, PLANTED_KNOBS, planted_volumes

PATIENCE = 60_000
FRAME = ("top", "bottom", "left", "right")


class Listing:
    """A window on the planted fragment with the dock of errors."""

    def __init__(self, opened):
        self.opened = opened
        self.viewer, self.qtbot = opened.viewer, opened.qtbot
        opened.session.apply(Setting(**PLANTED_KNOBS))
        self.dock = open_dock_of(opened.viewer, ErrorsDock)
        self.tools = opened.viewer_session.error_tools
        self.browser = self.tools.browser

    @property
    def panel(self):
        return self.dock.error_panel

    @property
    def listing(self):
        return self.browser.state.result

    def wait(self, condition):
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def wait_for_list(self):
        self.wait(lambda: self.opened.session.settled and self.browser.state.is_current)

    def row_of(self, kind):
        return next(r for r in range(len(self.listing)) if self.listing.kind_of(r) == kind)

    def click_row(self, row):
        """Click on a row of the tree, unfolding its kind."""
        tree = self.panel.tree
        index = tree.errors.index_of(row)
        tree.expand(index.parent())
        tree.scrollTo(index)
        pos = tree.visualRect(index).center()
        self.qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=pos)

    def press_on_canvas(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        self.qtbot.keyClick(Canvas(self.viewer).widget, key, modifier)

    def choose(self, box, text):
        box.setCurrentIndex(box.findText(text))


@pytest.fixture
def planted(open_viewer_session, tmp_path):
    write_data_folder(tmp_path / "planted", "a", planted_volumes())
    listing = Listing(open_viewer_session(tmp_path / "planted", show=True))
    listing.wait_for_list()
    return listing


def test_a_click_shows_slice_place_and_voxels_and_keys_go_on(planted):
    viewer, listing = planted.viewer, planted.listing
    row = planted.row_of("hole")
    planted.click_row(row)
    place = listing.place_of(row)
    assert viewer.dims.current_step[0] == place[0]
    assert viewer.scene.camera.center[-2:] == pytest.approx(place[1:])
    planted.wait(lambda: planted.tools.pictures.state.is_current)
    drawn = planted.opened.drawn_classes("selected error", ITEM_COLORS)
    expected = np.zeros_like(drawn)
    # The way around a loop is drawn as what else belongs to an error.
    drawn_as = {
        ItemClass.OTHER: listing.explanation.cycle_of(row),
        ItemClass.ITEM: listing.voxels_of(row),
    }
    for kind, voxels in drawn_as.items():
        expected[tuple(voxels[voxels[:, 0] == place[0], 1:].T)] = kind
    np.testing.assert_array_equal(drawn, expected)
    assert planted.panel.hint_label.text() == listing.hint_of(row)
    assert "plugging" in planted.panel.hint_label.text()
    order = planted.browser.arranged.order.tolist()
    planted.press_on_canvas(Qt.Key.Key_G)
    after = order[(order.index(row) + 1) % len(order)]
    assert planted.browser.selected == after
    assert viewer.dims.current_step[0] == listing.place_of(after)[0]
    assert planted.panel.tree.errors.row_at(planted.panel.tree.currentIndex()) == after
    planted.press_on_canvas(Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    assert planted.browser.selected == row
    planted.browser.go_to(planted.row_of("surface far off"))
    planted.press_on_canvas(Qt.Key.Key_J, Qt.KeyboardModifier.ShiftModifier)
    assert listing.kind_of(planted.browser.selected) == "surface far off"


def test_filters_sorting_and_sums_follow_what_is_chosen(planted):
    panel, browser, listing = planted.panel, planted.browser, planted.listing
    filters = panel.filters
    assert panel.sum_label.text().endswith(f"{1 - listing.score:.5f} points, which is 1 - score")
    planted.choose(filters.part_box, "Loops")
    kinds = {listing.kind_of(row) for row in browser.arranged.order.tolist()}
    assert kinds == {"hole", "closed hole", "bridge or handle", "missing handle"}
    planted.choose(filters.kind_box, "Hole")
    assert browser.arranged.count == 1
    assert f"1 of {len(listing)} errors: {browser.arranged.share:.5f}" in panel.sum_label.text()
    planted.choose(filters.kind_box, "All kinds")
    planted.choose(filters.side_box, "Label")
    assert browser.arranged.count == 2
    planted.choose(filters.part_box, "All parts")
    planted.choose(filters.side_box, "All sides")
    planted.choose(filters.octant_box, "Octant 1, 0, 0")
    assert 0 < browser.arranged.count < len(listing)
    planted.choose(filters.octant_box, "All octants")
    filters.size_box.setValue(100)
    assert browser.arranged.count < len(listing)
    filters.size_box.setValue(0)
    filters.view_box.setChecked(True)
    planted.viewer.dims.set_current_step(0, 40)
    planted.wait(lambda: browser.filter.visible is not None)
    planted.wait(lambda: 0 < browser.arranged.count < len(listing))
    extent = listing.extents[browser.arranged.order]
    planted.wait(lambda: browser.filter.visible[0] == (40, 41))
    extent = listing.extents[browser.arranged.order]
    assert ((extent[:, 0] <= 40) & (extent[:, 3] > 40)).all()
    filters.view_box.setChecked(False)
    panel.fold_box.setChecked(False)
    for descending in (True, False):
        panel.tree.sorted_by.emit(int(Column.SIZE))
        sizes = listing.table.size[browser.arranged.order]
        assert (np.diff(-sizes if descending else sizes) >= 0).all()
    filters.number_box.setValue(4)
    planted.qtbot.keyClick(filters.number_box.lineEdit(), Qt.Key.Key_Return)
    assert browser.selected == 3


def test_the_list_follows_a_slider_and_is_dimmed_meanwhile(planted):
    panel, browser = planted.panel, planted.browser
    row = planted.row_of("hole")
    planted.click_row(row)
    key = planted.listing.key_of(row)
    planted.opened.session.change(smallest_object=9)
    assert not panel.sum_label.isEnabled()
    assert panel.state_label.text().startswith("≈")
    planted.wait_for_list()
    assert panel.sum_label.isEnabled()
    assert planted.listing.key_of(browser.selected) == key
    assert "island" not in {planted.listing.kind_of(r) for r in range(len(planted.listing))}
    shown = panel.tree.errors.row_at(panel.tree.currentIndex())
    assert shown == browser.selected


def test_finding_is_cancelled_by_a_button_which_then_finds_again(planted):
    panel, browser = planted.panel, planted.browser
    assert not panel.find_button.isEnabled()
    browser.value.rest_seconds = 60.0  # whatever the machine, it is not found before the click
    planted.opened.session.change(smallest_object=9)
    planted.wait(lambda: browser.state.busy)
    planted.qtbot.mouseClick(panel.find_button, Qt.MouseButton.LeftButton)
    assert "cancelled" in panel.state_label.text()
    assert panel.find_button.text() == "Find again"
    browser.value.rest_seconds = 0.0
    planted.qtbot.mouseClick(panel.find_button, Qt.MouseButton.LeftButton)
    planted.wait_for_list()
    assert "cancelled" not in panel.state_label.text()
    assert not panel.find_button.isEnabled()


def test_a_mend_that_is_taken_raises_the_score_and_ctrl_z_takes_it_back(planted):
    panel, session = planted.panel, planted.opened.session
    before = planted.listing.score
    assert not panel.mends.try_button.isEnabled()
    planted.opened.focus(panel.tree)
    planted.click_row(planted.row_of("closed hole"))
    assert panel.mends.try_button.isEnabled()
    planted.opened.click(panel.mends.try_button)
    what_if = planted.tools.what_if
    planted.wait(lambda: not what_if.running and what_if.trials)
    gain = what_if.trials[0].gain
    first = panel.mends.rows[0]
    assert first.gain.text() == f"{gain:+.5f}"
    assert first.block.text() == f"{what_if.trials[0].block_gain:+.5f}"
    planted.opened.click(first.button)
    assert session.present_corrections.erased == 8
    assert not first.button.isVisible()
    planted.wait_for_list()
    assert planted.listing.score == pytest.approx(before + gain, abs=1e-12)
    has_focus = QApplication.focusWidget()  # not the button, which is hidden
    planted.qtbot.keyClick(has_focus, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    planted.wait_for_list()
    assert planted.listing.score == before


def test_marks_of_both_sides_differ_and_a_user_may_delete_them(planted):
    viewer, tools = planted.viewer, planted.tools
    selection = set(viewer.layers.selection)
    planted.click_row(planted.row_of("merge"))
    planted.wait(lambda: tools.marks.places is not None and len(tools.marks.places.data))
    assert set(viewer.layers.selection) == selection
    planted.wait(lambda: "merge" in " ".join(tools.marks.places.features["error"]))
    named = tools.marks.places.features["error"].tolist()
    symbols = [symbol.value for symbol in tools.marks.places.symbol]
    for text, symbol in zip(named, symbols, strict=True):
        row = int(text.split(":")[0]) - 1
        assert symbol == SYMBOLS[planted.listing.side_of(row)]
    assert {"disc", "diamond"} <= set(symbols)
    planted.click_row(planted.row_of("hole"))  # whose box is cut by its slice
    planted.wait(lambda: len(tools.marks.boxes.data) >= len(FRAME))
    place = planted.listing.place_of(planted.row_of("hole"))
    planted.wait(lambda: "hole" in tools.marks.name_at(place))
    assert tools.marks.name_at((place[0], 60, 60)) == ""
    viewer.layers.remove(tools.marks.places)
    planted.wait(lambda: tools.marks.places is None)
    assert "error boxes" not in viewer.layers
    planted.panel.mark_box.setChecked(False)
    assert "selected error" not in viewer.layers
    planted.panel.mark_box.setChecked(True)
    planted.wait(lambda: "error places" in viewer.layers and "selected error" in viewer.layers)


def test_layers_copies_and_files_of_what_is_listed_can_be_kept(planted, tmp_path, monkeypatch):
    panel, viewer = planted.panel, planted.viewer
    row = planted.row_of("merge")
    planted.click_row(row)
    planted.wait(lambda: planted.tools.pictures.state.is_current)
    planted.opened.click(panel.layers_button)
    points, labels = viewer.layers["errors listed"], viewer.layers["error voxels"]
    assert isinstance(points, Points)
    assert isinstance(labels, Labels)
    np.testing.assert_array_equal(points.data, planted.listing.table.place)
    assert points.features["kind"][row] == "merge"
    assert np.bincount(np.asarray(labels.data).ravel())[1:].tolist() == [280, 280, 6]
    labels.save(str(tmp_path / "voxels.tif"))
    planted.opened.click(panel.copy_button)
    lines = len(planted.listing) + 1
    planted.wait(lambda: len(QApplication.clipboard().text().splitlines()) == lines)
    target = tmp_path / "errors.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(target), ""))
    planted.opened.click(panel.csv_button)
    planted.wait(target.is_file)
    read = list(csv.DictReader(target.read_text().splitlines()))
    lost = math.fsum(float(one["share"]) for one in read)
    assert lost == pytest.approx(1 - planted.listing.score)
    assert set(FAULTS) <= {one["kind"] for one in read}


def test_without_a_label_the_dock_lists_what_is_suspicious(open_viewer_session, tmp_path):
    volumes = planted_volumes()
    del volumes["train_labels"]
    write_data_folder(tmp_path / "bare", "a", volumes)
    bare = Listing(open_viewer_session(tmp_path / "bare", show=True))
    bare.wait_for_list()
    panel, listing = bare.panel, bare.listing
    assert "not what is wrong" in panel.state_label.text()
    assert "suspicious places" in panel.sum_label.text()
    assert "points" not in panel.sum_label.text()
    hidden = (panel.message_label, panel.suspicion_box, panel.filters.part_box)
    assert not any(widget.isVisible() for widget in hidden)
    assert panel.tree.isColumnHidden(Column.SHARE)
    assert not panel.tree.isColumnHidden(Column.NOTE)
    holes = [row for row in range(len(listing)) if listing.kind_of(row) == "hole"]
    faults = FAULTS["hole"]
    (row,) = (
        row
        for row in holes
        if all(
            i in range(s.start, s.stop) for i, s in zip(listing.place_of(row), faults, strict=True)
        )
    )
    bare.click_row(row)
    place = listing.place_of(row)
    assert bare.viewer.dims.current_step[0] == place[0]
    assert listing.note_of(row) in panel.selected_label.text()
    bare.wait(lambda: bare.tools.pictures.state.is_current)
    drawn = bare.opened.drawn_classes("selected error", ITEM_COLORS)
    voxels = listing.voxels_of(row)
    expected = np.zeros_like(drawn)
    expected[tuple(voxels[voxels[:, 0] == place[0], 1:].T)] = ItemClass.ITEM
    np.testing.assert_array_equal(drawn, expected)

    assert panel.mends.try_button.text() == "Mend by hand"
    bare.opened.click(panel.mends.try_button)
    (mend,) = (one for one in panel.mends.rows if one.button.isVisible())
    assert mend.title.text() == f"Add {len(voxels):,} voxels by hand"
    assert mend.gain.text() == "–"
    key = listing.key_of(row)
    bare.opened.click(mend.button)
    assert bare.opened.session.present_corrections.added == len(voxels)
    bare.wait(lambda: bare.listing is not listing and bare.browser.state.is_current)
    assert bare.listing.find(key) is None


def test_with_a_label_what_is_suspicious_is_listed_by_choice(planted):
    panel = planted.panel
    assert panel.suspicion_box.isVisible()
    planted.choose(panel.filters.kind_box, "Hole")
    panel.suspicion_box.click()
    planted.wait_for_list()
    assert not planted.listing.is_priced
    assert planted.browser.arranged.count == len(planted.listing) > 0
    assert panel.mends.try_button.text() == "Mend by hand"
    panel.suspicion_box.click()
    planted.wait_for_list()
    assert planted.listing.is_priced
    assert panel.mends.try_button.text() == "Try mends"
    assert not panel.tree.isColumnHidden(Column.SHARE)


def test_nothing_is_computed_while_the_dock_is_hidden(planted):
    planted.dock.parentWidget().hide()
    assert not planted.browser.is_watched
    begun = planted.browser.value.begun
    planted.opened.session.change(smallest_object=9)
    planted.opened.wait_until_exact()
    assert planted.browser.value.begun == begun
    planted.dock.parentWidget().show()
    planted.wait_for_list()
    assert planted.browser.value.begun == begun + 1
