"""Whether an image is what its receipt says, and what its setting gives."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from napari_nx46.files.corrections import read_corrections
from napari_nx46.files.mask_store.chunks import ChunkFiles, ChunkHash
from napari_nx46.files.mask_store.layout import Index
from napari_nx46.files.memory import in_words, machine_memory
from napari_nx46.files.regular import open_regular
from napari_nx46.scale.execute.estimate import memory_of_a_worker
from napari_nx46.scale.plan.corrections import corrections_path, place_corrections
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan, receipt_path
from napari_nx46.scale.results.receipt import Receipt, layer_hashes, read_receipt
from napari_nx46.scale.results.recomputing import Compared, compare_tile
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["ImageCheck", "check_mask_image", "compare_tiles"]

_MOST_METADATA_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """What was found.

    Parameters
    ----------
    path : Path
    receipt : Receipt
    chunks : int
        How many were read.
    faults : tuple of str
        In words; none where all is as the receipt says.
    """

    path: Path
    receipt: Receipt
    chunks: int
    faults: tuple[str, ...]


def check_mask_image(path: Path, cancelled: CancelCheck = never) -> ImageCheck:
    """Compare the chunks and metadata of an image with its receipt.

    Parameters
    ----------
    path : Path
        The folder ``NAME.zarr``, with ``NAME.zarr.receipt.json`` beside it.
    cancelled : callable
        Asked between chunks.

    Raises
    ------
    ApplyError
        If there is no receipt, or none that can be read.
    Cancelled
        If `cancelled` returned True.
    """
    try:
        receipt = read_receipt(receipt_path(path))
    except FileNotFoundError as error:
        raise ApplyError(f"{path}: found no {receipt_path(path).name} beside it") from error
    plan = ApplyPlan.of_record(receipt.plan, path)
    files = ChunkFiles(plan.layout, path, path)
    heights = [files.layout.grid(level)[0] for level in range(len(files.layout.shapes))]
    if [len(level) for level in receipt.layers] != heights:
        raise ApplyError(f"{receipt_path(path)}: found hashes of other levels than its plan has")
    for values in (receipt.thresholds, receipt.low_thresholds or receipt.thresholds):
        if len(values) not in {1, plan.shape[0]}:
            raise ApplyError(
                f"{receipt_path(path)}: found {len(values)} thresholds, expected one, or one a "
                "slice"
            )
    faults = [*_metadata_faults(plan, path)]
    chunks: list[ChunkHash] = []
    for level, index in _indices(files):
        if cancelled():
            raise Cancelled
        found = files.hash_of(level, index)
        if found is not None:
            chunks.append(found)
    side = plan.output.chunk
    for level, (now, then) in enumerate(
        zip(layer_hashes(plan, chunks), receipt.layers, strict=True)
    ):
        for layer, (found_hash, expected) in enumerate(zip(now, then, strict=True)):
            if found_hash != expected:
                z = layer * side
                faults.append(
                    f"level {level}, slices {z} to {z + side - 1}: chunks differ from the receipt"
                )
    return ImageCheck(path, receipt, len(chunks), tuple(faults))


def compare_tiles(
    check: ImageCheck, count: int, seed: int = 0, cancelled: CancelCheck = never
) -> Iterator[Compared]:
    """Compute random tiles of an image again, in memory and by other code, and compare them.

    Parameters
    ----------
    check : ImageCheck
        Of the image, whose volumes must still be where they were.
    count : int
        How many tiles; those with chunks come first.
    seed : int
        Which ones.
    cancelled : callable
        Asked between tiles.

    Yields
    ------
    Compared

    Raises
    ------
    ApplyError
        If a step cannot be computed again on a part of the volume, or a tile is too large.
    VolumeError
        If a volume cannot be read.
    """
    plan = _corrected(ApplyPlan.of_record(check.receipt.plan, check.path), check.receipt)
    needed, most = memory_of_a_worker(plan), machine_memory() // 2
    if needed > most:
        raise ApplyError(
            f"{check.path}: a tile of {plan.tile} voxels takes {in_words(needed)} to be computed "
            f"again; expected at most {in_words(most)}, half of the memory"
        )
    files = ChunkFiles(plan.layout, check.path, check.path)
    by_chunk = plan.tile // plan.output.chunk
    full = {
        plan.grid.tile_at((z // by_chunk, y // by_chunk, x // by_chunk))
        for level, (z, y, x) in _indices(files)
        if level == 0
    }
    chance = random.Random(seed)
    tiles = sorted(tile for tile in full if tile is not None)
    chosen = chance.sample(tiles, min(count, len(tiles)))
    # Of all tiles, as many as there must be others among: there may be too many to list.
    some = chance.sample(range(len(plan.grid)), min(count + len(tiles), len(plan.grid)))
    chosen += [tile for tile in some if tile not in full][: count - len(chosen)]
    receipt = check.receipt
    measured = replace(receipt.measured, setting=plan.setting)
    for tile in chosen:
        if cancelled():
            raise Cancelled
        yield compare_tile(plan, files, tile, receipt.threshold, measured)


def _corrected(plan: ApplyPlan, receipt: Receipt) -> ApplyPlan:
    """Return the plan of a receipt with the corrections that lie beside the image.

    Raises
    ------
    ApplyError
        If they are not those of the receipt.
    VolumeError
        If their file is damaged, or there is none.
    """
    wanted = receipt.plan.get("corrections")
    if not wanted:
        return plan
    path, first = corrections_path(plan.out), plan.sources.open()["p3d"]
    placed = place_corrections(read_corrections(path), first, plan.sources.box)
    if json.loads(json.dumps(placed.record())) != wanted:
        raise ApplyError(f"{path}: found other corrections than the receipt of {plan.out} names")
    return replace(plan, corrections=placed)


def _indices(files: ChunkFiles) -> Iterator[tuple[int, Index]]:
    """Yield the level and place of every file that may be a chunk."""
    lead = len(files.layout.key(0, (0, 0, 0)).split("/")) - 3
    for level in range(len(files.layout.shapes)):
        folder = files.root.joinpath(*files.layout.key(level, (0, 0, 0)).split("/")[:lead])
        grid = files.layout.grid(level)
        for path in folder.glob("*/*/*"):
            parts = path.relative_to(folder).parts
            if all(part.isdecimal() for part in parts):
                z, y, x = map(int, parts)
                if z < grid[0] and y < grid[1] and x < grid[2]:
                    yield level, (z, y, x)


def _metadata_faults(plan: ApplyPlan, path: Path) -> Iterator[str]:
    """Yield what is wrong with the metadata of the arrays."""
    for name, content in plan.layout.metadata().items():
        if not name.endswith(".zarray"):
            continue
        try:
            with open_regular(path / name) as stream:
                found = json.loads(stream.read(_MOST_METADATA_BYTES))
        except (OSError, ValueError):
            found = None
        if found != json.loads(content):
            yield f"{name}: it does not describe the array of the receipt"
