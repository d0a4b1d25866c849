"""A volume in a file, a Zarr folder, or a folder of slices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_nx46.files.volumes.fingerprint import fingerprint_of
from napari_nx46.files.volumes.layout import Layout
from napari_nx46.files.volumes.origin import Origin
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.reader import VolumeReader
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.files.volumes.roles import Role
from napari_nx46.files.volumes.stamps import Stamps
from napari_nx46.files.volumes.volume import Volume


class FileVolume(Volume):
    """A lazy (Z, Y, X) array of voxels in a file; nothing is held open between two reads.

    Parameters
    ----------
    origin : Origin
        The file or folder, and the fragment.
    stamps : Stamps, optional
        Of the files that the source has read, and will read.
    slices : tuple of Path
        The files of the volume, if it is a folder of slices.
    beside : tuple of Path
        Other files that belong to it.
    role, source, channels, read_as, notes, placement, layout, level
        See `Volume`.
    """

    def __init__(
        self,
        origin: Origin,
        role: Role,
        source: VolumeReader,
        channels: int | None = None,
        read_as: ReadAs | None = None,
        notes: Sequence[str] = (),
        placement: Placement | None = None,
        layout: Layout | None = None,
        level: str | None = None,
        stamps: Stamps | None = None,
        slices: tuple[Path, ...] = (),
        beside: tuple[Path, ...] = (),
    ) -> None:
        super().__init__(origin, role, source, channels, read_as, notes, placement, layout, level)
        self._file = origin
        self._stamps = stamps or Stamps(origin)
        self.slices = slices
        self._files = (origin.path, *beside) if beside else slices

    @property
    def path(self) -> Path:
        """File or folder."""
        return self._file.path

    def fingerprint(self) -> str:
        """Return the SHA-256 of the bytes read; see `Volume.fingerprint`."""
        return fingerprint_of(self._file, self._stamps, self._files)

    def record(self) -> dict[str, str | int | list[int]]:
        """Return the file's name and SHA-256, and what is read of it; see `Volume.place`."""
        return {
            "file": self.path.name,
            "sha256": self.fingerprint(),
            **self.place(),
        }

    def check_unchanged(self) -> None:
        """Check that the files are those that were opened, read or hashed before."""
        self._stamps.check()
