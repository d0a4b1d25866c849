"""Where the volumes of a store are: values that travel to workers, which open them on their own."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, JsonValue

from napari_nx46.files.stores.access import Access, CacheLimits
from napari_nx46.files.stores.address import is_remote, local_path
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.files.volumes.roles import Role
from napari_nx46.files.volumes.volume import Volume
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.voxels.blocks import Block, FragmentVolumes, VolumeLike

__all__ = ["CountedVolume", "StoreAddress", "StoreSources"]

Extent = tuple[int, int]

_CACHE_BYTES = 64 << 20


class StoreAddress(BaseModel):
    """One volume in a file or a store.

    Parameters
    ----------
    location : str
        An absolute path, or a URL.
    level : str, optional
        Path of an array in a Zarr store; by default the full resolution.
    channel : int, optional
        Of a volume that has several.
    logits : Logits, optional
        How its values become probabilities, if they are logits.
    endpoint : str, optional
    signed, absent_on_403 : bool
        How a store on the net is reached; see `Access`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    location: str
    level: str | None = None
    channel: int | None = None
    logits: Logits | None = None
    endpoint: str | None = None
    signed: bool = False
    absent_on_403: bool = False

    @classmethod
    def of(cls, volume: Volume | str | os.PathLike[str] | StoreAddress) -> StoreAddress:
        """Return the address of a volume that was opened, of a path or of a URL.

        Raises
        ------
        ApplyError
            If the volume is an array in memory.
        """
        if isinstance(volume, StoreAddress):
            return volume
        if isinstance(volume, str | os.PathLike):
            text = os.fspath(volume)
            return cls(location=text if is_remote(text) else str(local_path(text).absolute()))
        if volume.path is None and not is_remote(volume.name):
            raise ApplyError(f"{volume.name}: found an array in memory, expected a file or a store")
        return cls(
            location=volume.name if volume.path is None else str(volume.path.absolute()),
            level=volume.level,
            channel=volume.read_as.channel,
            logits=volume.read_as.logits,
        )

    def open(self, role: Role = Role.PROBABILITY) -> Volume:
        """Open it; only metadata are read.

        Raises
        ------
        VolumeError
            If it cannot be opened.
        """
        from napari_nx46.files.volumes.opening import open_volume

        # A run of tiles along z reads some chunks twice in a row; all others once.
        cache = CacheLimits(memory=_CACHE_BYTES, disk=0)
        return open_volume(
            self.location,
            role=role,
            channel=self.channel,
            logits=self.logits,
            level=self.level,
            access=Access(self.endpoint, self.signed, self.absent_on_403, cache=cache),
        )


class StoreSources(BaseModel):
    """The volumes that the score of a store is made from, all of one shape.

    Parameters
    ----------
    p3d : StoreAddress
    p2d : StoreAddress, optional
        By default the same as p3d.
    models : mapping of str to StoreAddress
    image : StoreAddress, optional
        The CT.
    box : three (start, stop), optional
        The part that counts, in voxels of the level; by default all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    p3d: StoreAddress
    p2d: StoreAddress | None = None
    models: Mapping[str, StoreAddress] = {}
    image: StoreAddress | None = None
    box: tuple[Extent, Extent, Extent] | None = None

    @property
    def addresses(self) -> dict[str, StoreAddress]:
        """All volumes by name."""
        found = {"p3d": self.p3d}
        if self.p2d is not None:
            found["p2d"] = self.p2d
        found |= {name: self.models[name] for name in sorted(self.models)}
        if self.image is not None:
            found["image"] = self.image
        return found

    def open(self) -> dict[str, Volume]:
        """Open all volumes, without the box.

        Raises
        ------
        VolumeError
            If one cannot be opened.
        ApplyError
            If the shapes differ, or lie on other grids.
        """
        volumes = {
            name: address.open(Role.IMAGE if name == "image" else Role.PROBABILITY)
            for name, address in self.addresses.items()
        }
        (first, leading), *others = volumes.items()
        for _, volume in others:
            if volume.shape != leading.shape:
                raise ApplyError(
                    f"{volume.name}: found shape {volume.shape}, expected {leading.shape} as of "
                    f"{first}, {leading.name}"
                )
            known, other = leading.placement, volume.placement
            if known is not None and other is not None and not known.is_same_grid(other):
                raise ApplyError(
                    f"{volume.name}: found {other.in_words()}, expected {known.in_words()} as of "
                    f"{first}, {leading.name}"
                )
        return volumes

    def fragment(self, volumes: Mapping[str, VolumeLike]) -> FragmentVolumes:
        """Return opened volumes as those of one fragment."""
        return FragmentVolumes(
            volumes["p3d"],
            volumes.get("p2d", volumes["p3d"]),
            {name: volumes[name] for name in self.models},
            volumes.get("image"),
        )

    def as_json(self) -> dict[str, JsonValue]:
        """Return the addresses as a JSON object, from which `model_validate` makes them again."""
        value: dict[str, JsonValue] = self.model_dump(mode="json")
        return value


class CountedVolume:
    """A box of a volume that counts the bytes which are read.

    Parameters
    ----------
    volume : VolumeLike
    box : three (start, stop), optional
        By default all.
    """

    ndim = 3

    def __init__(
        self, volume: VolumeLike, box: tuple[Extent, Extent, Extent] | None = None
    ) -> None:
        self._volume = volume
        self._corner = (0, 0, 0) if box is None else tuple(start for start, _ in box)
        self.shape = volume.shape if box is None else tuple(stop - start for start, stop in box)
        self.dtype = volume.dtype
        self.bytes_read = 0

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Read a block."""
        found = self._volume[self._placed(index)]
        self.bytes_read += found.nbytes
        return found

    def without_prediction(self, index: Block) -> npt.NDArray[np.bool_] | None:
        """Return where no network predicted anything; None of what is no logits."""
        if not isinstance(self._volume, Volume):
            return None
        return self._volume.without_prediction(self._placed(index))

    def _placed(self, index: Block) -> Block:
        z, y, x = (
            slice(part.start + start, part.stop + start)
            for part, start in zip(index, self._corner, strict=True)
        )
        return z, y, x
