"""Boxes of a store: what is cut out of a whole scroll, in its own voxels, to be tuned on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Len
from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer, field_validator

from napari_nx46.data.fragments.names import FragmentError, plain_name
from napari_nx46.files.atomic import write_beside
from napari_nx46.files.naming import LONGEST_IMAGE_ID, printable
from napari_nx46.files.regular import open_regular
from napari_nx46.files.volumes.indexing import Box as Slices
from napari_nx46.setting.errors import faults_of

__all__ = ["Box", "BoxList", "box_name_of", "box_of", "check_boxes", "level_of", "store_id"]

_RANGE = re.compile(r"\s*(\d{1,15})\s*:\s*(\d{1,15})\s*")
_NAME = re.compile(r"_(z\d+-\d+_y\d+-\d+_x\d+-\d+)")
_AXES = "zyx"
_LEVEL = "level-"
_PLAIN_LEVEL = re.compile(r"[A-Za-z0-9]{1,24}")
_LONGEST_LEVEL = 24
_MOST_FILE_BYTES = 2**22
_MOST_BOXES = 10_000

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A box of a volume, in voxels of the volume.

    Parameters
    ----------
    start, stop : tuple of 3 int
        First voxel, and the one after the last, along (Z, Y, X).

    Raises
    ------
    ValueError
        If it is empty, or begins before 0.

    Examples
    --------
    >>> box = Box.parse("0:64,128:256,0:32")
    >>> box.shape, str(box)
    ((64, 128, 32), '0:64,128:256,0:32')
    """

    start: Triple
    stop: Triple

    def __post_init__(self) -> None:
        ends = list(zip(self.start, self.stop, strict=True))
        if len(ends) != len(_AXES) or any(not 0 <= first < last for first, last in ends):
            raise ValueError(
                f"box {self}: expected START:STOP along z, y and x, from 0 on, none empty"
            )

    @classmethod
    def parse(cls, text: str) -> Box:
        """Return the box that a text describes.

        Parameters
        ----------
        text : str
            ``Z0:Z1,Y0:Y1,X0:X1``.

        Raises
        ------
        ValueError
            If it is no such text, or the box is empty.
        """
        found = [_RANGE.fullmatch(part) for part in text.split(",")]
        if len(found) != len(_AXES) or None in found:
            raise ValueError(f"box {printable(text)!r}: expected Z0:Z1,Y0:Y1,X0:X1, whole numbers")
        (z0, z1), (y0, y1), (x0, x1) = (map(int, one.groups()) for one in found if one is not None)
        return cls((z0, y0, x0), (z1, y1, x1))

    @classmethod
    def of(cls, slices: Slices) -> Box:
        """Return the box of three slices with start and stop, of step 1."""
        z, y, x = slices
        return cls((z.start, y.start, x.start), (z.stop, y.stop, x.stop))

    @property
    def slices(self) -> Slices:
        """The box as an index of the volume."""
        z, y, x = map(slice, self.start, self.stop)
        return z, y, x

    @property
    def shape(self) -> Triple:
        """Number of voxels along (Z, Y, X)."""
        z, y, x = (last - first for first, last in zip(self.start, self.stop, strict=True))
        return z, y, x

    @property
    def name(self) -> str:
        """The box as a part of an image_id: ``z0-64_y128-256_x0-32``."""
        ends = zip(_AXES, self.start, self.stop, strict=True)
        return "_".join(f"{axis}{first}-{last}" for axis, first, last in ends)

    def image_id(self, store: str, level: str | None = None) -> str:
        """Return the image_id of the box of a store: its name, made plain, and that of the box.

        Parameters
        ----------
        store : str
            Name of the store, without folders and ending.
        level : str, optional
            Path of the level in it that was chosen.

        Examples
        --------
        >>> Box.parse("0:64,128:256,0:32").image_id("scroll", "2")
        'scroll_level-2_z0-64_y128-256_x0-32'
        """
        return _named(store, level, self.name)

    def overlaps(self, other: Box) -> bool:
        """Return whether the boxes have a voxel in common."""
        return all(
            a < d and c < b
            for a, b, c, d in zip(self.start, self.stop, other.start, other.stop, strict=True)
        )

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        ends = zip(self.start, self.stop, strict=True)
        return ",".join(f"{first}:{last}" for first, last in ends)


def store_id(store: str, level: str | None = None) -> str:
    """Return the image_id of a whole store, which names the level that was chosen.

    Parameters
    ----------
    store : str
        Name of the store, without folders and ending.
    level : str, optional
        Path of the level in it.
    """
    return _named(store, level)


def _named(store: str, level: str | None, *box: str) -> str:
    """Return the name of a store made plain, cut so that level and box follow it whole."""
    tail = "_".join((*(() if level is None else (_LEVEL + _level_name(level),)), *box))
    whole = plain_name(store, "store" if box else "fragment")
    return f"{whole[: LONGEST_IMAGE_ID - len(tail) - 1]}_{tail}" if tail else whole


def _level_name(level: str) -> str:
    """Return a path as a part of an image_id; no two have the same."""
    if _PLAIN_LEVEL.fullmatch(level):
        return level
    return f"{plain_name(level, '')[-_LONGEST_LEVEL:]}.{sha256(level.encode()).hexdigest()[:8]}"


def level_of(image_id: str) -> str | None:
    """Return how the image_id of a box names the level; None if it names none.

    Examples
    --------
    >>> level_of("scroll_level-2_z0-64_y128-256_x0-32"), level_of("mask_z0-64_y128-256_x0-32")
    ('2', None)
    """
    found = re.search(f"_{_LEVEL}([A-Za-z0-9._-]+?){_NAME.pattern}$", image_id)
    return None if found is None else found.group(1)


def box_name_of(image_id: str) -> str | None:
    """Return the name of the box that an image_id ends with; None if it ends with none.

    Examples
    --------
    >>> box_name_of("mask_z0-64_y128-256_x0-32")
    'z0-64_y128-256_x0-32'
    """
    found = re.search(_NAME.pattern + "$", image_id)
    return None if found is None else found.group(1)


def box_of(image_id: str) -> Box | None:
    """Return the box that an image_id ends with; None if it ends with none.

    Examples
    --------
    >>> str(box_of("mask_z0-64_y128-256_x0-32"))
    '0:64,128:256,0:32'
    """
    name = box_name_of(image_id)
    if name is None:
        return None
    ends = [tuple(map(int, part[1:].split("-"))) for part in name.split("_")]
    (z, z_end), (y, y_end), (x, x_end) = ends
    if z >= z_end or y >= y_end or x >= x_end:
        return None
    return Box((z, y, x), (z_end, y_end, x_end))


def check_boxes(boxes: Iterable[Box], shape: Sequence[int], name: str) -> None:
    """Check that boxes lie within a volume, and none is given twice.

    Parameters
    ----------
    boxes : iterable of Box
    shape : sequence of 3 int
        Of the volume, (Z, Y, X).
    name : str
        Of the volume, for the message.

    Raises
    ------
    FragmentError
        If one reaches beyond the volume, or two are the same.
    """
    seen: set[Box] = set()
    for box in boxes:
        if any(last > size for last, size in zip(box.stop, shape, strict=True)):
            z, y, x = shape
            raise FragmentError(
                f"{printable(name)}: found box {box}; expected one within 0:{z},0:{y},0:{x}, "
                "in voxels of the level that is read"
            )
        if box in seen:
            raise FragmentError(f"{printable(name)}: found box {box} twice; expected it once")
        seen.add(box)


class BoxList(BaseModel):
    """The boxes of one level of a store, as a file keeps them.

    Parameters
    ----------
    format : str
        Names the kind of file.
    store : str
        Path or URL of the store.
    level : str, optional
        Path of the level in it; None for the finest.
    shape : tuple of 3 int
        Of the level, (Z, Y, X).
    boxes : tuple of Box
        In its voxels. In the file each is the text that `Box.parse` reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["nx46 boxes"] = "nx46 boxes"
    store: str
    level: str | None = None
    shape: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)], Annotated[int, Ge(1)]]
    boxes: Annotated[tuple[Box, ...], Len(1, _MOST_BOXES)]

    @field_validator("boxes", mode="before")
    @classmethod
    def _parsed(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        return tuple(Box.parse(one) if isinstance(one, str) else one for one in value)

    @field_serializer("boxes")
    def _as_texts(self, boxes: tuple[Box, ...]) -> list[str]:
        return list(map(str, boxes))

    @classmethod
    def read(cls, path: str | Path) -> BoxList:
        """Read boxes from a JSON file.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        FragmentError
            If the file cannot be read, or is no list of boxes; the message says why.
        """
        try:
            with open_regular(path) as stream:
                content = stream.read(_MOST_FILE_BYTES + 1)
            if len(content) > _MOST_FILE_BYTES:
                raise FragmentError(f"{path}: found more than {_MOST_FILE_BYTES} bytes of boxes")
            boxes = cls.model_validate_json(content)
        except OSError as error:
            raise FragmentError(f"{path}: cannot be read ({error.strerror})") from error
        except ValidationError as error:
            raise FragmentError(
                f"{path}: {printable(faults_of(error))}; expected boxes as 'nx46 boxes' writes them"
            ) from error
        check_boxes(boxes.boxes, boxes.shape, str(path))
        return boxes

    def write(self, path: str | Path) -> None:
        """Write the boxes into a JSON file, beside it first.

        Parameters
        ----------
        path : str or Path
            A file of that name is replaced.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        content = self.model_dump_json(indent=2) + "\n"
        with write_beside(Path(path)) as partial:
            partial.write_text(content, "utf-8")
