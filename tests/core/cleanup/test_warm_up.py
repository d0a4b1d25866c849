"""All that the clean-up steps need is compiled beforehand."""

from __future__ import annotations

import subprocess
import sys

WARM_UP_PROGRAM = """
import importlib

import numpy as np
from numba.core.dispatcher import Dispatcher

from napari_nx46.core.cleanup.cubes.cubes import plug_cubes
from napari_nx46.core.cleanup.step import StepContext
from napari_nx46.core.cleanup.steps import STEPS
from napari_nx46.core.score.kernels import CLEANUP_MODULES, warm_up_cleanup
from napari_nx46.core.cleanup.objects import CAVITIES, LINKED, keep_linked
from napari_nx46.core.filters.diffusion import diffuse
from napari_nx46.core.filters.sheetness import sheetness
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.grid import Grid
from napari_nx46.voxels.merging import merge_pieces
from napari_nx46.voxels.pieces import flip_decided, label_pieces, uniform_pieces
from napari_nx46.voxels.workers import Workers
from napari_nx46.setting import Setting

EVERY_STEP = Setting(
    border=1, opening=True, closing_z=1, closing_xy=1, closing_ball=1, plug_tunnels=True,
    patch_holes=4, fill_cavities=True, smallest_object=3, stabilise_radius=1, sheet_gap=1,
    plug_cubes="raster", per_sheet=True, gap_fill=2, diagonal_fill=True, median_passes=1,
    line_norm=1.5, mask_gauss=0.5,
)

def compiled():
    modules = [importlib.import_module(name) for name in CLEANUP_MODULES]
    return {
        (module.__name__, name): len(value.signatures)
        for module in modules for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    }

warm_up_cleanup()
before = compiled()
rng = np.random.default_rng(46)
mask = (rng.random((24, 40, 90)) < 0.3).astype(np.uint8)
mask[3:6] = mask[12:15] = 1
mask[3:6, 10:14, 10:14] = 0
unjoined = mask * (rng.random(mask.shape) < 0.9).astype(np.uint8)
context = StepContext(
    EVERY_STEP, unjoined, Workers(2), whole_block(mask.shape), mask.shape, image=mask
)
for step in STEPS:
    step.apply(mask, context)
plug_cubes(mask, workers=Workers(2))
diffuse(mask.astype(np.float32), -1.0, 0.05, workers=Workers(2))
sheetness(mask.astype(np.float32), (0.0, 1.0))
keep_linked(mask, unjoined, workers=Workers(2))
grid = Grid(mask.shape, (9, 17, 40))
tiles = range(len(grid))
blocks = {tile: grid.block(tile) for tile in tiles}
for rule in (LINKED, CAVITIES):
    found = {
        tile: label_pieces(mask[block], rule, block, mask.shape, marks=unjoined[block])
        for tile, block in blocks.items()
    }
    pieces = {tile: one[1] for tile, one in found.items()}
    pieces |= {0: uniform_pieces(rule, False, blocks[0], mask.shape)}
    merge_pieces(rule, grid, tiles, pieces.__getitem__)
    for tile, (part, one) in found.items():
        flip_decided(part, rule, one, np.zeros(one.measures.sizes.size, bool))
print({name: count for name, count in compiled().items() if count != before[name]})
"""


def test_after_the_warm_up_no_kernel_is_left_to_compile():
    done = subprocess.run(
        [sys.executable, "-c", WARM_UP_PROGRAM], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "{}"
