"""Tune the mask of a Dask array in napari: nothing is read but what is looked at.

python examples/tune_a_dask_layer.py [STORE]    without a Zarr store, on a sample fragment

Move the sliders, or run the lines below in napari's console. *Save workspace...* in the dock keeps
what was done: a Dask array cannot be known again by itself.
"""

import sys

import dask.array as da
import napari

from napari_nx46 import SAMPLES, make_sample, tune

if len(sys.argv) > 1:
    probabilities, label = da.from_zarr(sys.argv[1]), None
else:
    sample = make_sample(SAMPLES[0])
    probabilities, label = da.from_array(sample.p3d, chunks=(16, 64, 64)), sample.label

viewer = napari.Viewer()
layer = viewer.add_image(probabilities, name="probabilities")
session = tune(viewer, layer, label=label)
session.change(quantile=0.9, closing_z=1)  # as the sliders do
mask = session.mask()  # exact, of the whole volume; waits for it
print(f"{session.setting.quantile}: {mask.mean():.1%} of the voxels are foreground")
napari.run()
