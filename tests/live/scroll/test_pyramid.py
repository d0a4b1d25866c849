"""Levels of a store that answer at once, and are read behind."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from napari_nx46.files.volumes.opening import open_volume
from napari_nx46.live.scroll.pyramid import Pyramid
from napari_nx46.live.scroll.tiles import overlapping
from tests.live.scroll.stores import waves, write_image

SHAPE = (32, 48, 64)


class Owner:
    """Runs what is posted when it is asked to, as the thread of a window does."""

    def __init__(self):
        self._posted, self._lock = [], threading.Lock()

    def post(self, function):
        with self._lock:
            self._posted.append(function)

    def run(self):
        with self._lock:
            posted, self._posted = self._posted, []
        for function in posted:
            function()
        return len(posted)


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def image(tmp_path):
    """Return the volumes of an image's levels, and their voxels."""
    written = write_image(tmp_path / "a.zarr", waves(SHAPE))
    return [open_volume(tmp_path / "a.zarr", level=str(n)) for n in range(3)], written


@pytest.fixture
def pyramid(image, owner):
    pyramid = Pyramid(image[0], owner.post)
    yield pyramid
    pyramid.close()


def wait_for(pyramid):
    ends = time.monotonic() + 30
    while not pyramid.is_complete:
        assert time.monotonic() < ends, "tiles are still being read"
        time.sleep(0.005)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[5],
        np.s_[5, 3:40, 7:60],
        np.s_[:, 17, :],
        np.s_[10:14, ::2, 31],
        np.s_[::-1, 2, 3:9],
        np.s_[4:30, 5:40, 6:50],
    ],
)
@pytest.mark.parametrize("level", [0, 1])
def test_what_was_read_is_what_the_volume_has(image, pyramid, index, level):
    expected = image[1][level][index]
    assert np.asarray(pyramid.levels[level][index]).shape == expected.shape
    wait_for(pyramid)
    assert np.array_equal(pyramid.levels[level][index], expected)


def test_a_box_of_a_level_reads_nothing_before_a_slice_of_it_is_asked_for(image, pyramid):
    part = pyramid.levels[0][:, 3:40, 7:60][2:, :, 1:]
    assert part.shape == (30, 37, 52)
    assert pyramid.is_complete
    assert pyramid.held == 0
    part[4]
    wait_for(pyramid)
    assert np.array_equal(part[4], image[1][0][6, 3:40, 8:60])
    assert pyramid.held < 2 * 48 * 64 + 12 * 300  # one slice, in chunks


def test_what_is_not_known_yet_is_what_the_coarser_level_has(image, pyramid):
    coarse = pyramid.levels[2]
    coarse[1]  # 0 throughout
    wait_for(pyramid)
    assert np.array_equal(coarse[1], image[1][2][1])
    shown = pyramid.levels[0][5]
    assert np.array_equal(shown, image[1][2][1].repeat(4, 0).repeat(4, 1))
    wait_for(pyramid)
    assert np.array_equal(pyramid.levels[0][5], image[1][0][5])


def test_what_came_is_signalled_in_the_thread_of_the_owner(pyramid, owner):
    seen = []
    pyramid.changed.connect(lambda: seen.append(threading.current_thread()))
    pyramid.levels[1][3]
    wait_for(pyramid)
    assert not seen
    assert owner.run() == 1  # many tiles, one signal
    assert seen == [threading.current_thread()]


def test_what_is_shown_no_more_is_not_read(image, owner):
    volumes, _ = image
    gate, begun, read = threading.Event(), threading.Event(), []

    class Slow:
        """A volume that waits before its first box."""

        shape, dtype, layout = volumes[0].shape, volumes[0].dtype, volumes[0].layout

        def shared(self, box):
            begun.set()
            assert gate.wait(30)
            read.append(box[0].start)
            return volumes[0].shared(box)

    pyramid = Pyramid([Slow(), volumes[1]], owner.post, threads=1)
    pyramid.levels[0][3]
    assert begun.wait(30)
    pyramid.levels[0][20]
    gate.set()
    wait_for(pyramid)
    pyramid.close()
    assert read[0] == 3
    assert set(read[1:]) == {20}


def test_memory_is_bounded(image, owner):
    volumes, written = image
    pyramid = Pyramid(volumes, owner.post, memory=20_000)
    for z in range(SHAPE[0]):
        pyramid.levels[0][z, :16, :16]
        wait_for(pyramid)
        assert pyramid.held <= pyramid.memory
    assert np.array_equal(pyramid.levels[0][:], written[0])  # too large to be kept: read at once
    pyramid.close()


def test_a_part_that_cannot_be_read_is_0_and_said_once(tmp_path, owner):
    written = write_image(tmp_path / "a.zarr", waves(SHAPE))
    (tmp_path / "a.zarr" / "0" / "0.0.0").write_bytes(b"no chunk")
    pyramid = Pyramid([open_volume(tmp_path / "a.zarr", level="0")], owner.post)
    failures = []
    pyramid.failed.connect(failures.append)
    for _ in range(2):
        pyramid.levels[0][2]
        wait_for(pyramid)
    owner.run()
    shown, expected = pyramid.levels[0][2], written[0][2].copy()
    expected[:16, :16] = 0
    assert np.array_equal(shown, expected)
    assert len(failures) == 1
    assert "damaged" in str(failures[0])
    pyramid.close()


def test_tiles_come_from_the_middle_of_what_is_shown():
    box = (slice(7, 8), slice(0, 100), slice(0, 100))
    tiles = overlapping(box, (16, 20, 20), (32, 100, 100))
    assert tiles[0] == (slice(7, 8), slice(40, 60), slice(40, 60))
    assert len(tiles) == len(set(map(str, tiles))) == 25
