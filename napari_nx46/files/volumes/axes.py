"""Which axes of a stored array are z, y and x, and which one is of channels.

One rule for all formats. Axes of size 1 are dropped, down to three. Four axes are those of a
volume and one of channels: the one named so or, without names, a leading one, ``(C, Z, Y, X)``, or
one at the end that is clearly smaller than the others, ``(Z, Y, X, C)``; or any, where it is
chosen. An array of two axes is one slice. What is ambiguous is refused.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from napari_nx46.files.volumes.indexing import Box, Shape3D
from napari_nx46.files.volumes.origin import AXES, MAX_VOXELS, AnyOrigin, check_shape

SPACE = ("z", "y", "x")
_CHANNEL, _TIME = "c", "t"
_PLANE_AXES = 2
_SAME_NAME = {
    **dict.fromkeys(("ch", "channel", "channels", "class", "classes"), _CHANNEL),
    **{"time": _TIME, "b": "batch", "n": "batch", "s": "sample"},
}
_KNOWN_NAMES = {*SPACE, _CHANNEL, _TIME, "batch", "sample"}
_MOST_AXES = 32
"""More than NumPy allowed for long: beyond it a header is taken for damaged."""

_WHAT_TO_DO = "save the volume as (Z, Y, X), or with the channels first, (C, Z, Y, X)"


@dataclass(frozen=True, slots=True)
class StoredAxes:
    """The axes of a stored array that make up a volume; all others have size 1.

    Attributes
    ----------
    stored : tuple of int
        Shape of the array.
    space : tuple of int
        The axes that are z, y and x, ascending; y and x where there is but one slice.
    channel : int or None
        The axis of channels, if there is one.
    """

    stored: tuple[int, ...]
    space: tuple[int, ...]
    channel: int | None

    @property
    def shape(self) -> Shape3D:
        """Shape of one channel, (Z, Y, X)."""
        *depth, height, width = (self.stored[axis] for axis in self.space)
        return (*depth, 1)[0], height, width

    @property
    def channels(self) -> int | None:
        """Number of channels; None without an axis of them."""
        return None if self.channel is None else self.stored[self.channel]

    @property
    def has_whole_planes(self) -> bool:
        """True if y and x are the last two axes."""
        return self.space[-_PLANE_AXES:] == (len(self.stored) - 2, len(self.stored) - 1)

    def index(self, channel: int, box: Box) -> tuple[int | slice, ...]:
        """Return the index of a box of one channel in the stored array.

        Parameters
        ----------
        channel : int
            Counted from 0; ignored without an axis of channels.
        box : tuple of slice
            In (Z, Y, X).

        Returns
        -------
        tuple of int or slice
            One for each stored axis. The answer has the axes of `space`.
        """
        parts: list[int | slice] = [0] * len(self.stored)
        if self.channel is not None:
            parts[self.channel] = channel
        for axis, part in zip(self.space, box[AXES - len(self.space) :], strict=True):
            parts[axis] = part
        return tuple(parts)

    def strided(self, strides: Sequence[int], channel: int) -> tuple[int, tuple[int, int, int]]:
        """Return where a channel lies among voxels at regular distances.

        Parameters
        ----------
        strides : sequence of int
            Distance of neighbours along each stored axis, in bytes.
        channel : int
            As for `index`.

        Returns
        -------
        offset : int
            Bytes from the first voxel of the array to that of the channel.
        strides : tuple of int
            Distance of neighbours along (Z, Y, X), in bytes.
        """
        offset = 0 if self.channel is None else channel * strides[self.channel]
        *depth, y, x = (strides[axis] for axis in self.space)
        # The distance of slices does not matter where there is one.
        return offset, ((*depth, self.shape[1] * y)[0], y, x)

    def planes(self, channel: int) -> range:
        """Return the slices of a channel among the planes of all, counted in the stored order.

        Parameters
        ----------
        channel : int
            As for `index`.
        """
        sizes = self.stored[:-_PLANE_AXES]
        steps = [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
        start = 0 if self.channel is None else channel * steps[self.channel]
        step = steps[self.space[0]] if len(self.space) == AXES else 1
        return range(start, start + self.shape[0] * step, step)


def find_axes(
    origin: AnyOrigin,
    shape: tuple[int, ...],
    names: Sequence[str] | None = None,
    *,
    channel: int | str | None = None,
    most: int = MAX_VOXELS,
    from_right: bool = False,
) -> StoredAxes:
    """Find the axes of a volume in a stored array.

    Parameters
    ----------
    origin : AnyOrigin
        The file, for the message.
    shape : tuple of int
        Shape of the array.
    names : sequence of str, optional
        Names of its axes; without effect if they are others than the usual ones, and do not
        include z, y and x.
    channel : int or str, optional
        Which of more than three axes is of channels, by its number (negative ones count from the
        last) or its name; the others are z, y and x in their order. By default it is found.
    most : int, optional
        Voxels that a channel may have.
    from_right : bool, optional
        Whether the last three of four axes without names are z, y and x, whatever their sizes are.

    Returns
    -------
    StoredAxes
        The axes.

    Raises
    ------
    VolumeError
        If the array is no volume, it is ambiguous which axis is of channels, or the chosen one is
        none that leaves a volume.
    """
    if not _PLANE_AXES <= len(shape) <= _MOST_AXES:
        raise origin.error(f"an array of shape {shape}", f"three axes, ({', '.join('ZYX')})")
    if min(shape) < 1:
        raise origin.error(f"an empty axis in shape {shape}", "at least one voxel along each axis")
    if channel is not None and len(shape) > AXES:
        axes = _chosen(origin, shape, names or (), channel)
        check_shape(origin, axes.shape, most)
        return axes
    known = _known_names(names, len(shape))
    if known is None and from_right and len(shape) == AXES + 1:
        known = (_CHANNEL if shape[0] > 1 else _TIME, *SPACE)
    axes = _unnamed(origin, shape) if known is None else _named(origin, shape, known)
    check_shape(origin, axes.shape, most)
    return axes


def channel_axis_beside(
    first: tuple[int, ...],
    shape: tuple[int, ...],
    names: Sequence[str],
    chosen: int | str | None,
) -> int | str | None:
    """Return which axis of an array is of channels, where one was chosen for the first of several.

    Parameters
    ----------
    first : tuple of int
        Shape of the array for which it was chosen.
    shape : tuple of int
        That of another one of the same fragment.
    names : sequence of str
        Of its axes, if they have any.
    chosen : int, str or None
        See `find_axes`.

    Returns
    -------
    int, str or None
        What was chosen, where that leaves the same volume, else the first axis that does; a name
        only where the array has it. None is to be found.

    Examples
    --------
    >>> channel_axis_beside((2, 9, 40, 48), (9, 40, 48, 3), (), 0)
    3
    """
    if isinstance(chosen, str):
        return chosen if chosen in names else None
    if chosen is None or not -len(first) <= chosen < len(first):
        return chosen
    volume = _without(first, chosen)
    candidates = (chosen % len(first), *range(len(shape)))
    fitting = (axis for axis in candidates if axis < len(shape) and _without(shape, axis) == volume)
    return next(fitting, chosen)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Return the sizes along the other axes."""
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _known_names(names: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    """Return names of axes as this module spells them, if it is clear what they stand for."""
    if names is None or len(names) != count:
        return None
    lowered = (name.lower() for name in names)
    spelled = tuple(_SAME_NAME.get(name, name) for name in lowered)
    return spelled if set(spelled) <= _KNOWN_NAMES or set(spelled) >= set(SPACE) else None


def _named(origin: AnyOrigin, shape: tuple[int, ...], names: tuple[str, ...]) -> StoredAxes:
    """Return the axes of an array that names them."""
    listed = f"axes {', '.join(names)} of shape {shape}"
    space = tuple(axis for axis, name in enumerate(names) if name in SPACE)
    found = tuple(names[axis] for axis in space)
    channel = [axis for axis, name in enumerate(names) if name == _CHANNEL]
    if found not in (SPACE, SPACE[1:]) or (channel and found != SPACE) or len(channel) > 1:
        raise origin.error(listed, "axes (z, y, x) in this order, and at most one c of channels")
    for axis, name in enumerate(names):
        if axis not in (*space, *channel) and shape[axis] != 1:
            raise origin.error(
                f"{listed}: {shape[axis]} along {name}", f"one along {name}; save one volume a file"
            )
    return StoredAxes(shape, space, channel[0] if channel else None)


def _chosen(
    origin: AnyOrigin, shape: tuple[int, ...], names: Sequence[str], channel: int | str
) -> StoredAxes:
    """Return the axes of an array of which the axis of channels was chosen."""
    count = len(shape)
    if isinstance(channel, str):
        if list(names).count(channel) != 1:
            listed = f"named {', '.join(names)}" if names else "without names"
            raise origin.error(
                f"axes {listed}, of shape {shape}",
                f"one named {channel!r}, which was chosen as channel axis",
            )
        place = list(names).index(channel)
    else:
        place = operator.index(channel)
        if not -count <= place < count:
            raise origin.error(
                f"an array of {count} axes, shape {shape}",
                f"a channel axis from 0 to {count - 1}; {place} was chosen",
            )
        place %= count
    kept = _without_single(shape, [axis for axis in range(count) if axis != place])
    if len(kept) > AXES:
        left = tuple(shape[axis] for axis in kept)
        raise origin.error(
            f"{len(kept)} axes of shape {left} beside the chosen channel axis {place}, "
            f"in an array of shape {shape}",
            "three, (Z, Y, X)",
        )
    return StoredAxes(shape, tuple(kept), place)


def _without_single(shape: tuple[int, ...], axes: Sequence[int]) -> list[int]:
    """Return axes without those of size 1, down to three."""
    kept = list(axes)
    # With the channels last, a single one is left behind the volume; y and x come last to go.
    *leading, y, x = axes
    for axis in (x, *leading, y):
        if len(kept) > AXES and shape[axis] == 1:
            kept.remove(axis)
    return kept


def _unnamed(origin: AnyOrigin, shape: tuple[int, ...]) -> StoredAxes:
    """Return the axes of an array without names."""
    kept = _without_single(shape, range(len(shape)))
    if len(kept) <= AXES:
        return StoredAxes(shape, tuple(kept), None)
    if len(kept) > AXES + 1:
        raise origin.error(f"an array of {len(kept)} axes, shape {shape}", _WHAT_TO_DO)
    place = _channel_place(tuple(shape[axis] for axis in kept))
    if place is None:
        raise origin.error(
            f"an array of 4 axes, shape {shape}, in which it is ambiguous which axis is of "
            "channels",
            f"{_WHAT_TO_DO}, or choose the channel axis of a layer or an array",
        )
    channel = kept.pop(place)
    return StoredAxes(shape, tuple(kept), channel)


def _channel_place(sizes: tuple[int, ...]) -> int | None:
    """Return which of four axes is clearly of channels: the first or the last, or None."""
    first, *middle, last = sizes
    if 2 * last <= min(first, *middle):
        return len(sizes) - 1
    return 0 if first <= min(middle) and first < last else None
