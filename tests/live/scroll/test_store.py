"""Stores that are opened with their levels, and which of them are larger than memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_nx46.data.fragments import StorePlace
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.volumes.opening import VolumeError, VolumeWarning
from napari_nx46.live.scroll.store import open_scroll, scroll_of
from tests.live.scroll.stores import waves, write_image

SHAPE = (32, 48, 64)
BYTES = 32 * 48 * 64


@pytest.fixture
def place(tmp_path):
    write_image(tmp_path / "a.zarr", waves(SHAPE))
    return StorePlace(str(tmp_path / "a.zarr"))


def test_a_store_is_opened_with_its_coarser_levels(place):
    scroll = open_scroll(place)
    assert scroll.paths == ("0", "1", "2")
    assert [one.shape for one in scroll.levels] == [(32, 48, 64), (16, 24, 32), (8, 12, 16)]
    assert scroll.place.level == "0"
    scroll = open_scroll(replace(place, level="1"))
    assert scroll.volume.shape == (16, 24, 32)
    assert [one.level for one in scroll.levels] == ["1", "2"]
    assert scroll.levels[1].placement.scale == (16, 16, 16)


def test_levels_that_are_declared_but_not_there_are_left_out(place, tmp_path):
    (tmp_path / "a.zarr" / "2" / ".zarray").unlink()
    with pytest.warns(VolumeWarning, match="level 2"):
        scroll = open_scroll(place)
    assert scroll.paths == ("0", "1")
    assert len(scroll.levels) == 2
    with pytest.raises(VolumeError, match="level 2"):
        open_scroll(replace(place, level="2"))


def test_one_array_has_no_levels(place):
    scroll = open_scroll(replace(place, store=f"{place.store}/1"))
    assert scroll.paths == ()
    assert [one.shape for one in scroll.levels] == [(16, 24, 32)]


def test_what_is_larger_than_memory_is_opened_box_by_box(place, tmp_path):
    assert scroll_of([place], BYTES - 1) == place
    assert scroll_of([tmp_path / "a.zarr"], BYTES - 1) == place
    assert scroll_of([place], BYTES) is None
    coarse = replace(place, level="1")
    assert scroll_of([coarse], BYTES // 8 - 1) == coarse
    assert scroll_of([coarse], BYTES // 8) is None
    assert scroll_of([replace(place, boxes=(Box((0, 0, 0), (8, 8, 8)),))], 1) is None
    for other in (tmp_path, tmp_path / "nothing.zarr", StorePlace(str(tmp_path / "b.zarr"))):
        assert scroll_of([other], 1) is None
    assert scroll_of([], 1) is None
