"""A store on a server as a volume, and a box of any volume."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from napari_nx46.files.volumes.indexing import Box, Shape3D
from napari_nx46.files.volumes.origin import AnyOrigin, ArrayOrigin, Origin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.volume import Volume

__all__ = ["BoxReader", "PartVolume", "StoreVolume"]

_HASHED_VOXELS = 2**24


class StoreVolume(Volume):
    """A lazy (Z, Y, X) array of voxels in a store on a server.

    Parameters and attributes are those of `Volume`.
    """

    def fingerprint(self) -> str:
        """Return the SHA-256 of the metadata: voxels on a server are not read for it."""
        return "" if self.layout is None else self.layout.metadata_sha256

    def record(self) -> dict[str, str | int | list[int]]:
        """Return the address, the level, the SHA-256 of the metadata, and what is read of it."""
        return {"store": self.name, **self.place(), "metadata_sha256": self.fingerprint()}

    def check_unchanged(self) -> None:
        """Do nothing: a chunk that changes while it is read is noticed then."""


class PartVolume(Volume):
    """A box of a volume as a volume of its own, which shares its reader.

    Parameters
    ----------
    whole : Volume
        What it is cut from.
    box : tuple of slice
        Start and stop along (Z, Y, X), within the volume.
    image_id : str, optional
        The fragment, for messages; by default that of the whole.

    Attributes
    ----------
    whole : Volume
    box : tuple of slice
    """

    def __init__(self, whole: Volume, box: Box, image_id: str | None = None) -> None:
        origin = _origin(whole, image_id)
        reader = BoxReader(whole.source, box)
        placement = _moved(whole.placement, box)
        super().__init__(
            origin, whole.role, reader, whole.channels, whole.read_as, placement=placement
        )
        self.whole = whole
        self.box = box
        self.level = whole.level

    def fingerprint(self) -> str:
        """Return the SHA-256 of what it is cut from (metadata, of a store), box, type and voxels.

        The voxels are hashed as they are read, so that it is another one if any of them changes.
        """
        layout = self.whole.layout
        known = self.whole.fingerprint() if layout is None else layout.metadata_sha256
        digest = hashlib.sha256(f"{known} {_in_words(self.box)} {self.dtype.name}".encode())
        depth, height, width = self.shape
        step = max(1, _HASHED_VOXELS // (height * width))
        for start in range(0, depth, step):
            voxels = self.source.read_box(
                (slice(start, min(start + step, depth), 1), slice(0, height, 1), slice(0, width, 1))
            )
            digest.update(np.ascontiguousarray(voxels, self.dtype.newbyteorder("<")).data)
        return digest.hexdigest()

    def record(self) -> dict[str, str | int | list[int]]:
        """Return the store's name, level and box, the SHA-256, and what is read of it."""
        name = self.name if self.path is None else self.path.name
        return {
            "store": name,
            **self.place(),
            "box": _in_words(self.box),
            "sha256": self.fingerprint(),
        }

    def check_unchanged(self) -> None:
        """Check that files are those that were opened, read or hashed before."""
        self.whole.check_unchanged()


@dataclass(frozen=True)
class BoxReader:
    """The voxels of a box of a volume.

    Attributes
    ----------
    whole : VolumeReader
        What it is cut from.
    box : tuple of slice
        Start and stop along (Z, Y, X).
    """

    whole: VolumeReader
    box: Box

    @property
    def shape(self) -> Shape3D:
        """Number of voxels along (Z, Y, X)."""
        z, y, x = (part.stop - part.start for part in self.box)
        return z, y, x

    @property
    def dtype(self) -> np.dtype:
        """Type of the voxels, in native byte order."""
        return self.whole.dtype

    @property
    def piece_bytes(self) -> int:
        """See `VolumeReader.piece_bytes`."""
        return self.whole.piece_bytes

    def read_box(self, box: Box) -> np.ndarray:
        """Read a box; see `VolumeReader.read_box`."""
        z, y, x = (
            slice(outer.start + part.start, outer.start + part.stop, part.step)
            for outer, part in zip(self.box, box, strict=True)
        )
        return self.whole.read_box((z, y, x))

    def release(self) -> None:
        """Drop what is kept in memory."""
        self.whole.release()


def _origin(whole: Volume, image_id: str | None) -> AnyOrigin:
    """Return where a part comes from: from where the whole does, but for its own fragment."""
    named = image_id or whole.image_id
    return ArrayOrigin(whole.name, named) if whole.path is None else Origin(whole.path, named)


def _moved(placement: Placement | None, box: Box) -> Placement | None:
    """Return size and place of the voxels of a box."""
    if placement is None:
        return None
    corner = zip(placement.translate, placement.scale, box, strict=True)
    z, y, x = (place + scale * part.start for place, scale, part in corner)
    return Placement(placement.scale, (z, y, x), placement.units)


def _in_words(box: Box) -> str:
    return ",".join(f"{part.start}:{part.stop}" for part in box)
