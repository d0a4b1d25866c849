"""Values that flags give as one text."""

from __future__ import annotations

import re

import typer

from napari_nx46.setting import BlockExtents

_EXTENT = re.compile(r"\s*(\d{1,9}):(\d{1,9})\s*", re.ASCII)
_AXES = "zyx"


def parse_band(text: str) -> tuple[float, float]:
    """Parse the lowest and highest density aimed at, ``LOW:HIGH``.

    Raises
    ------
    typer.BadParameter
        If these are not two densities, the lower one first.
    """
    low, _, high = text.partition(":")
    try:
        band = float(low), float(high)
    except ValueError as error:
        raise _bad_band(text) from error
    if not 0 <= band[0] <= band[1] <= 1:
        raise _bad_band(text)
    return band


def parse_block(text: str) -> BlockExtents:
    """Parse start and stop of a block along z, y and x, ``z0:z1,y0:y1,x0:x1`` in voxels.

    Raises
    ------
    typer.BadParameter
        If these are not three extents, none empty.
    """
    matches = [_EXTENT.fullmatch(extent) for extent in text.split(",")]
    extents = [(int(match[1]), int(match[2])) for match in matches if match is not None]
    if len(matches) != len(_AXES) or len(extents) != len(_AXES):
        raise _bad_block(f"found {text!r}, expected z0:z1,y0:y1,x0:x1 in voxels")
    for axis, (start, stop) in zip(_AXES, extents, strict=True):
        if start >= stop:
            raise _bad_block(f"found {text!r}, which is empty along {axis}")
    z, y, x = extents
    return z, y, x


def _bad_band(text: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"found {text!r}, expected LOW:HIGH with 0 <= LOW <= HIGH <= 1", param_hint="--band"
    )


def _bad_block(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--block")
