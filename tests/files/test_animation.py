"""Animations are read back as they were filmed, and appear whole or not at all."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from PIL import Image

from napari_nx46.files import animation
from napari_nx46.files.animation import AnimationError, write_animation


def frames(count, shape=(20, 31)):
    return [np.full((*shape, 3), 30 + 20 * number, np.uint8) for number in range(count)]


def test_a_gif_has_the_frames_and_plays_for_ever(tmp_path):
    target = tmp_path / "pass.gif"
    shown = frames(7)
    write_animation(shown, target, 10)
    with Image.open(target) as read:
        assert (read.format, read.n_frames, read.size) == ("GIF", 7, (31, 20))
        assert read.info["loop"] == 0
        assert read.info["duration"] == 100
        for number, frame in enumerate(shown):
            read.seek(number)
            np.testing.assert_array_equal(np.asarray(read.convert("RGB")), frame)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("a.avi", frames(2), "ends in .gif or .mp4"),
        ("a.gif", [], "one size"),
        ("a.gif", [*frames(1), *frames(1, (9, 9))], "one size"),
    ],
)
def test_what_cannot_be_written_says_why(tmp_path, name, given, words):
    target = tmp_path / name
    target.write_bytes(b"old")
    with pytest.raises(AnimationError, match=words):
        write_animation(given, target, 10)
    assert target.read_bytes() == b"old"


def test_without_ffmpeg_mp4_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "has_ffmpeg", lambda: False)
    with pytest.raises(AnimationError, match=r"napari-nx46\[video\]"):
        write_animation(frames(2), tmp_path / "a.mp4", 10)


@pytest.mark.skipif(not animation.has_ffmpeg(), reason="imageio-ffmpeg is not installed")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_mp4_has_the_frames(tmp_path):
    import imageio.v3 as imageio

    target = tmp_path / "pass.mp4"
    write_animation(frames(7, (64, 65)), target, 10)
    read = imageio.imread(target, plugin="FFMPEG")
    assert read.shape == (7, 64, 64, 3)
    gc.collect()  # imageio leaves FFmpeg's pipes to the garbage
