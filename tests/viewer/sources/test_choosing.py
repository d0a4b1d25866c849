"""Choosing layers: in the dock's head, from Layers > Segment, and from the menu of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari._app_model import get_app_model
from napari._app_model.constants import MenuId
from napari.layers import Image, Labels, Points, Shapes
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QStatusBar

from napari_nx46 import make_mask
from napari_nx46.viewer.canvas.viewing import is_whole
from napari_nx46.viewer.messages.working import OPENING
from napari_nx46.viewer.plugin.layers import (
    CONTEXT_COMMAND,
    LAID_OUT_SECONDS,
    activate,
    tune_selected,
)
from napari_nx46.viewer.sources.choice import guessed
from napari_nx46.viewer.window.launch import add_dock
from napari_nx46.viewer.window.session_dock import tune_dock_of
from tests.viewer.sources.test_layers import LAYER, SHAPE, path


def image(name, seed=1):
    return Image(path(seed), name=name)


@pytest.fixture
def window(make_napari_viewer):
    """Return a viewer with the dock, and nothing open."""
    viewer = make_napari_viewer()
    return viewer, add_dock(viewer)


def offered(dock, field):
    return [one.name for one in dock.layers.panel.boxes[field].choices if one is not None]


def test_the_chooser_is_there_when_there_are_layers_and_follows_the_list(window):
    viewer, dock = window
    panel = dock.layers.panel
    assert panel.isHidden()
    viewer.add_layer(image("one"))
    viewer.add_labels(np.zeros(SHAPE, np.uint8), name="truth")
    viewer.add_image(np.zeros((*SHAPE, 3), np.uint8), name="colours", rgb=True)
    viewer.add_points(np.zeros((1, 3)), name="points")
    assert not panel.isHidden()
    assert offered(dock, "p3d") == offered(dock, "p2d") == offered(dock, "image") == ["one"]
    assert offered(dock, "label") == ["one", "truth"]
    viewer.layers["one"].name = "renamed"
    assert offered(dock, "p3d") == ["renamed"]
    viewer.layers.remove("renamed")
    assert offered(dock, "p3d") == []


def test_what_is_chosen_is_tuned_by_the_button(window):
    viewer, dock = window
    three, two, truth = image("a"), image("b", 2), Labels(np.zeros(SHAPE, np.uint8), name="c")
    for layer in (three, two, truth):
        viewer.add_layer(layer)
    panel = dock.layers.panel
    panel.boxes["p3d"].value = three
    panel.boxes["p2d"].value = two
    panel.boxes["label"].value = truth
    panel.name.value = "1407735"
    panel.button.native.click()
    fragment = dock.viewer_session.session.fragment
    assert fragment.image_id == "1407735"
    assert fragment.p3d.name == "layer 'a'"
    assert (fragment.p2d.name, fragment.label.name) == ("layer 'b'", "layer 'c'")
    assert dock.panel.fragment_panel.size_label.text() == "9 × 40 × 48 voxels"
    assert not panel.section.isExpanded()
    assert LAYER in viewer.layers


def test_further_models_are_chosen_by_name(window):
    viewer, dock = window
    layers = [viewer.add_layer(image(f"net {number}", number)) for number in range(3)]
    panel = dock.layers.panel
    panel.boxes["p3d"].value = layers[0]
    panel.boxes["p2d"].value = None
    panel.models.value = layers[1:]
    panel.button.native.click()
    assert set(dock.viewer_session.session.fragment.models) == {"net_1", "net_2"}


def test_the_name_follows_the_layer_until_somebody_types_one(window):
    viewer, dock = window
    one, two = viewer.add_layer(image("a b")), viewer.add_layer(image("c"))
    name = dock.layers.panel.name
    dock.layers.panel.boxes["p3d"].value = one
    assert name.value == "a_b"
    dock.layers.panel.boxes["p3d"].value = two
    assert name.value == "c"
    name.value = "mine"
    dock.layers.panel.boxes["p3d"].value = one
    assert name.value == "mine"


def test_a_choice_that_cannot_be_tuned_is_reported_and_leaves_what_is_open(window, notifications):
    viewer, dock = window
    viewer.add_layer(image("good"))
    viewer.add_image(np.zeros((3, 4, 5), np.float32), name="small")
    panel = dock.layers.panel
    panel.boxes["p3d"].value = viewer.layers["good"]
    panel.boxes["p2d"].value = None
    panel.button.native.click()
    session = dock.viewer_session
    panel.boxes["p2d"].value = viewer.layers["small"]
    panel.button.native.click()
    assert dock.viewer_session is session
    (message,) = [text for text in notifications() if "equal shapes" in text]
    assert "layer 'good'" in message
    assert "layer 'small'" in message


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x"], {"p3d": "x"}),
        (["x", "y", "z"], {"p3d": "x", "p2d": "y", "image": "z"}),
        (["p2d", "p3d"], {"p3d": "p3d", "p2d": "p2d"}),
        (["CT image", "prob"], {"p3d": "prob", "image": "CT image"}),
        (["probability 2d", "raw"], {"p2d": "probability 2d", "image": "raw"}),
        (["train label", "net"], {"label": "train label", "p3d": "net"}),
    ],
)
def test_names_say_what_layers_are(names, expected):
    choice = guessed([image(name) for name in names])
    found = {place: layer.name for place, layer in choice.places.items()}
    assert expected.items() <= found.items()


def test_a_labels_layer_is_the_label():
    labels = Labels(np.zeros(SHAPE, np.uint8), name="p3d")
    assert guessed([labels, image("a")]).label is labels


def test_the_selected_layers_are_tuned_from_the_menu(make_napari_viewer):
    viewer = make_napari_viewer()
    first, other = viewer.add_layer(image("first")), viewer.add_layer(image("other", 2))
    viewer.layers.selection = {other}
    tune_selected(viewer)
    dock = tune_dock_of(viewer)
    session = dock.viewer_session.session
    np.testing.assert_array_equal(session.whole_mask(), make_mask(path(2)))
    assert first in viewer.layers
    assert dock.layers.panel.boxes["p3d"].value is other


@pytest.mark.parametrize("whole", [True, False])
def test_all_of_a_layer_stays_in_sight_beside_the_new_dock(make_napari_viewer, qtbot, whole):
    viewer = make_napari_viewer(show=True)
    viewer.add_layer(image("first"))
    qtbot.wait(50)
    viewer.reset_view()
    if not whole:
        viewer.scene.camera.zoom *= 3
    zoom = viewer.scene.camera.zoom
    assert is_whole(viewer) == whole
    assert viewer.scene.camera.zoom == zoom
    tune_selected(viewer)
    if whole:
        qtbot.waitUntil(lambda: viewer.scene.camera.zoom < zoom and is_whole(viewer))
    else:
        qtbot.wait(round(2000 * LAID_OUT_SECONDS))
        assert viewer.scene.camera.zoom == zoom


def test_without_a_selection_the_chooser_opens(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_layer(image("first"))
    viewer.layers.selection = set()
    tune_selected(viewer)
    dock = tune_dock_of(viewer)
    assert dock.viewer_session is None
    assert dock.layers.panel.section.isExpanded()
    assert dock.layers.panel.boxes["p3d"].value is viewer.layers["first"]


def colours():
    return Image(np.zeros((*SHAPE, 3), np.uint8), name="photo", rgb=True)


@pytest.mark.parametrize(
    ("selected", "words"),
    [
        ([], "no layer is chosen"),
        ([Labels(np.zeros(SHAPE, np.uint8), name="truth")], "layer 'truth' can only be the label"),
        ([colours()], "layer 'photo' has colours"),
        ([Points(np.zeros((1, 3)), name="<b>\n")], r"layer '<b>\n' is a Points layer"),
        ([Shapes(np.zeros((4, 3)), name="s" * 500)], f"layer '{'s' * 50}"),
    ],
)
def test_what_is_missing_is_said_where_nothing_can_be_tuned(
    selected, words, make_napari_viewer, notifications
):
    viewer = make_napari_viewer()
    first = viewer.add_layer(image("first"))
    for layer in selected:
        viewer.add_layer(layer)
    viewer.layers.selection = set(selected)
    tune_selected(viewer)
    dock = tune_dock_of(viewer)
    assert dock.viewer_session is None
    assert dock.layers.panel.boxes["p3d"].value is first
    (message,) = notifications()
    assert words in message.replace("\u2060", "")
    assert "expected an Image layer of surface probabilities" in message
    assert len(message) < 500


def test_the_button_says_what_is_missing_beside_a_label(window, notifications):
    viewer, dock = window
    viewer.add_labels(np.zeros(SHAPE, np.uint8), name="truth")
    dock.layers.panel.boxes["label"].value = viewer.layers["truth"]
    dock.layers.panel.button.native.click()
    (message,) = notifications()
    assert "layer 'truth' can only be the label" in message


def test_that_layers_are_opened_is_seen_at_once(make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_layer(image("first"))
    dock, seen = add_dock(viewer), []

    def look(session):
        if session is None:
            return
        (bar,) = viewer.window._qt_window.findChildren(QStatusBar)
        texts = [label.text() for label in bar.findChildren(QLabel)]
        seen.append((QApplication.overrideCursor().shape(), OPENING in texts))

    dock.viewer_session_changed.connect(look)
    tune_selected(viewer)
    assert seen == [(Qt.CursorShape.BusyCursor, True)]
    assert QApplication.overrideCursor() is None
    assert viewer.status == "Ready"


def test_the_menu_of_a_layer_has_the_command_once(make_napari_viewer):
    viewer = make_napari_viewer()
    activate()
    activate()
    items = get_app_model().menus.get_menu(MenuId.LAYERLIST_CONTEXT)
    ours = [item for item in items if getattr(item, "command", None) is not None]
    assert [item.command.id for item in ours].count(CONTEXT_COMMAND) == 1
    viewer.add_layer(image("first"))
    get_app_model().commands.execute_command(CONTEXT_COMMAND).result()
    assert tune_dock_of(viewer).viewer_session is not None


def test_layers_menu_segment_has_the_command(make_napari_viewer):
    make_napari_viewer()
    items = get_app_model().menus.get_menu(MenuId.LAYERS_SEGMENT)
    assert "napari-nx46.tune_layers" in [item.command.id for item in items]


def test_layers_of_this_plugins_own_files_can_be_tuned_alone(open_viewer_session, data_folder):
    opened = open_viewer_session(data_folder)
    p3d = opened.viewer.layers["probability p3d"]
    expected = make_mask(opened.session.fragment.p3d.read())
    opened.dock.layers.tune(guessed([p3d]))
    assert p3d in opened.viewer.layers
    np.testing.assert_array_equal(opened.session.whole_mask(), expected)


def test_files_replace_layers_that_were_tuned_and_leave_them(window, data_folder):
    viewer, dock = window
    layer = viewer.add_layer(image("mine"))
    dock.layers.tune(guessed([layer]))
    dock.open_paths(data_folder)
    assert layer in viewer.layers
    assert layer.name == "mine"
    assert dock.viewer_session.session.dataset.root == data_folder
