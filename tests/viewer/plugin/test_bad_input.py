"""Bad data: a notification that names file and fragment; what was open stays open."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d")

SHAPE = (6, 16, 18)


def good():
    return np.random.default_rng(7).random(SHAPE, dtype=np.float32)


def int16_volume(root):
    tifffile.imwrite(root / "p3d" / "bad.tif", np.ones(SHAPE, np.int16), photometric="minisblack")
    return "p3d/bad.tif", "int16"


def different_shapes(root):
    np.save(root / "p3d" / "bad.npy", good())
    np.save(root / "p2d" / "bad.npy", good()[:, 1:])
    return "p2d/bad.npy", "(6, 15, 18)"


def truncated_numpy(root):
    np.save(root / "p3d" / "bad.npy", good())
    path = root / "p3d" / "bad.npy"
    path.write_bytes(path.read_bytes()[:-100])
    return "p3d/bad.npy", "bytes"


def no_volumes(root):
    return "bad_data", "expected a folder p3d"


AT_OPENING = (int16_volume, different_shapes, truncated_numpy, no_volumes)


def nan_in_the_shown_slice(root):
    return _one_bad_voxel(root, 3, np.nan), "NaN"


def nan_in_another_slice(root):
    return _one_bad_voxel(root, 0, np.nan), "NaN"


def above_one(root):
    return _one_bad_voxel(root, 5, 1.5), "1.5"


def _one_bad_voxel(root, z, value):
    volume = good()
    volume[z, 3, 4] = value
    np.save(root / "p3d" / "bad.npy", volume)
    return "p3d/bad.npy"


def truncated_tiff(root):
    path = root / "p3d" / "bad.tif"
    voxels = (255 * good()).astype(np.uint8)
    tifffile.imwrite(path, voxels, photometric="minisblack", compression="zlib")
    whole = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[5].dataoffsets[0]
    # The directories stay; the last page's voxels are gone.
    path.write_bytes(whole[:offset] + bytes(len(whole) - offset))
    return "p3d/bad.tif", "bad"


AT_READING = (nan_in_the_shown_slice, nan_in_another_slice, above_one, truncated_tiff)


@pytest.fixture
def bad_folder(tmp_path):
    """Return an empty data folder."""
    root = tmp_path / "bad_data"
    for folder in ("p3d", "p2d"):
        (root / folder).mkdir(parents=True)
    return root


@pytest.mark.parametrize("damage", AT_OPENING)
def test_what_cannot_be_opened_is_reported_and_what_was_open_stays(
    opened, bad_folder, notifications, damage
):
    file, found = damage(bad_folder)
    session = opened.session
    names = [layer.name for layer in opened.viewer.layers]
    opened.dock._try_to_open([str(bad_folder)])
    (message,) = notifications()
    assert file in message
    assert found in message
    if damage is not no_volumes:
        assert "fragment bad" in message
    assert opened.session is session
    assert [layer.name for layer in opened.viewer.layers] == names
    session.change(quantile=0.7)
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())


@pytest.mark.parametrize("damage", AT_READING)
def test_what_is_found_when_it_is_read_is_reported(
    opened, bad_folder, notifications, damage, qtbot
):
    file, found = damage(bad_folder)
    opened.dock._try_to_open([str(bad_folder)])
    qtbot.waitUntil(lambda: len(notifications()) > 0, timeout=PATIENCE)
    qtbot.wait(100)
    # Each finding once, not with every repaint.
    assert len(notifications()) <= 3
    for message in notifications():
        assert file in message
        assert found in message
        assert "fragment bad" in message
    # The dock is still alive: it opens sound data next.
    opened.dock._try_to_open([str(bad_folder.parent / "data")])
    opened.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(opened.layer.data), opened.expected_mask())


@pytest.mark.parametrize("damage", [int16_volume, different_shapes])
def test_the_reader_of_napari_says_file_and_fragment(make_napari_viewer, bad_folder, damage):
    file, found = damage(bad_folder)
    viewer = make_napari_viewer()
    with pytest.raises(ValueError, match="fragment bad") as caught:
        viewer.open(str(bad_folder), plugin="napari-nx46")
    assert file in str(caught.value)
    assert found in str(caught.value)
    assert len(viewer.layers) == 0


def test_a_bad_fragment_spoils_no_other(opened, tmp_path, notifications, qtbot):
    volume = opened.session.dataset["b"].p3d.read()
    volume[2, 3, 4] = np.nan
    tifffile.imwrite(tmp_path / "data" / "p3d" / "b.tif", volume, photometric="minisblack")
    opened.dock._try_to_open([str(tmp_path / "data")])
    opened.wait_until_exact()
    assert notifications() == []
    opened.click(opened.panel.fragment_panel.next_button)
    qtbot.waitUntil(lambda: len(notifications()) > 0, timeout=PATIENCE)
    assert "fragment b" in notifications()[0]
    opened.click(opened.panel.fragment_panel.next_button)
    assert opened.session.fragment.image_id == "c"
    opened.wait_until_exact()
    assert opened.session.figures.fragment_density == pytest.approx(0.05, abs=0.15)
