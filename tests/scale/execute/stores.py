"""Small stores of probabilities, and the mask that a setting has in memory."""

from __future__ import annotations

import numpy as np
import zarr
from scipy import ndimage

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.scale.execute.run import apply
from napari_nx46.scale.plan.plan import OutputOptions, plan_apply
from napari_nx46.setting import Setting, ThresholdRule
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block

SHAPE = (37, 40, 29)
OUTPUT = OutputOptions(chunk=8, levels=4)
SETTING = Setting(
    rule=ThresholdRule.PROBABILITY,
    probability=0.55,
    z_radius=1,
    hysteresis=True,
    low_probability=0.45,
    closing_xy=1,
    smallest_object=20,
)
"""A pair of thresholds and a clean-up that need halos and what connects over many tiles."""


def scores(shape=SHAPE, seed=0, empty=True):
    """Return uint8 probabilities with sheets, crumbs and holes, and chunks that are empty."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.random(shape), 1.2)
    noise = (noise - noise.min()) / np.ptp(noise)
    p = np.rint(255 * noise).astype(np.uint8)
    if empty:
        p[:16, :16] = 0
        p[24:] = np.where(rng.random(p[24:].shape) > 0.02, p[24:], 0)
    return p


def write_store(path, voxels, chunk=8):
    """Write an OME-Zarr image of one level."""
    group = zarr.create_group(store=str(path), zarr_format=2)
    steps = [{"type": "scale", "scale": [2.0, 2.0, 2.0]}]
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    image = {"version": "0.4", "axes": axes, "datasets": datasets}
    group.attrs["multiscales"] = [image]
    array = zarr.create_array(
        store=str(path / "0"),
        shape=voxels.shape,
        chunks=(chunk,) * 3,
        dtype=voxels.dtype,
        zarr_format=2,
        fill_value=0,
        config={"write_empty_chunks": False},
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    array[...] = voxels
    return path


def mask_in_memory(voxels, setting, **more):
    """Return the mask that a setting has in memory."""
    volumes = FragmentVolumes(voxels, more.pop("p2d", voxels), **more)
    pipeline = FragmentPipeline(volumes)
    return pipeline.mask(setting, pipeline.threshold(setting), whole_block(voxels.shape))


def applied(source, setting, out, *, tile=16, output=OUTPUT, **more):
    """Apply a setting, and return all progress."""
    planned = {name: more.pop(name, None) for name in ("ct_above", "quantile_over")}
    plan = plan_apply(source, setting, out, tile=tile, output=output, **planned)
    return list(apply(plan, **more))


def level(out, number=0):
    """Return a level of an image."""
    return zarr.open_group(out, mode="r")[str(number)][...]
