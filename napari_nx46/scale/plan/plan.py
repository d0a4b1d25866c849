"""What is to be made of which store, checked before anything runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from napari_nx46.core.score.blend import PathKey
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.mask_store.layout import Index, StoreAxes, StoreLayout
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.scale.plan.corrections import (
    NO_CORRECTIONS,
    PlacedCorrections,
    place_corrections,
)
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.sources import StoreAddress, StoreSources
from napari_nx46.scale.scores import source_halo
from napari_nx46.scale.stages import Pass, QuantileOver, plan_passes, refusals
from napari_nx46.scale.thresholds import fixed_threshold
from napari_nx46.setting import CtGate, Setting
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.halving import Pyramid

if TYPE_CHECKING:
    import os

    from napari_nx46.files.volumes.volume import Volume
    from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["ALGORITHM", "ApplyPlan", "OutputOptions", "plan_apply", "receipt_path"]

ALGORITHM = 3
"""Changes whenever the same plan would leave other files in scratch, or another mask."""

_EVEN = 2


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How the mask is written; see `StoreLayout`.

    Parameters
    ----------
    value : int
    chunk : int
    levels : int
    pyramid : Pyramid, optional
    axes : StoreAxes
    """

    value: int = 255
    chunk: int = 128
    levels: int = 6
    pyramid: Pyramid | None = None
    axes: StoreAxes = StoreAxes.ZYX


@dataclass(frozen=True)
class ApplyPlan:
    """A setting, the volumes that it is applied to, and where the mask goes.

    Parameters
    ----------
    sources : StoreSources
    setting : Setting
    out : Path
        The folder of the image, ``NAME.zarr``.
    shape : tuple of int
        Voxels of the mask along (Z, Y, X): of the level, or of the box.
    placement : Placement, optional
        Size and place of its voxels.
    tile : int
        Side of the tiles, a multiple of the chunk.
    output : OutputOptions
    ct_above : float, optional
        Where the CT is not above it there is background.
    quantile_over : {"volume", "written"}, optional
        Over which voxels quantiles are taken: all, or those of chunks that are there.
    corrections : PlacedCorrections
        What is corrected by hand, last of all.
    described : mapping of str to mapping
        By volume, shape, type and hash of its metadata.
    """

    sources: StoreSources
    setting: Setting
    out: Path
    shape: tuple[int, int, int]
    placement: Placement | None = None
    tile: int = 256
    output: OutputOptions = OutputOptions()
    ct_above: float | None = None
    quantile_over: QuantileOver | None = None
    corrections: PlacedCorrections = NO_CORRECTIONS
    described: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        """The tiles."""
        return Grid(self.shape, (self.tile,) * 3)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The passes over the tiles."""
        return plan_passes(self.setting)

    @property
    def layout(self) -> StoreLayout:
        """How the mask is written."""
        options = self.output
        return StoreLayout(
            self.shape,
            options.value,
            options.chunk,
            options.levels,
            options.pyramid,
            options.axes,
            self.placement,
            self.out.stem,
        )

    @property
    def levels_with_tiles(self) -> int:
        """How many levels, from 0, the last pass writes: whole chunks of both, or of one."""
        return 2 if self.tile % (_EVEN * self.output.chunk) == 0 else 1

    @property
    def stage_names(self) -> tuple[str, ...]:
        """What is done one after the other, in words: the passes, then the coarser levels."""
        levels = range(self.levels_with_tiles, len(self.layout.shapes))
        return (*(one.name for one in self.passes), *(f"level {level}" for level in levels))

    def level_of(self, stage: int) -> int | None:
        """Return the level of the image that a stage makes; None of a pass."""
        passes = len(self.passes)
        return None if stage < passes else stage - passes + self.levels_with_tiles

    def groups(self, level: int) -> list[tuple[Index, ...]]:
        """Return the chunks of a level in groups of one task each: rows along x."""
        rows: dict[tuple[int, int, int], list[Index]] = {}
        for z, y, x in self.layout.indices(level):
            rows.setdefault((z, y, x // _ROW), []).append((z, y, x))
        return [tuple(row) for row in rows.values()]

    @property
    def work(self) -> Path:
        """Folder of scratch and ledger, beside the image."""
        return self.out.with_name(f"{self.out.name}.work")

    @property
    def partial(self) -> Path:
        """The image while it is not complete."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def receipt(self) -> Path:
        """Where the receipt is, beside the image."""
        return receipt_path(self.out)

    def threshold(self) -> Threshold:
        """Return the threshold that the setting states.

        Raises
        ------
        ApplyError
            If it is not stated as a probability.
        """
        threshold = fixed_threshold(self.setting)
        if threshold is None:
            raise ApplyError("the setting does not state its threshold: it is counted first")
        return threshold

    def source_halo(self) -> tuple[int, int, int]:
        """Return how far around a block its score reads the volumes."""
        return source_halo(self.setting)

    def record(self) -> dict[str, object]:
        """Return all that the result follows from, as a JSON object."""
        return {
            "algorithm": ALGORITHM,
            "version": version("napari-nx46"),
            "setting": self.setting.model_dump(mode="json"),
            "sources": self.sources.as_json(),
            "described": {name: dict(one) for name, one in self.described.items()},
            "shape": list(self.shape),
            "tile": self.tile,
            "ct_above": self.ct_above,
            "quantile_over": self.quantile_over,
            "corrections": self.corrections.record(),
            "output": {
                "value": self.output.value,
                "chunk": self.output.chunk,
                "levels": self.output.levels,
                "pyramid": self.layout.kind.value,
                "axes": self.output.axes.value,
            },
        }

    @classmethod
    def of_record(cls, record: Mapping[str, JsonValue], out: Path) -> ApplyPlan:
        """Return the plan of a receipt, without the place of its voxels.

        Raises
        ------
        ApplyError
            If the record is none.
        """
        try:
            plan = cls(**_RECORD.validate_python(record).arguments(), out=out)
            plan.layout  # noqa: B018  # it checks itself
            _check_tile(plan.tile, plan.output.chunk)
            _check_setting(plan.setting, plan.sources, plan.ct_above, plan.quantile_over)
            return plan
        except (ApplyError, ValidationError, ValueError) as error:
            raise ApplyError(f"{out}: its receipt has no plan that can be read") from error

    def identity(self) -> str:
        """Return the text by which a ledger knows the plan."""
        return json.dumps(self.record(), sort_keys=True)

    def json_record(self) -> dict[str, JsonValue]:
        """Return `record` as JSON reads it back."""
        value: dict[str, JsonValue] = json.loads(self.identity())
        return value


_ROW = 8


class _Output(BaseModel):
    """How an image was written, as a record has it."""

    value: int
    chunk: int
    levels: int
    pyramid: Pyramid
    axes: StoreAxes


class _Record(BaseModel):
    """What a plan's record has, as far as the mask follows from it."""

    setting: Setting
    sources: StoreSources
    shape: tuple[int, int, int]
    tile: int
    ct_above: float | None
    quantile_over: QuantileOver | None
    output: _Output

    def arguments(self) -> dict[str, Any]:
        """Return the fields of a plan."""
        return {
            "setting": self.setting,
            "sources": self.sources,
            "shape": self.shape,
            "tile": self.tile,
            "ct_above": self.ct_above,
            "quantile_over": self.quantile_over,
            "output": OutputOptions(**self.output.model_dump()),
        }


_RECORD = TypeAdapter(_Record)


def receipt_path(image: Path) -> Path:
    """Return where the receipt of an image is: ``NAME.zarr.receipt.json`` beside it."""
    return image.with_name(f"{image.name}.receipt.json")


def plan_apply(
    source: Volume | StoreSources | str | os.PathLike[str],
    setting: Setting,
    out: str | os.PathLike[str],
    *,
    tile: int = 256,
    output: OutputOptions = OutputOptions(),
    ct_above: float | None = None,
    quantile_over: QuantileOver | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> ApplyPlan:
    """Return the plan of a setting applied to a store; no voxel is read.

    Parameters
    ----------
    source : Volume, StoreSources, str or path-like
        One volume of probabilities, or all that the score is made from.
    setting : Setting
    out : str or path-like
        The image to write, ``NAME.zarr``.
    tile : int
        Side of the tiles; a multiple of the chunk.
    output : OutputOptions
    ct_above : float, optional
        Where the CT of the sources is not above it there is background.
    quantile_over : {"volume", "written"}, optional
        Over which voxels quantiles are taken.
    corrections : mapping of str to Corrections, optional
        By image_id, of the whole level, or of boxes of it; those of other data are left out.

    Returns
    -------
    ApplyPlan

    Raises
    ------
    ApplyError
        If the setting cannot be applied by tiles, or the volumes do not go together.
    VolumeError
        If a volume cannot be opened.
    """
    sources = (
        source if isinstance(source, StoreSources) else StoreSources(p3d=StoreAddress.of(source))
    )
    _check_setting(setting, sources, ct_above, quantile_over)
    target = Path(out).absolute()
    if target.suffix != ".zarr":
        raise ApplyError(f"{target}: expected a name that ends in .zarr")
    volumes = sources.open()
    leading = volumes["p3d"]
    if PathKey.of(setting).is_ranked:
        _check_ranked(volumes)
    shape, placement = leading.shape, leading.placement
    if sources.box is not None:
        shape, placement = _boxed(sources.box, shape, placement)
    plan = ApplyPlan(
        sources=sources,
        setting=setting,
        out=target,
        shape=shape,
        placement=placement,
        output=output,
        ct_above=ct_above,
        quantile_over=quantile_over,
        corrections=place_corrections(corrections or {}, leading, sources.box),
        tile=tile,
        described={name: _described(volume) for name, volume in volumes.items()},
    )
    try:
        plan.layout  # noqa: B018  # it checks itself
    except ValueError as error:
        raise ApplyError(str(error)) from error
    _check_tile(tile, output.chunk)
    return plan


def _check_setting(
    setting: Setting,
    sources: StoreSources,
    ct_above: float | None,
    quantile_over: QuantileOver | None,
) -> None:
    """Check that a setting can be applied by tiles, to what there is."""
    reasons = refusals(setting, quantile_over)
    if reasons:
        raise ApplyError("the setting cannot be applied tile by tile:\n" + "\n".join(reasons))
    if ct_above is not None and sources.image is None:
        raise ApplyError("--ct-above: found no CT; give --ct STORE")
    if setting.ct_gate is not CtGate.OFF and sources.image is None:
        raise ApplyError(f"--ct-gate {setting.ct_gate}: found no CT; give --ct STORE")


def _check_tile(tile: int, chunk: int) -> None:
    if tile < 1 or tile % chunk:
        raise ApplyError(f"--tile {tile}: expected a multiple of the chunk, {chunk}")


_COUNTABLE = ("uint8", "uint16", "float16")


def _check_ranked(volumes: Mapping[str, Volume]) -> None:
    """Check that a table can have the ranks of all values that volumes may have."""
    for name, volume in volumes.items():
        if name != "image" and volume.dtype.name not in _COUNTABLE:
            raise ApplyError(
                f"{volume.name}: averaging rank: found {volume.dtype.name}, of which each voxel "
                "may have a value of its own, too many for a table of their ranks; expected "
                f"{', '.join(_COUNTABLE)}, or another averaging"
            )


def _described(volume: Volume) -> dict[str, object]:
    """Return what is known of a volume without reading a voxel."""
    layout = volume.layout
    hashed = {} if layout is None else {"metadata_sha256": layout.metadata_sha256}
    return {"shape": list(volume.shape), "dtype": volume.dtype.name, **hashed}


def _boxed(
    box: tuple[tuple[int, int], ...], shape: tuple[int, int, int], placement: Placement | None
) -> tuple[tuple[int, int, int], Placement | None]:
    """Return shape and placement of a box within a volume."""
    for axis, (start, stop), length in zip("zyx", box, shape, strict=True):
        if not 0 <= start < stop <= length:
            raise ApplyError(
                f"--box: found {start}:{stop} along {axis}, expected a part of 0:{length}"
            )
    z, y, x = (stop - start for start, stop in box)
    placed = placement or Placement()
    corner = [
        place + start * size
        for place, (start, _), size in zip(placed.translate, box, placed.scale, strict=True)
    ]
    return (z, y, x), replace(placed, translate=(corner[0], corner[1], corner[2]))
