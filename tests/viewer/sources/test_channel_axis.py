"""Choosing which axis of a layer is of channels, and showing its z, y and x."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_nx46 import VolumeError, make_mask, tune
from napari_nx46.viewer.sources.channel_axis import UNKNOWN, ChannelAxis
from napari_nx46.viewer.sources.channels_first import ChannelsFirst
from napari_nx46.viewer.window.launch import add_dock
from tests.viewer.sources.test_kept import window_on  # noqa: F401
from tests.viewer.sources.test_layers import LAYER, SHAPE, Tuned, path

SCALE, TRANSLATE, LABELS = (8, 4, 2), (10, 20, 30), ("z", "y", "x")
CHANNELS = 2


def channels(axis, first=1):
    """Return an array with its channels along an axis, and attributes of a layer that fit it."""
    array = np.stack([path(first), path(first + 1)], axis)

    def inserted(values, value):
        return (*values[:axis], value, *values[axis:])

    place = {
        "scale": inserted(SCALE, 5),
        "translate": inserted(TRANSLATE, 7),
        "units": inserted(("um",) * 3, "pixel"),
        "axis_labels": inserted(LABELS, "net"),
    }
    return array, place


def texts(panel):
    box = panel.channel_axis.box.native
    return [box.itemText(index) for index in range(box.count())]


def is_offered(panel):
    return not panel.channel_axis.box.native.isHidden()


@pytest.fixture
def window(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    return viewer, add_dock(viewer)


def test_the_axes_are_offered_where_a_layer_has_more_than_three(window):
    viewer, dock = window
    panel = dock.layers.panel
    volume = viewer.add_image(path(), name="volume")
    assert not is_offered(panel)
    first = viewer.add_image(np.zeros((2, *SHAPE), np.float32), name="first")
    panel.boxes["p3d"].value = first
    assert is_offered(panel)
    assert texts(panel) == ["0 (size 2)", "1 (size 9)", "2 (size 40)", "3 (size 48)"]
    assert (panel.channel_axis.box.value, panel.channel_axis.chosen) == (0, None)
    labels = ("z", "net", "y", "x")
    named = viewer.add_image(np.zeros((9, 2, 40, 48)), name="named", axis_labels=labels)
    panel.boxes["p3d"].value = named
    assert texts(panel)[:2] == [UNKNOWN, "z (axis 0, size 9)"]
    panel.channel_axis.box.value = 1
    panel.boxes["p2d"].value = volume
    assert panel.choice.read_as.channel_axis == 1
    single = viewer.add_image(np.zeros((1, *SHAPE), np.float32), name="single")
    panel.boxes["p3d"].value = single
    assert not is_offered(panel)
    assert panel.choice.read_as.channel_axis is None


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("lazy", [False, True])
def test_an_axis_that_is_chosen_in_the_window_is_that_of_channels(axis, lazy, window, qtbot):
    viewer, dock = window
    array, place = channels(axis)
    given = da.from_array(array, chunks=16) if lazy else array
    layer = viewer.add_image(given, name="prob", contrast_limits=(0, 1), **place)
    panel = dock.layers.panel
    panel.boxes["p3d"].value, panel.boxes["p2d"].value = layer, None
    panel.channel_axis.box.value = axis
    place = layer.data_to_world(np.insert((3, 4, 5), axis, 1))
    viewer.dims.set_point(range(4), place)
    panel.button.native.click()
    session = dock.viewer_session.session
    assert (session.fragment.shape, session.fragment.image_id) == (SHAPE, "prob")
    assert (panel.boxes["p3d"].value, panel.channel_axis.box.value) == (layer, axis)
    np.testing.assert_array_equal(session.whole_mask(), make_mask(path(2)))
    shown, mask = viewer.layers["prob, channels first"], viewer.layers[LAYER]
    assert shown.data.shape == (CHANNELS, *SHAPE)
    assert isinstance(shown.data, da.Array) if lazy else np.shares_memory(shown.data, array)
    assert (layer.visible, shown.visible) == (False, True)
    assert shown not in viewer.layers.selection
    voxel = shown.world_to_data(viewer.dims.point)  # napari's sliders have steps of their own
    np.testing.assert_array_equal(np.round(voxel), (1, 3, 4, 5))
    assert dock.viewer_session.session.view.slice_index == 3
    assert viewer.layers.index(shown) == viewer.layers.index(layer) + 1
    for one in (mask, dock.viewer_session.corrections.labels()):
        np.testing.assert_array_equal(one.scale, SCALE)
        np.testing.assert_array_equal(one.translate, TRANSLATE)
        assert list(map(str, one.units)) == ["micrometer"] * 3
        assert one.axis_labels == LABELS
        np.testing.assert_array_equal(
            one.data_to_world((1, 2, 3)), shown.data_to_world((0, 1, 2, 3))[1:]
        )
    box = dock.panel.reading_panel.channel_box
    box.setCurrentIndex(1)
    box.activated.emit(1)
    np.testing.assert_array_equal(
        dock.viewer_session.session.whole_mask(), make_mask(array, channel=0, channel_axis=axis)
    )
    assert viewer.layers["prob, channels first"] is shown


def test_another_axis_is_chosen_afterwards_and_the_layer_shown_again_by_the_first(window):
    viewer, dock = window
    array = np.stack([path(1), path(2)], 1)
    layer = viewer.add_image(array, name="prob")
    viewer.dims.set_point(range(4), point := (4, 1, 6, 7))
    choice = Tuned(viewer, None, tune(viewer, layer, channel_axis=1)).dock.layers.panel
    choice.channel_axis.box.value = 3
    choice.button.native.click()
    assert dock.viewer_session.session.fragment.shape == array.shape[:3]
    assert viewer.layers["prob, channels first"].data.shape == (48, 9, 2, 40)
    choice.channel_axis.box.value = 0
    choice.button.native.click()
    assert dock.viewer_session.session.fragment.shape == array.shape[1:]
    assert layer.visible
    assert viewer.dims.point == point
    assert [one.name for one in viewer.layers] == ["prob", LAYER]


def test_other_data_of_a_layer_are_followed_with_the_axis_that_was_chosen(
    make_napari_viewer, qtbot
):
    viewer = make_napari_viewer()
    array, place = channels(1)
    layer = viewer.add_image(array, name="prob", **place)
    window = Tuned(viewer, qtbot, tune(viewer, layer, channel_axis="net"))
    first = window.session
    other, _ = channels(1, first=7)
    layer.data = other
    window.wait_until(lambda: window.session is not first)
    np.testing.assert_array_equal(window.tuning.mask(), make_mask(path(8)))
    shown = viewer.layers["prob, channels first"]
    assert np.shares_memory(shown.data, other)
    layer.scale = (3, 1, 2, 1)
    np.testing.assert_array_equal(shown.scale, (1, 3, 2, 1))
    np.testing.assert_array_equal(window.mask.scale, (3, 2, 1))
    viewer.layers.remove(layer)
    window.wait_until(lambda: window.dock.viewer_session is None)
    assert len(viewer.layers) == 0


def test_the_layer_itself_is_shown_again_when_the_dock_is_closed(window):
    viewer, dock = window
    layer = viewer.add_image(channels(3)[0], name="prob")
    tune(viewer, layer)
    assert not layer.visible
    dock.close()
    assert layer.visible
    assert [one.name for one in viewer.layers] == ["prob"]


def test_the_axis_is_kept_with_the_work_on_the_same_layer(window_on):  # noqa: F811
    array, place = channels(2)
    one = window_on(Image(array, **place), channel_axis=2, channel=0)
    one.tuning.change(quantile=0.8)
    again = window_on(Image(array.copy(), **place))
    assert again.tuning.setting.quantile == 0.8
    assert again.dock.layers.panel.channel_axis.box.value == 2
    np.testing.assert_array_equal(
        again.tuning.mask(), make_mask(path(1), setting=again.tuning.setting)
    )


def test_of_models_with_their_channels_elsewhere_each_is_read_by_its_own_axis(window):
    viewer, dock = window
    first, second, third = (channels(axis, first=one)[0] for axis, one in ((1, 1), (3, 3), (0, 5)))
    layers = [
        viewer.add_image(array, name=name)
        for name, array in (("first", first), ("second", second), ("third", third))
    ]
    panel = dock.layers.panel
    panel.boxes["p3d"].value, panel.boxes["p2d"].value = layers[:2]
    panel.models.value = layers[2:]
    assert texts(panel)[0] == UNKNOWN
    panel.channel_axis.box.value = 1
    panel.button.native.click()
    fragment = dock.viewer_session.session.fragment
    assert fragment.shape == SHAPE
    for volume, last in ((fragment.p3d, 2), (fragment.p2d, 4), (fragment.models["third"], 6)):
        np.testing.assert_array_equal(volume.read(), path(last))


def test_an_axis_that_is_unclear_or_leaves_another_shape_is_reported(window, notifications):
    viewer, dock = window
    array, _ = channels(1)
    panel = dock.layers.panel
    panel.boxes["p3d"].value = viewer.add_image(array, name="prob")
    assert texts(panel)[0] == UNKNOWN
    panel.button.native.click()
    assert "choose the channel axis of a layer" in notifications()[-1]
    panel.boxes["p2d"].value = viewer.add_image(path(), name="two")
    panel.channel_axis.box.value = 2
    panel.button.native.click()
    assert "equal shapes" in notifications()[-1]
    assert [one.name for one in viewer.layers] == ["prob", "two"]
    with pytest.raises(VolumeError, match=r"layer 'prob' .*one named 'c', which was chosen"):
        tune(viewer, viewer.layers["prob"], channel_axis="c")


def test_a_layer_that_is_turned_lies_where_it_did(make_napari_viewer):
    viewer = make_napari_viewer()
    turn = np.eye(4)
    turn[2:, 2:] = [[0.8, -0.6], [0.6, 0.8]]
    layer = viewer.add_image(np.zeros((5, 2, 6, 7)), name="a", rotate=turn, scale=(4, 1, 3, 2))
    shown = ChannelsFirst(viewer)
    shown.show({layer: (0, 2, 3)})
    z, c, y, x = layer.data_to_world((1, 1, 2, 3))
    np.testing.assert_allclose(viewer.layers[-1].data_to_world((1, 1, 2, 3)), (c, z, y, x))
    viewer.layers.remove(viewer.layers[-1])
    shown.show({})
    assert [one.name for one in viewer.layers] == ["a"]


def test_nothing_is_offered_of_what_is_no_array():
    assert not ChannelAxis().offer([])
