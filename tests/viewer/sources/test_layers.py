"""Tuning layers that are in the window: of every kind, wherever they lie, and following them."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46 import FragmentError, VolumeError, make_mask, tune
from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.setting import Setting
from tests.viewer.windows import Opened

SHAPE = (9, 40, 48)
LAYER = "surface mask"
GRID = {"scale": (8, 4, 2), "translate": (10, 20, 30), "units": ("um",) * 3}


def path(seed=1, dtype=np.float32, shape=SHAPE):
    """Return a probability volume with smooth sheets and noise."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(0, 1, length) for length in shape), indexing="ij")
    sheets = 0.5 + 0.5 * np.sin(12 * (x + 0.4 * y) + 3 * z)
    values = np.clip(0.7 * sheets + 0.3 * rng.random(shape), 0, 1)
    top = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(np.dtype(dtype), 1)
    return (values * top).astype(dtype)


def label():
    return (path(3) > 0.6).astype(np.uint8)


class Tuned(Opened):
    """A window on layers, and the session of a script in it."""

    def __init__(self, viewer, qtbot, tuning):
        super().__init__(viewer, tuning._dock, qtbot)
        self.tuning = tuning

    @property
    def mask(self):
        return self.viewer.layers[LAYER]


@pytest.fixture
def tuned(make_napari_viewer, qtbot):
    """Return a function that tunes layers or arrays in a window, and waits for exact figures."""

    def tune_in_window(add=lambda viewer: path(), show=False, **options):
        viewer = make_napari_viewer(show=show)
        p3d = add(viewer)
        found = Tuned(viewer, qtbot, tune(viewer, p3d, **options))
        found.wait_until_exact()
        return found

    return tune_in_window


def as_dask(array, folder):
    return da.from_array(array, chunks=(3, 16, 16))


def as_zarr(array, folder):
    stored = zarr.create_array(
        str(folder / "a.zarr"), shape=array.shape, chunks=(4, 16, 16), dtype=array.dtype
    )
    stored[:] = array
    return stored


def as_read_only(array, folder):
    array.flags.writeable = False
    return array


def as_levels(array, folder):
    return [array, array[:, ::2, ::2]]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (as_read_only, np.uint8),
        (as_dask, np.uint16),
        (as_zarr, np.float32),
        (as_levels, np.float16),
        (lambda array, folder: np.asfortranarray(array), ">f4"),
    ],
)
def test_a_layer_of_any_kind_is_tuned_where_it_lies(kind, dtype, tuned, tmp_path):
    array = path(dtype=dtype)
    given = kind(array, tmp_path)
    window = tuned(lambda viewer: viewer.add_image(given, name="prob", **GRID))
    assert [layer.name for layer in window.viewer.layers] == ["prob", LAYER]
    for name, value in GRID.items():
        np.testing.assert_array_equal(
            np.array(getattr(window.mask, name)), np.array(getattr(window.viewer.layers[0], name))
        )
        assert name == "units" or tuple(getattr(window.mask, name)) == tuple(value)
    window.tuning.change(quantile=0.8, z_radius=1)
    expected = make_mask(array, setting=window.tuning.setting)
    np.testing.assert_array_equal(window.tuning.mask(), expected)
    window.wait_until_exact()
    np.testing.assert_array_equal(window.mask.data[4], expected[4])


def test_the_layers_stay_as_they_are_and_nothing_is_copied(tuned):
    array = path()
    window = tuned(lambda viewer: viewer.add_image(array, name="mine", colormap="viridis"))
    layer = window.viewer.layers["mine"]
    assert layer.data is array
    assert (layer.colormap.name, layer.visible) == ("viridis", True)
    assert np.shares_memory(window.session.fragment.p3d.shared(3), array)
    window.dock.close()
    assert [one.name for one in window.viewer.layers] == ["mine"]


def test_all_volumes_of_a_fragment_may_be_layers(tuned):
    p2d, image = path(2, np.uint8), path(4, np.uint16)
    window = tuned(p2d=p2d, image=image, label=label(), models={"m1": path(5)}, name="101")
    fragment = window.session.fragment
    assert fragment.image_id == "101"
    assert set(fragment.sources) == {"p3d", "p2d", "m1"}
    window.wait_until(lambda: window.viewer_session.scores.scores.slice is not None)
    setting = window.tuning.setting.changed(weights=(("m1", 1.0), ("p3d", 0.5)))
    window.session.apply(setting)
    expected = make_mask(path(), p2d, models={"m1": path(5)}, setting=setting)
    np.testing.assert_array_equal(window.tuning.mask(), expected)


def test_a_slice_is_tuned_as_a_volume_of_one_slice(tuned):
    plane = path()[3]
    window = tuned(lambda viewer: viewer.add_image(plane, scale=(4, 2)))
    assert window.mask.data.shape == (1, 40, 48)
    np.testing.assert_array_equal(window.mask.scale[1:], (4, 2))
    assert window.session.figures.slice_density is not None
    np.testing.assert_array_equal(window.tuning.mask(), make_mask(plane))


@pytest.mark.parametrize(("channel", "taken"), [(None, 1), (0, 0)])
def test_a_channel_of_a_layer_is_tuned_below_the_axis_of_channels(channel, taken, tuned):
    array = np.stack([path(1), path(2)])
    window = tuned(lambda viewer: viewer.add_image(array, scale=(1, 8, 4, 2)), channel=channel)
    assert window.viewer.dims.ndim == 4
    np.testing.assert_array_equal(window.mask.scale, (8, 4, 2))
    window.viewer.dims.set_point(1, 16.0)
    window.wait_until(lambda: window.session.view.slice_index == 2)
    np.testing.assert_array_equal(window.tuning.mask(), make_mask(array[taken]))


@pytest.mark.parametrize("kind", ["numpy", "zarr"])
def test_channels_that_are_last_are_tuned_in_a_layer_where_they_are_first(kind, tuned, tmp_path):
    array = np.stack([path(1), path(2)], -1)
    given = array
    if kind == "zarr":
        given = zarr.create_array(str(tmp_path / "a.zarr"), shape=array.shape, dtype=array.dtype)
        given[:] = array
    window = tuned(lambda viewer: viewer.add_image(given, name="prob", scale=(8, 4, 2, 1)))
    first = window.viewer.layers["prob, channels first"]
    assert first.data.shape == (2, *SHAPE)
    assert not window.viewer.layers["prob"].visible
    assert kind == "zarr" or np.shares_memory(first.data, array)
    np.testing.assert_array_equal(window.mask.scale, (8, 4, 2))
    assert window.session.fragment.image_id == "prob"
    np.testing.assert_array_equal(window.tuning.mask(), make_mask(path(2)))
    window.panel.reading_panel.channel_box.setCurrentIndex(1)
    window.panel.reading_panel.channel_box.activated.emit(1)
    np.testing.assert_array_equal(window.tuning.mask(), make_mask(path(1)))


def test_another_channel_is_chosen_in_the_dock(tuned):
    array = np.stack([path(1), path(2)])
    window = tuned(lambda viewer: viewer.add_image(array))
    window.tuning.change(quantile=0.8)
    window.panel.reading_panel.channel_box.setCurrentIndex(1)
    window.panel.reading_panel.channel_box.activated.emit(1)
    assert window.tuning.setting.quantile == 0.8
    np.testing.assert_array_equal(
        window.tuning.mask(), make_mask(array[0], setting=Setting(quantile=0.8))
    )


def test_the_transform_of_the_layer_goes_to_all_overlays_and_is_followed(tuned):
    affine = np.array([[1, 0, 0, 3], [0, 0.8, -0.6, 0], [0, 0.6, 0.8, 0], [0, 0, 0, 1.0]])
    window = tuned(
        lambda viewer: viewer.add_image(
            path(), name="prob", affine=affine, axis_labels=("a", "b", "c"), **GRID
        )
    )
    session = window.viewer_session
    session.pin("A")
    window.tuning.change(quantile=0.7)
    window.wait_until(lambda: session.compare.difference.available)
    session.compare.difference.show(True)
    overlays = [window.mask, session.compare.difference.layer]
    source = window.viewer.layers["prob"]
    for _ in range(2):
        for overlay in overlays:
            corner = (8, 39, 47)
            np.testing.assert_allclose(overlay.data_to_world(corner), source.data_to_world(corner))
            assert overlay.axis_labels == ("a", "b", "c")
            assert overlay.units == source.units
        source.scale = (3, 2, 1)
        source.translate = (0, 5, 0)


def test_errors_lie_where_the_layers_do(tuned):
    window = tuned(
        lambda viewer: viewer.add_image(path(), **GRID),
        label=None,
    )
    labels = window.viewer.add_labels(label(), name="truth", **GRID)
    tuning = tune(window.viewer, window.viewer.layers[0], label=labels)
    session = tuning._dock.viewer_session
    session.errors.show(True)
    np.testing.assert_array_equal(session.errors.layer.scale, GRID["scale"])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_any_displayed_axes_are_tuned(order, tuned):
    window = tuned(lambda viewer: viewer.add_image(path(), **GRID), show=True)
    window.viewer.dims.order = order
    axis = order[0]
    world = GRID["translate"][axis] + 5 * GRID["scale"][axis]
    window.viewer.dims.set_point(axis, world)
    plane = [slice(0, length) for length in SHAPE]
    plane[axis] = slice(5, 6)
    window.wait_until(lambda: window.session.view.plane == tuple(plane))
    window.tuning.change(quantile=0.75)
    mask = make_mask(path(), setting=window.tuning.setting)
    window.wait_until_exact()
    assert window.session.figures.slice_density == pytest.approx(mask[tuple(plane)].mean())
    np.testing.assert_array_equal(window.mask.data[tuple(plane)], mask[tuple(plane)])
    viewed = np.asarray(window.mask._slice.image.raw)
    np.testing.assert_array_equal(viewed, mask.transpose(order)[5])


def test_beyond_the_extent_the_read_outs_are_empty(tuned):
    window = tuned(lambda viewer: viewer.add_image(path()), label=label())
    window.viewer.add_image(np.zeros((30, 40, 48), np.uint8), name="longer")
    scores = window.viewer_session.scores
    window.wait_until(lambda: scores.scores.slice is not None)
    window.viewer.dims.set_point(0, 20.0)
    window.wait_until(lambda: window.session.figures.slice_density is None)
    figures = window.session.figures
    assert (figures.threshold, figures.block_density) == (None, None)
    assert figures.fragment_density is not None
    assert scores.scores.slice is None
    window.tuning.change(quantile=0.7)
    window.wait_until(lambda: window.session.figures.fragment_exact)
    assert window.session.figures.slice_density is None
    window.viewer.dims.set_point(0, 4.0)
    window.wait_until(lambda: window.session.figures.slice_density is not None)
    assert scores.scores.slice is not None


def test_layers_at_different_places_are_refused_by_name(tuned, make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.add_image(path(), name="one", scale=(2, 1, 1))
    viewer.add_image(path(2), name="two")
    with pytest.raises(FragmentError, match=r"layers 'one' and 'two' lie at different places"):
        tune(viewer, viewer.layers["one"], viewer.layers["two"])
    assert len(viewer.layers) == 2


def test_a_length_may_be_given_in_other_units(tuned):
    nanometres = {
        "scale": (8000, 4000, 2000),
        "translate": (10000, 20000, 30000),
        "units": ("nm",) * 3,
    }

    def add(viewer):
        viewer.add_image(path(2), name="p2d in nm", **nanometres)
        return viewer.add_image(path(), **GRID)

    window = tuned(add)
    tuning = tune(window.viewer, window.viewer.layers[1], window.viewer.layers["p2d in nm"])
    assert tuning.session.fragment.placement.micrometres == (8, 4, 2)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda array: array.astype(np.int16), r"layer 'prob' .*int16 voxels"),
        (lambda array: np.stack([array] * 3, -1), r"layer 'prob' .*found colours"),
    ],
)
def test_a_layer_that_is_no_volume_is_refused_by_name(spoil, message, make_napari_viewer):
    viewer = make_napari_viewer()
    layer = viewer.add_image(spoil(path()), name="prob")
    with pytest.raises(VolumeError, match=message):
        tune(viewer, layer)


def test_damage_in_a_layer_is_reported_by_the_name_it_has_then(tuned, notifications):
    array = path()
    window = tuned(lambda viewer: viewer.add_image(array, name="before"))
    window.viewer.layers["before"].name = "after"
    spoiled = array.copy()
    spoiled[4] = np.nan
    window.viewer.layers["after"].data = spoiled
    window.wait_until(lambda: any("layer 'after'" in text for text in notifications()))


# ---- following ------------------------------------------------------------------------------


def test_other_data_of_a_layer_are_tuned_with_the_same_setting(tuned):
    window = tuned(lambda viewer: viewer.add_image(path(), name="prob"))
    window.tuning.change(quantile=0.8)
    window.tuning.accept()
    other = path(7, shape=(5, 30, 32))
    window.viewer.layers["prob"].data = other
    window.wait_until(lambda: window.session.fragment.shape == other.shape)
    assert window.tuning.setting.quantile == 0.8
    assert window.session.accepted["prob"].quantile == 0.8
    np.testing.assert_array_equal(
        window.tuning.mask(), make_mask(other, setting=Setting(quantile=0.8))
    )
    assert [layer.name for layer in window.viewer.layers] == ["prob", LAYER]


def test_arrays_that_are_changed_in_place_are_read_again_and_painted_labels_are_followed(tuned):
    array, truth = path(), label()
    window = tuned(lambda viewer: viewer.add_image(array, name="prob"), label=truth)
    window.tuning.change(quantile=0.8)
    array[...] = path(7)
    window.dock.layers.panel.again_button.native.click()
    assert window.tuning.setting.quantile == 0.8
    np.testing.assert_array_equal(
        window.tuning.mask(), make_mask(path(7), setting=Setting(quantile=0.8))
    )
    before = window.session
    painted = window.viewer.layers["label"]
    painted.data_setitem((np.array([1]), np.array([2]), np.array([3])), 2)
    window.wait_until(lambda: window.session is not before)
    array[...] = path(8)
    window.tuning.refresh()
    np.testing.assert_array_equal(
        window.tuning.mask(), make_mask(path(8), setting=window.tuning.setting)
    )


def test_without_its_2d_path_the_3d_path_stands_for_both(tuned):
    window = tuned(lambda viewer: viewer.add_image(path(), name="three"), p2d=path(2))
    window.tuning.change(blend=0.3)
    window.viewer.layers.remove("p2d")
    window.wait_until(lambda: list(window.session.fragment.sources) == ["p3d"])
    assert window.session.fragment.image_id == "three"
    np.testing.assert_array_equal(
        window.tuning.mask(), make_mask(path(), setting=window.tuning.setting)
    )


def test_without_any_layer_the_session_ends(tuned, notifications):
    window = tuned(lambda viewer: viewer.add_image(path(), name="prob"))
    window.viewer.layers.remove("prob")
    window.wait_until(lambda: window.dock.viewer_session is None)
    assert len(window.viewer.layers) == 0
    assert any("layers that were tuned are gone" in text for text in notifications())
    with pytest.raises(RuntimeError, match="its layers were removed"):
        window.tuning.setting  # noqa: B018


def test_the_mask_may_be_deleted_and_shown_again(tuned):
    window = tuned(lambda viewer: viewer.add_image(path(), **GRID))
    window.viewer.layers.remove(LAYER)
    window.tuning.change(quantile=0.7)
    window.viewer.dims.set_point(0, 10 + 8 * 2)
    window.wait_until(lambda: window.session.view.slice_index == 2)
    window.viewer_session.overlay.show(True)
    window.wait_until_exact()
    np.testing.assert_array_equal(window.mask.scale, GRID["scale"])
    np.testing.assert_array_equal(
        window.mask.data[2], make_mask(path(), setting=window.tuning.setting)[2]
    )


def test_corrections_painted_from_python_are_in_the_mask(tuned):
    window = tuned()
    before = window.tuning.mask().copy()
    layer = window.tuning.corrections
    assert layer is window.viewer.layers["corrections"] is window.tuning.corrections
    layer.data[2, 3:6, 4] = 1
    layer.data_setitem((np.array([4, 4]), np.array([5, 6]), np.array([7, 7])), 2)
    expected = before.copy()
    expected[2, 3:6, 4], expected[4, 5:7, 7] = 1, 0
    np.testing.assert_array_equal(window.tuning.mask(), expected)


def test_a_mask_of_layers_is_accepted_exported_and_read_back(tuned, tmp_path):
    window = tuned(lambda viewer: viewer.add_image(path(), name="frag 7", **GRID))
    window.tuning.change(quantile=0.8)
    panel = window.export_panel
    panel.accept_button.click()
    target = tmp_path / "submission.zip"
    panel.path_edit.setText(str(target))
    panel.export_button.click()
    window.wait_until(lambda: target.exists() and not panel.running)
    import zipfile

    with zipfile.ZipFile(target) as archive:
        (name,) = archive.namelist()
        with archive.open(name) as member:
            mask = tifffile.imread(member)
    assert name == "frag_7.tif"
    np.testing.assert_array_equal(mask, window.tuning.mask())


def test_own_layers_of_a_session_are_no_choice(tuned):
    window = tuned(lambda viewer: viewer.add_image(path(), name="prob"))
    offered = window.dock.layers.panel.boxes["p3d"].choices
    assert [layer.name for layer in offered if layer is not None] == ["prob"]
    assert isinstance(window.mask.data, LazyVolume)
