"""Values that flags give as one text."""

from __future__ import annotations

import re

import typer

from napari_nx46.setting import BlockExtents

_EXTENT = re.compile(r"\s*(\d{1,9}):(\d{1,9})\s*", re.ASCII)
_AXES = "zyx"
_BAND = "LOW:HIGH with 0 <= LOW <= HIGH <= 1"

NO_BAND = "none"
"""Any density will do."""

ANY_DENSITY = (0.0, 1.0)


def parse_band(text: str) -> tuple[float, float]:
    """Parse the lowest and highest density aimed at, ``LOW:HIGH``, or ``none``.

    Returns
    -------
    tuple of float
        Lowest and highest density; `ANY_DENSITY` for ``none``.

    Raises
    ------
    typer.BadParameter
        If these are not two densities, the lower one first.
    """
    low, _, high = text.partition(":")
    band = ANY_DENSITY if text.strip() == NO_BAND else _densities(low, high)
    if band is None:
        raise typer.BadParameter(
            f"found {text!r}, expected {_BAND}, or {NO_BAND}", param_hint="--band"
        )
    return band


def parse_density(text: str) -> tuple[float, float]:
    """Parse a density, or the lowest and highest one, ``LOW:HIGH``.

    Returns
    -------
    tuple of float
        Lowest and highest density; equal for a single one.

    Raises
    ------
    typer.BadParameter
        If these are not one or two densities, the lower one first.
    """
    low, colon, high = text.partition(":")
    target = _densities(low, high if colon else low)
    if target is None:
        raise typer.BadParameter(
            f"found {text!r}, expected a density from 0 to 1, or {_BAND}", param_hint="--density"
        )
    return target


def parse_figure_weights(text: str) -> dict[str, float]:
    """Parse the weights of figures that settings are compared by, ``NAME=WEIGHT,NAME=WEIGHT``.

    Raises
    ------
    typer.BadParameter
        As `parse_weights`.
    """
    return _numbers_by_name(text, "WEIGHT", "--weigh")


def parse_weights(text: str) -> dict[str, float]:
    """Parse the weights of probability volumes, ``NAME=WEIGHT,NAME=WEIGHT``.

    Returns
    -------
    dict
        Name -> weight; empty for an empty text.

    Raises
    ------
    typer.BadParameter
        If these are not names with a number each, or a name comes twice.
    """
    return _numbers_by_name(text, "WEIGHT", "--weights")


def parse_temperatures(text: str) -> dict[str, float]:
    """Parse the temperatures of single volumes as `parse_weights` does weights."""
    return _numbers_by_name(text, "TEMPERATURE", "--temperatures")


def _numbers_by_name(text: str, number_name: str, flag: str) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, number = (side.strip() for side in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            value = None
        if value is None or not name or name in numbers:
            raise typer.BadParameter(
                f"found {text!r}, expected NAME={number_name},NAME={number_name}, every name once",
                param_hint=flag,
            )
        numbers[name] = value
    return numbers


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


def _densities(low: str, high: str) -> tuple[float, float] | None:
    try:
        band = float(low), float(high)
    except ValueError:
        return None
    return band if 0 <= band[0] <= band[1] <= 1 else None


def _bad_block(message: str) -> typer.BadParameter:
    return typer.BadParameter(message, param_hint="--block")
