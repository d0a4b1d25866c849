"""The map of a store: of a coarse level, of every n-th voxel, or of chunks."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.files.volumes.opening import open_volume
from napari_nx46.live.scroll import overview
from napari_nx46.live.scroll.overview import overview_work
from napari_nx46.voxels.workers import Cancelled, never
from tests.live.scroll.stores import waves, write_image

SHAPE = (32, 48, 64)


@pytest.fixture
def image(tmp_path):
    written = write_image(tmp_path / "a.zarr", waves(SHAPE))
    return [open_volume(tmp_path / "a.zarr", level=str(n)) for n in range(3)], written


def made(levels, cancelled=never):
    return overview_work(levels, SHAPE)(cancelled, lambda progress: None)


@pytest.mark.parametrize(("most", "level"), [(2**30, 0), (20_000, 1), (2_000, 2)])
def test_it_is_the_finest_level_that_is_small_enough(image, monkeypatch, most, level):
    volumes, written = image
    monkeypatch.setattr(overview, "MOST_BYTES", most)
    found = made(volumes)
    assert np.array_equal(found.voxels, written[level])
    assert found.cell == (2**level,) * 3
    assert f"level {level}" in found.words
    assert np.array_equal(found.plane(1, 47), written[level][:, -1])
    assert np.array_equal(found.plane(0, 17), written[level][17 >> level])
    assert np.array_equal(found.plane(2, 1000), written[level][..., -1])


def test_without_a_small_level_every_nth_voxel_is_kept(image, monkeypatch):
    volumes, written = image
    monkeypatch.setattr(overview, "MOST_BYTES", 10_000)
    found = made(volumes[:1])
    assert found.cell == (3, 3, 3)
    assert np.array_equal(found.voxels, written[0][::3, ::3, ::3])


def test_of_what_is_too_large_to_be_read_it_shows_the_chunks(tmp_path, monkeypatch):
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[16:, :16, 32:48] = 5
    write_image(tmp_path / "a.zarr", voxels, levels=1)
    monkeypatch.setattr(overview, "MOST_BYTES", 100)
    monkeypatch.setattr(overview, "MOST_READ", 1_000)
    found = made([open_volume(tmp_path / "a.zarr")])
    expected = np.zeros((2, 3, 4), np.uint8)
    expected[1, 0, 2] = 1
    assert np.array_equal(found.voxels, expected)  # the library leaves out what holds nothing
    assert found.cell == (16, 16, 16)
    assert "chunks" in found.words


def test_it_can_be_cancelled(image):
    with pytest.raises(Cancelled):
        made(image[0], lambda: True)
