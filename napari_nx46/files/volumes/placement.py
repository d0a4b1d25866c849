"""Size and place of the voxels of a volume in the world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Triple = tuple[float, float, float]

PIXEL = "pixel"
"""The unit of a voxel whose size nobody has measured; napari calls it so too."""

MICROMETRES = {
    **dict.fromkeys(("m", "meter", "metre"), 1e6),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1e3),
    **dict.fromkeys(("µm", "μm", "um", "micron", "microns"), 1.0),
    **dict.fromkeys(("\\u00b5m", "micrometer", "micrometre"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-3),
    **dict.fromkeys(("å", "angstrom"), 1e-4),
    **dict.fromkeys(("pm", "picometer", "picometre"), 1e-6),
    **dict.fromkeys(("in", "inch"), 25400.0),
}
"""Micrometres in each unit of length, by the names that files give it, in lower case."""

_SAME = 1e-4
"""Share of a voxel by which two grids may differ: files keep sizes with few digits."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Size and place of voxels, along (Z, Y, X).

    Attributes
    ----------
    scale : tuple of float
        Distance of neighbouring voxels, in `units`.
    translate : tuple of float
        Place of voxel (0, 0, 0), in `units`.
    units : tuple of str
        Names of units of length, or ``pixel``.

    Raises
    ------
    ValueError
        If there are not three finite numbers or names each, or a scale is not above 0.
    """

    scale: Triple = (1.0, 1.0, 1.0)
    translate: Triple = (0.0, 0.0, 0.0)
    units: tuple[str, str, str] = (PIXEL, PIXEL, PIXEL)

    def __post_init__(self) -> None:
        for name in ("scale", "translate"):
            values = tuple(float(value) for value in getattr(self, name))
            if len(values) != len("zyx") or not all(map(math.isfinite, values)):
                raise ValueError(f"{name} is {values}; expected three numbers, along (z, y, x)")
            object.__setattr__(self, name, values)
        if min(self.scale) <= 0:
            raise ValueError(f"scale is {self.scale}; expected numbers above 0")
        if len(self.units) != len("zyx"):
            raise ValueError(f"units are {self.units}; expected three names, of z, y and x")
        object.__setattr__(self, "units", tuple(map(str, self.units)))

    @classmethod
    def of(
        cls,
        scale: Sequence[float] | None = None,
        translate: Sequence[float] | None = None,
        units: str | Sequence[str] | None = None,
    ) -> Placement | None:
        """Return a placement from what is known of it; None where that is nothing.

        Parameters
        ----------
        scale, translate : sequence of 3 float, optional
            Along (Z, Y, X); 1 and 0 by default.
        units : str or sequence of 3 str, optional
            One unit for all axes, or three.
        """
        if scale is None and translate is None and units is None:
            return None
        named = (units or PIXEL,) * 3 if units is None or isinstance(units, str) else units
        given = (
            (1.0, 1.0, 1.0) if scale is None else tuple(scale),
            (0.0, 0.0, 0.0) if translate is None else tuple(translate),
            tuple(named),
        )
        return cls(*given)  # type: ignore[arg-type]  # the lengths are checked

    @property
    def micrometres(self) -> Triple | None:
        """Size of a voxel along (Z, Y, X) in micrometres; None where a unit is not of length."""
        return self._in_micrometres(self.scale)

    @property
    def place_micrometres(self) -> Triple | None:
        """Place of voxel (0, 0, 0) in micrometres; None where a unit is not of length."""
        return self._in_micrometres(self.translate)

    def is_same_grid(self, other: Placement) -> bool:
        """Return whether voxels of equal index lie at the same place, as far as units are known."""
        ours, theirs = self.micrometres, other.micrometres
        own_place, other_place = self.place_micrometres, other.place_micrometres
        if ours is None or theirs is None or own_place is None or other_place is None:
            if self.units != other.units:
                return True  # nothing is known that contradicts it
            ours, theirs = self.scale, other.scale
            own_place, other_place = self.translate, other.translate
        return all(
            abs(a - b) <= _SAME * max(a, b) and abs(p - q) <= _SAME * max(a, b, abs(p))
            for a, b, p, q in zip(ours, theirs, own_place, other_place, strict=True)
        )

    def in_words(self) -> str:
        """Return size and place, for messages."""
        place = "" if not any(self.translate) else f" from {_listed(self.translate)} on"
        unit = self.units[0] if len(set(self.units)) == 1 else f"({', '.join(self.units)})"
        return f"voxels of {_listed(self.scale)} {unit}{place}"

    def _in_micrometres(self, values: Triple) -> Triple | None:
        factors = [MICROMETRES.get(unit.lower()) for unit in self.units]
        if None in factors:
            return None
        z, y, x = (value * (factor or 1.0) for value, factor in zip(values, factors, strict=True))
        return z, y, x


def _listed(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
