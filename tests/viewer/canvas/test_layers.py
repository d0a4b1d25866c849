"""The layers of a fragment, whatever volumes it has."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.viewer.canvas.layers import METADATA_KEY, fragment_layers
from napari_nx46.viewer.plugin.readers import get_reader

VOXELS = np.random.default_rng(46).integers(0, 256, (4, 5, 6), dtype=np.uint8)


def shown(root):
    """Return name and visibility of the layers of fragment 7."""
    layers = fragment_layers(open_data(root)["7"], (root,))
    for _, attributes, _ in layers:
        origin = attributes["metadata"][METADATA_KEY]
        assert (origin["paths"], origin["image_id"]) == ([str(root)], "7")
    return [(attributes["name"], attributes["visible"]) for _, attributes, _ in layers]


@pytest.fixture
def models(tmp_path):
    """Return a data folder of two models' volumes."""
    write_data_folder(tmp_path / "models", "7", {"unet": VOXELS, "a-net": VOXELS / 255})
    return tmp_path


def test_models_lie_hidden_above_the_paths(models):
    write_data_folder(models, "7", {"p3d": VOXELS, "p2d": VOXELS, "test_images": VOXELS})
    assert shown(models) == [
        ("CT image", True),
        ("probability p2d", False),
        ("probability p3d", False),
        ("7 a-net", False),
        ("7 unet", False),
    ]


def test_without_anything_else_the_first_model_is_visible(models):
    assert shown(models) == [("7 a-net", True), ("7 unet", False)]
    layers = fragment_layers(open_data(models)["7"], (models,))
    assert [attributes["contrast_limits"] for _, attributes, _ in layers] == [(0, 1), (0, 255)]
    np.testing.assert_array_equal(layers[1][0][2], VOXELS[2])


def test_a_fragment_of_an_image_alone_shows_just_that(tmp_path):
    write_data_folder(tmp_path, "7", {"test_images": VOXELS})
    assert shown(tmp_path) == [("CT image", True)]


@pytest.mark.parametrize("folder", ["p3d", "p2d", "models", "test_images", "train_images"])
def test_a_folder_that_holds_one_of_the_data_folders_can_be_read(tmp_path, folder):
    assert get_reader(str(tmp_path)) is None
    (tmp_path / folder).mkdir()
    assert get_reader(str(tmp_path)) is not None
