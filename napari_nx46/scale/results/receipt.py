"""What a receipt says of an image: whence it is, what was counted, and hashes of its chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.chunks import ChunkHash
from napari_nx46.files.regular import open_regular
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.thresholds import fixed_threshold, has_slice_thresholds

__all__ = ["Receipt", "layer_hashes", "make_receipt", "read_receipt"]

_MOST_BYTES = 1 << 28

LayerHashes: TypeAlias = tuple[tuple[str, ...], ...]


class Receipt(BaseModel):
    """Beside an image ``NAME.zarr`` as ``NAME.zarr.receipt.json``.

    Parameters
    ----------
    version : int
        Of receipts.
    plan : mapping
        All that the mask follows from: setting, sources with what was read of their metadata,
        shape, box, tile, versions; see `ApplyPlan.record`.
    thresholds : tuple of float
        One, or one a slice.
    low_thresholds : tuple of float, optional
        Of a pair.
    threshold_from : str
        In words.
    measured : Measured
        What scores follow from of the whole volume, beside the setting.
    versions : mapping of str to str
        Of the packages that computed it.
    counts : mapping of str to int
        Tiles, chunks, and voxels after each step.
    objects : mapping of str to int
        By step that decides on components, how many stay.
    density_by_layer : tuple of float
        Of each layer of chunks, in ascending z.
    sha256 : str
        Of the hashes of all chunks in order: no tile, order or number of workers changes it.
    layers : tuple of tuple of str
        By level, the same of each layer of chunks in ascending z.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    plan: Mapping[str, JsonValue]
    thresholds: tuple[float, ...]
    low_thresholds: tuple[float, ...] | None
    threshold_from: str
    measured: Measured = NOT_MEASURED
    versions: Mapping[str, str]
    counts: Mapping[str, int]
    objects: Mapping[str, int]
    density_by_layer: tuple[float, ...]
    sha256: str
    layers: LayerHashes

    @property
    def threshold(self) -> Threshold:
        """The threshold of the mask."""
        return Threshold(self.thresholds, low=self.low_thresholds)


def make_receipt(
    plan: ApplyPlan,
    threshold: Threshold,
    measured: Measured,
    counts: Mapping[str, int],
    objects: Mapping[str, int],
    slices: Sequence[int],
    chunks: Iterable[ChunkHash],
) -> Receipt:
    """Return the receipt of an image.

    Parameters
    ----------
    plan : ApplyPlan
    threshold : Threshold
    measured : Measured
    counts, objects
        See `Receipt`.
    slices : sequence of int
        Foreground voxels of each slice.
    chunks : iterable of ChunkHash
        All that were written.
    """
    from napari_nx46.run.export.manifest import recorded_versions

    layers = layer_hashes(plan, chunks)
    depth, height, width = plan.shape
    side = plan.output.chunk
    density = tuple(
        sum(slices[z : z + side]) / (min(side, depth - z) * height * width)
        for z in range(0, depth, side)
    )
    return Receipt(
        plan=plan.json_record(),
        thresholds=threshold.values,
        low_thresholds=threshold.low,
        threshold_from=_origin_of(plan),
        measured=replace(measured, setting=None),
        versions=recorded_versions(),
        counts=dict(counts),
        objects=dict(objects),
        density_by_layer=density,
        sha256=hash_of_layers(layers),
        layers=layers,
    )


def _origin_of(plan: ApplyPlan) -> str:
    """Return in words where the threshold comes from."""
    if fixed_threshold(plan.setting) is not None:
        return "the setting's probability"
    if has_slice_thresholds(plan.setting):
        return "each slice of the volume"
    chunks = "chunks that are there" if plan.quantile_over == "written" else "the volume"
    return f"a quantile over all voxels of {chunks}"


def layer_hashes(plan: ApplyPlan, chunks: Iterable[ChunkHash]) -> LayerHashes:
    """Return the SHA-256 over the chunks of each layer of each level, in raster order."""
    layout = plan.layout
    digests = [
        [hashlib.sha256() for _ in range(layout.grid(level)[0])]
        for level in range(len(layout.shapes))
    ]
    for chunk in sorted(chunks, key=lambda one: (one.level, one.index)):
        z, y, x = chunk.index
        digests[chunk.level][z].update(f"{y} {x} {chunk.sha256}\n".encode())
    return tuple(tuple(digest.hexdigest() for digest in level) for level in digests)


def hash_of_layers(layers: LayerHashes) -> str:
    """Return the SHA-256 of all layers together."""
    text = "\n".join(" ".join(level) for level in layers)
    return hashlib.sha256(text.encode()).hexdigest()


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ApplyError
        If it is damaged.
    """
    with open_regular(path) as stream:
        content = stream.read(_MOST_BYTES)
    try:
        return Receipt.model_validate_json(content)
    except ValidationError as error:
        raise ApplyError(f"{path}: found no receipt that can be read; {_first(error)}") from error


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
