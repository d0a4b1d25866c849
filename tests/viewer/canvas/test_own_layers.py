"""Deleting, converting and duplicating the layers over the picture, as napari's menus do it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.layers._layer_actions import _convert_to_labels, _duplicate_layer
from qtpy.QtCore import Qt
from qtpy.QtGui import QOpenGLContext
from qtpy.QtTest import QTest

from tests.run.compare.comparing import write_archive
from tests.viewer.windows import SHAPES

ONE_WINDOW = True
VOLUMES = ("p3d", "p2d", "train_labels")
OWN = ("surface mask", "errors", "difference", "theirs.zip")


@pytest.fixture
def with_all(shown, tmp_path):
    """Return a window with a layer of each kind over the picture."""
    viewer_session = shown.viewer_session
    masks = {image_id: np.ones(shape, np.uint8) for image_id, shape in SHAPES.items()}
    viewer_session.compare.foreign.open(write_archive(tmp_path / "theirs.zip", masks))
    viewer_session.pin("A")
    shown.wait_until(
        lambda: viewer_session.compare.pair.second is not None and viewer_session.errors.available
    )
    shown.wait_until(lambda: "theirs.zip" in viewer_session.compare.choices.shown_names)
    viewer_session.errors.show(True)
    viewer_session.compare.difference.show(True)
    shown.session.change(quantile=0.7)
    shown.wait_until_exact()
    return shown


def names(opened):
    return [layer.name for layer in opened.viewer.layers]


def select(opened, name):
    opened.viewer.layers.selection.active = opened.viewer.layers[name]


def press_h(opened):
    QTest.keyClick(opened.viewer.window._qt_viewer.canvas.native, Qt.Key.Key_H)


@pytest.mark.filterwarnings("ignore:projection mode")  # napari, of images that become labels
def test_what_our_layers_are_converted_to_can_be_painted_and_ours_stay(with_all):
    layers = with_all.viewer.layers
    for name in OWN:
        original, before = layers[name], names(with_all)
        expected = np.asarray(original.data)
        select(with_all, name)
        _convert_to_labels(layers)
        with_all.wait_until(lambda original=original: original in layers)
        converted = layers[f"{name} copy"]
        assert isinstance(converted, Labels)
        assert layers.selection.active is converted
        assert layers.index(converted) == layers.index(original) + 1
        assert [one for one in names(with_all) if one != converted.name] == before
        assert type(converted.data) is np.ndarray
        np.testing.assert_array_equal(converted.data, expected)
        converted.fill((2, 3, 4), 9)
        assert converted.data[2, 3, 4] == 9
    assert with_all.panel.overlay_panel.visible_box.isChecked()
    assert with_all.viewer_session.errors.shown
    assert with_all.viewer_session.compare.foreign.names == ("theirs.zip",)


def test_duplicates_of_our_layers_are_ordinary_and_follow_nothing(with_all):
    layers, copied = with_all.viewer.layers, {}
    for name in OWN:
        copied[name] = np.array(layers[name].data)
        select(with_all, name)
        _duplicate_layer(layers)
        copy = layers[f"{name} copy"]
        assert type(copy) is Image
        assert type(copy.data) is np.ndarray
    with_all.session.change(quantile=0.9)
    with_all.wait_until_exact()
    for name, expected in copied.items():
        copy = layers[f"{name} copy"]
        np.testing.assert_array_equal(copy.data, expected)
        copy.data[0, 0, 0] = 7
    assert len(layers) == len(set(names(with_all)))


def test_a_deleted_mask_is_off_and_the_box_and_the_key_bring_it_back(shown):
    layers, box = shown.viewer.layers, shown.panel.overlay_panel.visible_box
    layer, place = shown.layer, shown.viewer.layers.index(shown.layer)
    for switch_on in (lambda: press_h(shown), lambda: shown.click(box), box.click):
        layers.remove(layer)
        shown.wait_until(lambda: not box.isChecked())
        shown.session.change(quantile=0.9 if shown.session.setting.quantile < 0.9 else 0.6)
        assert "surface mask" not in names(shown)
        switch_on()
        assert layers.index(layer) == place
        assert box.isChecked()
        shown.wait_until_exact()
        np.testing.assert_array_equal(np.asarray(layer.data), shown.expected_mask())
    shown.show_mask_alone()
    np.testing.assert_array_equal(
        shown.drawn_mask(), shown.expected_mask()[shown.session.view.slice_index]
    )


def test_a_mask_deleted_before_another_fragment_comes_back_with_the_new_one(shown):
    shown.viewer.layers.remove(shown.layer)
    shown.session.show_fragment("b")
    shown.wait_until_exact()
    assert "surface mask" not in names(shown)
    press_h(shown)
    assert shown.layer.data.shape == SHAPES["b"]
    np.testing.assert_array_equal(np.asarray(shown.layer.data), shown.expected_mask())


def test_without_the_mask_the_visible_block_still_follows_the_canvas(shown):
    shown.viewer.layers.remove(shown.layer)
    before = shown.session.view.block
    shown.viewer.scene.camera.zoom *= 8
    shown.wait_until(lambda: shown.session.view.block != before)


def test_a_deleted_layer_of_classes_is_off_and_a_deleted_foreign_one_is_closed(with_all):
    layers, viewer_session = with_all.viewer.layers, with_all.viewer_session
    for name in ("errors", "difference", "theirs.zip"):
        layers.remove(name)
    with_all.wait_until(lambda: viewer_session.compare.foreign.names == ())
    assert not viewer_session.errors.shown
    assert not viewer_session.compare.difference.shown
    viewer_session.errors.toggle()
    assert viewer_session.errors.shown
    assert names(with_all).count("errors") == 1


def is_drawn_in(context, widget):
    """Return whether a context is a canvas's own; two wrappers may stand for the same one."""
    return context is not None and context == widget.context()


@pytest.mark.parametrize("deleted", ["surface mask", "probability p3d"])
def test_what_a_layer_leaves_is_freed_in_the_context_that_the_canvas_draws_in(shown, deleted):
    canvas = shown.viewer.window._qt_viewer.canvas
    shown.qtbot.wait(50)
    shown.viewer.layers.remove(deleted)
    assert is_drawn_in(QOpenGLContext.currentContext(), canvas.native)
