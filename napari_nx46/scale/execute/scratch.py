"""What passes leave for later ones: masks a bit a voxel, pieces, sheet numbers and decisions.

A mask lies with its tile as core and six slabs as thick as the halo of the pass that reads it, so
that a neighbour reads a slab and not the core.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_nx46.files.frames import FramesError, encode_frames, read_frames
from napari_nx46.files.mask_store.chunks import place_file
from napari_nx46.scale.execute.ledger import End
from napari_nx46.voxels.blocks import Block, Mask, block_shape, intersection, within
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import Decisions
from napari_nx46.voxels.pieces import TilePieces

__all__ = ["Scratch", "ends_reached"]

Halo = tuple[int, int, int]
Written = tuple[int, str]
"""Size and SHA-256 of a file."""

_CORE = "core"
_PIECES, _SHEETS, _LAYERS, _DECISIONS = "pieces", "sheets", "layers", "decisions"


@dataclass(frozen=True, slots=True)
class Scratch:
    """Files of the tiles of a volume below a folder; any number of processes may use one.

    Parameters
    ----------
    folder : Path
    grid : Grid
    """

    folder: Path
    grid: Grid

    @property
    def staging(self) -> Path:
        """Folder of files that are not complete yet."""
        return self.folder / "staging"

    def make(self, *, alone: bool = True) -> None:
        """Make the folders; whoever is alone removes what was not completed."""
        if alone:
            shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)

    # ---- masks -----------------------------------------------------------------------------

    def write_mask(self, layer: str, tile: int, mask: Mask, halo: Halo) -> Written:
        """Write the mask of a tile, uint8 {0, 1}, for readers with a halo."""
        slabs = {
            name: mask[part] for name, part in _slabs(block_shape(self.grid.block(tile)), halo)
        }
        return self._write(
            self._layer(layer, tile), encode_frames({_CORE: mask, **slabs}, bits=(_CORE, *slabs))
        )

    def has_mask(self, layer: str, tile: int) -> bool:
        """Return whether a tile of a layer has foreground."""
        return self._layer(layer, tile).exists()

    def mask(
        self, layer: str, block: Block, halo: Halo, expected: Collection[int] = ()
    ) -> Mask | None:
        """Return any box of a layer, uint8 {0, 1}; None where it has no foreground.

        Parameters
        ----------
        layer : str
        block : Block
        halo : tuple of int
            That the layer was written for.
        expected : collection of int
            Tiles that have foreground, and so files.

        Raises
        ------
        FramesError
            If a file is damaged, or one that is expected is gone.
        """
        out: Mask | None = None
        for tile in self.grid.overlapping(block):
            own = self.grid.block(tile)
            part = intersection(own, block)
            found = self._part(layer, tile, within(part, own), halo)
            if found is None and tile in expected:
                raise FramesError(f"{self._layer(layer, tile)}: the file is gone; run again")
            if found is None or not found.any():
                continue
            if part == block:
                return np.ascontiguousarray(found, np.uint8)
            if out is None:
                out = np.zeros(block_shape(block), np.uint8)
            out[within(part, block)] = found
        return out

    def _part(
        self, layer: str, tile: int, part: Block, halo: Halo, dtype: type[np.generic] = np.uint8
    ) -> npt.NDArray[np.generic] | None:
        """Return a part of a tile, from the smallest array that holds it."""
        path, shape = self._layer(layer, tile), block_shape(self.grid.block(tile))
        name, place = _smallest(part, shape, halo)
        try:
            array = read_frames(path, [name])[name]
        except FileNotFoundError:
            return None
        expected = block_shape(place)
        if array.shape != expected or array.dtype != dtype:
            raise FramesError(
                f"{path}: damaged scratch ({array.dtype} of shape {array.shape}, expected "
                f"{expected}); give --restart"
            )
        return array[within(part, place)]

    def _layer(self, layer: str, tile: int) -> Path:
        return self._path(_LAYERS, layer, tile)

    # ---- pieces, sheets --------------------------------------------------------------------

    def write_pieces(self, name: str, tile: int, pieces: TilePieces) -> Written:
        """Write the pieces of a tile."""
        return self._write(self._path(_PIECES, name, tile), encode_frames(pieces.arrays()))

    def pieces(self, name: str, tile: int) -> TilePieces:
        """Return the pieces of a tile.

        Raises
        ------
        FileNotFoundError
            If it has none.
        FramesError
            If the file is damaged.
        """
        path = self._path(_PIECES, name, tile)
        try:
            return TilePieces.of_arrays(read_frames(path))
        except KeyError as error:
            raise FramesError(f"{path}: damaged scratch (no {error}); give --restart") from error

    def write_sheets(self, tile: int, sheets: npt.NDArray[np.int32], halo: Halo) -> Written:
        """Write which sheet each voxel of a tile is of, for readers with a halo."""
        shape = block_shape(self.grid.block(tile))
        arrays = {_CORE: sheets, **{name: sheets[part] for name, part in _slabs(shape, halo)}}
        return self._write(self._layer(_SHEETS, tile), encode_frames(arrays))

    def sheets(self, block: Block, tile: int, halo: Halo) -> npt.NDArray[np.int32] | None:
        """Return the sheets of a box within a tile; None where all is 0."""
        found = self._part(_SHEETS, tile, within(block, self.grid.block(tile)), halo, np.int32)
        return None if found is None else found.view(np.int32)

    # ---- decisions -------------------------------------------------------------------------

    def write_decisions(self, name: str, decisions: Decisions) -> None:
        """Write what becomes of the pieces of all tiles."""
        bounds = np.zeros((len(self.grid), 2), np.int64)
        for tile, start in decisions.starts.items():
            bounds[tile] = start, decisions.ends[tile]
        folder = self._decided(name)
        counted = np.array([decisions.components], np.int64)
        parts = {"staying": decisions.staying, "keys": decisions.keys, "counted": counted}
        for part, array in {**parts, "bounds": bounds}.items():
            place_file(folder / f"{part}.npy", _npy(array), self.staging)

    def has_decisions(self, name: str) -> bool:
        """Return whether the decisions of a labelling are there; the bounds are written last."""
        return (self._decided(name) / "bounds.npy").exists()

    def components(self, name: str) -> int:
        """Return how many components stay."""
        return int(self._decision(name, "counted")[0])

    def staying(self, name: str, tile: int) -> npt.NDArray[np.bool_]:
        """Return which pieces of a tile stay."""
        start, end = self._decision(name, "bounds")[tile]
        return np.array(self._decision(name, "staying")[start:end], np.bool_)

    def changing(self, name: str) -> list[int]:
        """Return the tiles that have a piece which does not stay."""
        bounds = np.asarray(self._decision(name, "bounds"), np.int64)
        going = np.concatenate([[0], np.cumsum(~np.asarray(self._decision(name, "staying"), bool))])
        return np.flatnonzero(going[bounds[:, 1]] > going[bounds[:, 0]]).tolist()

    def keys(self, name: str, tile: int) -> npt.NDArray[np.int64]:
        """Return the keys of the pieces of a tile."""
        start, end = self._decision(name, "bounds")[tile]
        return np.array(self._decision(name, "keys")[start:end], np.int64)

    def _decision(self, name: str, part: str) -> npt.NDArray[np.generic]:
        path = self._decided(name) / f"{part}.npy"
        if not path.stat().st_size:
            return np.zeros(0, np.int64)
        try:
            found: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise FramesError(f"{path}: damaged scratch ({error}); give --restart") from error
        return found

    def _decided(self, name: str) -> Path:
        return self.folder / _DECISIONS / _safe(name)

    # ---- all -------------------------------------------------------------------------------

    def remove_layer(self, layer: str) -> None:
        """Give the disk space of a layer back."""
        shutil.rmtree(self.folder / _LAYERS / _safe(layer), ignore_errors=True)

    def missing(self, stage_files: Mapping[str, Written], tile: int) -> str | None:
        """Return the name of a file of a tile that is not there as it was written, if any."""
        for kind, (size, _) in stage_files.items():
            path = self.path_of(kind, tile)
            try:
                if path.stat().st_size != size:
                    return str(path)
            except FileNotFoundError:
                return str(path)
        return None

    def path_of(self, kind: str, tile: int) -> Path:
        """Return the file of a kind, ``layers/NAME`` or ``pieces/NAME``, of a tile."""
        room, _, name = kind.partition("/")
        return self._path(room, name, tile)

    def _path(self, room: str, name: str, tile: int) -> Path:
        z, y, x = self.grid.place(tile)
        return self.folder / room / _safe(name) / f"{z}" / f"{y}_{x}"

    def _write(self, path: Path, content: bytes) -> Written:
        place_file(path, content, self.staging)
        return len(content), hashlib.sha256(content).hexdigest()


def _safe(name: str) -> str:
    """Return a name of the program's own as that of a folder."""
    return name.replace(" ", "-").replace("_", "-")


def ends_reached(mask: Mask, halo: Halo) -> tuple[End, ...]:
    """Return the ends of a tile within whose halo its mask has foreground."""
    found = []
    for axis, thickness in enumerate(halo):
        layers = np.moveaxis(mask, axis, 0)
        for end, part in enumerate((layers[:thickness], layers[max(0, len(layers) - thickness) :])):
            if thickness and part.any():
                found.append((axis, end))
    return tuple(found)


def _slabs(shape: tuple[int, int, int], halo: Halo) -> Iterator[tuple[str, Block]]:
    """Yield the name of each slab and where it lies in its tile; none where it is all of it."""
    whole = [slice(0, length) for length in shape]
    for axis, thickness in enumerate(halo):
        if 0 < thickness < shape[axis]:
            length = shape[axis]
            for end, part in enumerate((slice(0, thickness), slice(length - thickness, length))):
                z, y, x = (part if n == axis else extent for n, extent in enumerate(whole))
                yield f"slab{axis}{end}", (z, y, x)


def _smallest(part: Block, shape: tuple[int, int, int], halo: Halo) -> tuple[str, Block]:
    """Return the name and place of the smallest array that holds a part of a tile."""
    z, y, x = (slice(0, length) for length in shape)
    best: tuple[str, Block] = (_CORE, (z, y, x))
    for name, place in _slabs(shape, halo):
        holds = all(
            a.start <= b.start and b.stop <= a.stop for a, b in zip(place, part, strict=True)
        )
        if holds and np.prod(block_shape(place)) < np.prod(block_shape(best[1])):
            best = name, place
    return best


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    """Return an array as the content of a .npy file; nothing of an empty one, which has no map."""
    if not array.size:
        return b""
    from io import BytesIO

    stream = BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
