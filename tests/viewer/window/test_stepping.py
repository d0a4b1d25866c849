"""Going from one fragment to the next keeps the layers, and what a user has made of them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.data.fragments import write_data_folder
from napari_nx46.files.volumes.opening import Volume
from tests.viewer.windows import SHAPES


def step(opened, image_id):
    opened.click(opened.panel.fragment_panel.next_button)
    assert opened.session.fragment.image_id == image_id
    opened.wait_until_exact()


def reads_in_this_thread(monkeypatch):
    """Return a list of the folders whose volumes are read here from now on."""
    read, get = [], Volume.__getitem__

    def noted(volume, index):
        if threading.current_thread() is threading.main_thread():
            read.append(volume.path.parent.name)
        return get(volume, index)

    monkeypatch.setattr(Volume, "__getitem__", noted)
    return read


def ranges(opened):
    return tuple(int(extent.stop) + 1 for extent in opened.viewer.dims.range)


def test_layers_stay_with_what_a_user_made_of_them_and_hidden_ones_read_nothing(
    opened, monkeypatch
):
    layers = list(opened.viewer.layers)
    image, p2d, p3d, label, mask = layers
    opened.viewer_session.errors.show(True)
    errors = opened.viewer_session.errors.layer
    p3d.visible = True
    p3d.opacity, p3d.colormap, p3d.blending, p3d.name = 0.3, "viridis", "additive", "mine"
    p2d.contrast_limits = (10, 60)
    mask.opacity = 0.25
    image_limits = tuple(image.contrast_limits)
    read = reads_in_this_thread(monkeypatch)
    step(opened, "b")
    # The layer of the label is hidden; the score's follower reads the label in its own thread.
    assert "test_images" in read
    assert "train_labels" not in read
    assert list(opened.viewer.layers) == [*layers, errors]
    assert ranges(opened) == SHAPES["b"]
    assert [layer.data.shape for layer in opened.viewer.layers] == [SHAPES["b"]] * 6
    assert (p3d.opacity, p3d.colormap.name, p3d.blending, p3d.name, p3d.visible) == (
        0.3,
        "viridis",
        "additive",
        "mine",
        True,
    )
    assert [layer.visible for layer in (image, p2d, label, mask, errors)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert (image.name, mask.opacity, tuple(p2d.contrast_limits)) == ("CT image", 0.25, (10, 60))
    fragment = opened.session.fragment
    np.testing.assert_array_equal(p3d.data.read(), fragment.p3d.read())
    np.testing.assert_array_equal(label.data.read(), fragment.label.read())
    np.testing.assert_array_equal(np.asarray(mask.data), opened.expected_mask())
    assert {layer.metadata["napari-nx46"]["image_id"] for layer in layers[:-1]} == {"b"}

    for image_id in ("c", "a"):
        step(opened, image_id)
        assert ranges(opened) == SHAPES[image_id]
        np.testing.assert_array_equal(np.asarray(mask.data), opened.expected_mask())
    assert list(opened.viewer.layers) == [*layers, errors]
    assert tuple(image.contrast_limits) == image_limits


@pytest.fixture
def uneven_folder(tmp_path):
    """Return a data folder whose fragments have different volumes and types."""
    volume = np.random.default_rng(46).random((4, 12, 14)).astype(np.float32)
    whole = (255 * volume).astype(np.uint8)
    label = (volume > 0.9).astype(np.uint8)
    root = tmp_path / "uneven"
    write_data_folder(root, "a", {"p3d": volume, "test_images": whole, "train_labels": label})
    write_data_folder(root, "b", {"p3d": whole, "train_labels": label})
    write_data_folder(root, "c", {"p3d": volume, "test_images": whole})
    write_data_folder(root / "models", "a", {"unet": volume})
    write_data_folder(root / "models", "b", {"unet": volume})
    return root


def test_only_layers_that_differ_come_and_go_each_at_its_place(open_viewer_session, uneven_folder):
    opened = open_viewer_session(uneven_folder)
    layers = opened.viewer.layers

    def names():
        return [layer.name for layer in layers]

    assert names() == ["CT image", "probability p3d", "a unet", "label", "surface mask"]
    image, p3d, unet, label, mask = layers
    p3d.visible, image.visible = True, False
    opened.viewer_session.errors.show(True)
    step(opened, "b")
    assert names() == ["probability p3d", "b unet", "label", "surface mask", "errors"]
    # Another type of voxels needs another layer, which is as visible.
    assert layers[0] is not p3d
    assert layers[0].visible
    assert tuple(layers[0].contrast_limits) == (0, 255)
    assert list(layers)[1:4] == [unet, label, mask]
    step(opened, "c")
    assert names() == ["CT image", "probability p3d", "surface mask"]
    assert [layer.visible for layer in layers] == [False, True, True]
    assert not opened.panel.score_panel.errors_box.isChecked()
    layers.remove(mask)
    step(opened, "a")
    # A mask that was deleted stays away until it is shown again.
    assert names() == ["CT image", "probability p3d", "a unet", "label"]
    opened.viewer_session.overlay.show(True)
    assert names() == ["CT image", "probability p3d", "a unet", "label", "surface mask"]
    np.testing.assert_array_equal(np.asarray(layers[-1].data), opened.expected_mask())
