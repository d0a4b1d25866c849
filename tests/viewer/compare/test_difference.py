"""Where two masks differ is painted, counted, and a click away."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt

from napari_nx46.live.arrays.difference import DifferenceClass
from napari_nx46.viewer.canvas.access import Canvas
from napari_nx46.viewer.compare.difference_overlay import CLASS_COLORS, LAYER_NAME
from napari_nx46.viewer.compare.difference_panel import FIGURES
from napari_nx46.voxels.overlap import overlap, overlap_by_slice
from tests.viewer.compare.comparing import Comparing

VOLUMES = ("p3d", "p2d")


def classes_by_definition(first, second):
    return np.select(
        [(first & second) == 1, first == 1, second == 1],
        [int(DifferenceClass.BOTH), int(DifferenceClass.ONLY_A), int(DifferenceClass.ONLY_B)],
        0,
    )


def texts_of(counted):
    counts = [f"{count:,}" for count in (counted.only_a, counted.only_b, counted.both)]
    return [*counts, f"{counted.dice:.4f}", f"{counted.iou:.4f}"]


def reported(panel, column):
    return [panel.figure_labels[column, figure].text() for figure in FIGURES]


def wait_until_compared(comparing):
    comparing.opened.wait_until_exact()
    follower = comparing.opened.viewer_session.comparison
    comparing.opened.wait_until(lambda: follower.comparison and not follower.comparison.stale)
    comparing.opened.qtbot.wait(100)  # the numbers of the slice change now and then


def test_the_difference_is_painted_as_numpy_defines_it_and_follows(shown):
    comparing = Comparing(shown)
    panel, session = comparing.panel.difference_panel, shown.session
    assert not panel.difference_box.isEnabled()
    assert panel.message_label.text()
    comparing.pin_quantiles(A=0.7)
    session.change(quantile=0.8, blend=0.2)
    pinned = shown.expected_mask(comparing.pins["A"].setting)
    wait_until_compared(comparing)
    comparing.press(Qt.Key.Key_U)
    assert panel.difference_box.isChecked()
    for z in (1, 7):
        shown.viewer.dims.set_current_step(0, z)
        expected = classes_by_definition(shown.expected_mask(), pinned)
        assert set(np.unique(expected[z])) == {0, 1, 2, 3}
        np.testing.assert_array_equal(shown.drawn_classes(LAYER_NAME, CLASS_COLORS), expected[z])
    # The slider moves one of the two.
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    layer = shown.viewer_session.compare.difference.layer
    node = Canvas(shown.viewer).node_of(layer)
    np.testing.assert_array_equal(node._data, layer.data[7])  # drawn at once
    wait_until_compared(comparing)
    expected = classes_by_definition(shown.expected_mask(), pinned)
    np.testing.assert_array_equal(layer._slice.image.view, expected[7])
    np.testing.assert_array_equal(shown.drawn_classes(LAYER_NAME, CLASS_COLORS), expected[7])
    assert reported(panel, "Slice") == texts_of(overlap(shown.expected_mask()[7], pinned[7]))
    assert reported(panel, "Fragment") == texts_of(overlap(shown.expected_mask(), pinned))
    assert "only Live" in panel.legend_labels[DifferenceClass.ONLY_A].text()
    # Another fragment is painted in its own way.
    shown.click(shown.panel.fragment_panel.next_button)
    comparing.wait_for_masks("A")
    wait_until_compared(comparing)
    pinned = shown.expected_mask(comparing.pins["A"].setting)
    expected = classes_by_definition(shown.expected_mask(), pinned)[session.view.slice_index]
    np.testing.assert_array_equal(shown.drawn_classes(LAYER_NAME, CLASS_COLORS), expected)
    shown.qtbot.keyClick(panel.difference_box, Qt.Key.Key_Space)
    assert not shown.viewer_session.compare.difference.shown


def test_two_pins_are_chosen_in_the_boxes_and_the_worst_slices_are_a_click_away(shown):
    comparing = Comparing(shown)
    panel = comparing.panel.difference_panel
    comparing.pin_quantiles(A=0.7, B=0.9)
    shown.session.change(z_radius=0)
    shown.qtbot.keyClicks(panel.first_box, "A")
    assert (panel.first_box.currentText(), panel.second_box.currentText()) == ("A", "Live")
    shown.qtbot.keyClicks(panel.second_box, "B")
    wait_until_compared(comparing)
    masks = [shown.expected_mask(comparing.pins[letter].setting) for letter in "AB"]
    assert reported(panel, "Fragment") == texts_of(overlap(*masks))
    slices = overlap_by_slice(*masks)
    worst = slices.worst_slices(8)
    texts = [panel.worst_list.item(row).text() for row in range(panel.worst_list.count())]
    assert texts == [f"z {z} · {slices[z].dice:.3f}" for z in worst]
    item = panel.worst_list.item(2)
    shown.qtbot.mouseClick(
        panel.worst_list.viewport(),
        Qt.MouseButton.LeftButton,
        pos=panel.worst_list.visualItemRect(item).center(),
    )
    assert shown.viewer.dims.current_step[0] == worst[2]
    shown.wait_until(
        lambda: reported(panel, "Slice") == texts_of(overlap(*(m[worst[2]] for m in masks)))
    )


def test_the_score_of_one_mask_against_the_other_is_asked_for(opened):
    comparing = Comparing(opened)
    panel = comparing.panel.difference_panel
    comparing.pin_quantiles(A=0.7)
    opened.session.change(quantile=0.8)
    wait_until_compared(comparing)
    assert panel.score_label.text() == "–"
    opened.click(panel.score_button)
    comparison = opened.viewer_session.comparison
    opened.wait_until(lambda: comparison.comparison.score is not None)
    assert panel.score_label.text() == f"{comparison.comparison.score.value:.4f}"
    opened.session.change(quantile=0.85)
    assert not panel.score_label.isEnabled()
    assert not panel.score_button.isEnabled()
