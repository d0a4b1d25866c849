"""How a mask lies in an OME-Zarr image: shapes, names and metadata of its levels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

from napari_nx46.files.volumes.placement import PIXEL, Placement
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.halving import Pyramid

__all__ = ["PROGRAM", "Index", "StoreAxes", "StoreLayout"]

Index = tuple[int, int, int]
"""Which chunk of a level, along (z, y, x)."""

PROGRAM = "napari-nx46"
"""What ``metadata.json`` calls the model."""

_OME_UNITS = {"pm": "picometer", "nm": "nanometer", "um": "micrometer", "µm": "micrometer"}
_OME_UNITS |= {"μm": "micrometer", "mm": "millimeter", "cm": "centimeter", "m": "meter"}
_OME_UNITS |= {"metre": "meter", "micrometre": "micrometer", "nanometre": "nanometer"}
"""The units that OME-Zarr names, by what other formats call them."""

_LEAST_VALUE, _MOST_VALUE = 1, 255


class StoreAxes(StrEnum):
    """The axes of the arrays: ``zyx``, or ``villa`` for (1, Z, Y, X), as villa's tools write it."""

    ZYX = "zyx"
    VILLA = "villa"


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """An OME-Zarr 0.4 image of a mask: Zarr v2, ``/`` between the numbers of a chunk, uint8.

    Parameters
    ----------
    shape : tuple of int
        Voxels along (Z, Y, X).
    value : int
        What foreground is written as: 1 or 255; background is 0.
    chunk : int
        Side of the chunks of all levels, even.
    levels : int
        How many levels there are at most; none is smaller than one voxel.
    pyramid : Pyramid, optional
        What the coarser levels are made of: by default the mean of 0 and 255, and the majority of
        0 and 1, whose mean would be 0.
    axes : StoreAxes
    placement : Placement, optional
        Size and place of the voxels of level 0.
    name : str
        Of the image.

    Raises
    ------
    ValueError
        If a number is not of those.
    """

    shape: tuple[int, int, int]
    value: int = 255
    chunk: int = 128
    levels: int = 6
    pyramid: Pyramid | None = None
    axes: StoreAxes = StoreAxes.ZYX
    placement: Placement | None = None
    name: str = "mask"
    kind: Pyramid = field(init=False)

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise ValueError(f"found a mask of shape {self.shape}, expected voxels")
        if self.value not in (_LEAST_VALUE, _MOST_VALUE):
            raise ValueError(f"found the value {self.value}, expected 1 or 255")
        if not 2 <= self.chunk <= 1024 or self.chunk % 2:  # noqa: PLR2004
            raise ValueError(f"found chunks of {self.chunk} voxels, expected an even side to 1024")
        if not 1 <= self.levels <= 16:  # noqa: PLR2004
            raise ValueError(f"found {self.levels} levels, expected 1 to 16")
        default = Pyramid.MEAN if self.value == _MOST_VALUE else Pyramid.MAJORITY
        object.__setattr__(self, "kind", self.pyramid or default)

    @property
    def shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Voxels along (z, y, x) of every level, the finest first."""
        shapes = [self.shape]
        while len(shapes) < self.levels and max(shapes[-1]) > 1:
            z, y, x = (-(-length // 2) for length in shapes[-1])
            shapes.append((z, y, x))
        return tuple(shapes)

    def grid(self, level: int) -> Index:
        """Return the number of chunks of a level along (z, y, x)."""
        z, y, x = (-(-length // self.chunk) for length in self.shapes[level])
        return z, y, x

    def indices(self, level: int) -> Iterator[Index]:
        """Yield the places of all chunks of a level, in raster order."""
        z, y, x = (range(count) for count in self.grid(level))
        yield from product(z, y, x)

    def block(self, level: int, index: Index) -> Block:
        """Return the voxels of a level that a chunk holds, without what lies beyond the level."""
        z, y, x = (
            slice(place * self.chunk, min((place + 1) * self.chunk, length))
            for place, length in zip(index, self.shapes[level], strict=True)
        )
        return z, y, x

    def key(self, level: int, index: Index) -> str:
        """Return the name of the file of a chunk, relative to the image's folder."""
        lead = ("0",) if self.axes is StoreAxes.VILLA else ()
        return "/".join((str(level), *lead, *map(str, index)))

    def metadata(self, nx46: Mapping[str, object] | None = None) -> dict[str, bytes]:
        """Return the files of the image that are no chunks, by names relative to its folder.

        Parameters
        ----------
        nx46 : mapping, optional
            What the attribute ``nx46`` says: setting, receipt and the like.
        """
        attributes: dict[str, object] = {"multiscales": [self._multiscales()]}
        if nx46:
            attributes["nx46"] = dict(nx46)
        files = {
            ".zgroup": _encoded({"zarr_format": 2}),
            ".zattrs": _encoded(attributes),
            "metadata.json": _encoded(
                {
                    "shape": list(self.shape),
                    "chunk_size": [self.chunk] * 3,
                    "level": 0,
                    "model": PROGRAM,
                    "processing_mode": "binary",
                }
            ),
        }
        for level in range(len(self.shapes)):
            files[f"{level}/.zarray"] = _encoded(self._array(level))
        return files

    def _array(self, level: int) -> dict[str, object]:
        lead = (1,) if self.axes is StoreAxes.VILLA else ()
        return {
            "zarr_format": 2,
            "shape": [*lead, *self.shapes[level]],
            "chunks": [*lead, *(self.chunk,) * 3],
            "dtype": "|u1",
            "compressor": {
                "id": "blosc",
                "cname": "zstd",
                "clevel": 1,
                "shuffle": 1,
                "blocksize": 0,
            },
            "fill_value": 0,
            "filters": None,
            "order": "C",
            "dimension_separator": "/",
        }

    def _multiscales(self) -> dict[str, object]:
        lead = [{"name": "c", "type": "channel"}] if self.axes is StoreAxes.VILLA else []
        placement = self.placement or Placement()
        axes = [_space(name, unit) for name, unit in zip("zyx", placement.units, strict=True)]
        ones, zeros = [1.0] * len(lead), [0.0] * len(lead)
        datasets = []
        for level in range(len(self.shapes)):
            scale = [size * 2**level for size in placement.scale]
            place = [
                start + size * (2**level - 1) / 2
                for start, size in zip(placement.translate, placement.scale, strict=True)
            ]
            steps = [
                {"type": "scale", "scale": [*ones, *scale]},
                {"type": "translation", "translation": [*zeros, *place]},
            ]
            datasets.append({"path": str(level), "coordinateTransformations": steps})
        return {
            "version": "0.4",
            "name": self.name,
            "axes": [*lead, *axes],
            "datasets": datasets,
            "type": self.kind.value,
        }


def _space(name: str, unit: str) -> dict[str, str]:
    """Return an axis of space; without a unit where OME-Zarr has none for it."""
    known = unit if unit.lower() == unit and unit.isascii() else unit.lower()
    axis = {"name": name, "type": "space"}
    return axis if known == PIXEL else {**axis, "unit": _OME_UNITS.get(known, known)}


def _encoded(content: object) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
