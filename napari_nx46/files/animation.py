"""Pictures as an animation: GIF by Pillow, MP4 by FFmpeg where that is installed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_nx46.files.atomic import write_beside

__all__ = ["ANIMATION_SUFFIXES", "AnimationError", "Frame", "has_ffmpeg", "write_animation"]

Frame = npt.NDArray[np.uint8]
"""``(rows, columns, 3)``: red, green, blue."""

ANIMATION_SUFFIXES = (".gif", ".mp4")


class AnimationError(ValueError):
    """An animation cannot be written so; the message says what to do."""


def has_ffmpeg() -> bool:
    """Return whether MP4 can be written."""
    return find_spec("imageio_ffmpeg") is not None


def write_animation(frames: Sequence[Frame], target: Path, frames_per_second: float) -> None:
    """Write frames as an animation, which appears whole or not at all.

    Parameters
    ----------
    frames : sequence of (rows, columns, 3) array of uint8
        All of one size.
    target : Path
        ``.gif``, which plays for ever, or ``.mp4``.
    frames_per_second : float

    Raises
    ------
    AnimationError
        If there are no frames, they differ in size, or such a file cannot be written here.
    WriteError
        If the file cannot be written.

    Examples
    --------
    >>> frames = [np.full((4, 4, 3), 60 * number, np.uint8) for number in range(4)]
    >>> write_animation(frames, Path("pass.gif"), 10)  # doctest: +SKIP
    """
    suffix = target.suffix.lower()
    if suffix not in ANIMATION_SUFFIXES:
        raise AnimationError(f"{target.name}: expected a name that ends in .gif or .mp4")
    if suffix == ".mp4" and not has_ffmpeg():
        raise AnimationError(
            f"{target.name}: MP4 needs FFmpeg; install napari-nx46[video], or write a .gif"
        )
    if len({frame.shape for frame in frames}) != 1:
        raise AnimationError("expected frames of one size, found none or several sizes")
    with write_beside(target) as partial:
        if suffix == ".gif":
            _write_gif(frames, partial, frames_per_second)
        else:
            _write_mp4(frames, partial, frames_per_second)


def _write_gif(frames: Sequence[Frame], path: Path, frames_per_second: float) -> None:
    import imageio.v3 as imageio

    milliseconds = max(round(1000 / frames_per_second), 20)  # browsers play none faster
    imageio.imwrite(
        path, list(frames), plugin="pillow", extension=".gif", duration=milliseconds, loop=0
    )


def _write_mp4(frames: Sequence[Frame], path: Path, frames_per_second: float) -> None:
    import imageio.v2 as imageio

    writer: Any
    film = path.with_suffix(".mp4")  # FFmpeg goes by the name
    with imageio.get_writer(
        film, format="FFMPEG", mode="I", fps=frames_per_second, macro_block_size=1
    ) as writer:
        for frame in frames:
            height, width = (length // 2 * 2 for length in frame.shape[:2])  # the codec wants even
            writer.append_data(frame[:height, :width])
    film.replace(path)
