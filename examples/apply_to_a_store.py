"""Apply a setting to a Zarr store of any size, tile by tile, and check a part of it in memory.

python examples/apply_to_a_store.py [STORE]    without a store, on one made of a sample fragment

`nx46 apply STORE --setting FILE --out mask.zarr` writes the same; called again after a kill, either
goes on where it was. Quantiles of a whole scroll are first made probabilities, by `nx46 freeze`.
"""

import sys

import numpy as np
import zarr

from napari_nx46 import SAMPLES, Setting, make_mask, make_sample, open_volume
from napari_nx46.scale import apply, plan_apply

if len(sys.argv) > 1:
    store = sys.argv[1]
else:
    store = "probabilities.zarr"
    scroll = np.tile(make_sample(SAMPLES[0]).p3d, (4, 2, 2))
    zarr.create_array(store, data=scroll, chunks=(64, 64, 64), overwrite=True)

setting = Setting(rule="probability", probability=0.8, closing_z=1)
plan = plan_apply(store, setting, "mask.zarr", tile=128)
for progress in apply(plan):
    if 0 < progress.total == progress.done:
        print(f"{progress.name}: {progress.total} tiles")
mask = zarr.open_group("mask.zarr", mode="r")["0"]
print(
    f"mask.zarr: {mask.shape}, {np.mean(mask[:64] == 255):.1%} of the first slices are foreground"
)

block = tuple(slice(0, length) for length in np.minimum(mask.shape, 96))
alone = make_mask(open_volume(store)[block], setting=setting)
inner = tuple(slice(4, part.stop - 4) for part in block)  # where the closing sees no face of it
print(f"{np.sum((mask[inner] == 255) != alone[inner])} voxels differ from the same in memory")
