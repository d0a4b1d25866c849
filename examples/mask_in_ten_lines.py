"""Make the surface mask of a fragment from its probability volumes, and save it as TIFF.

python examples/mask_in_ten_lines.py [DATA]    without a data folder, on the sample fragments
"""

import sys

import tifffile

from napari_nx46 import Setting, open_data, write_sample
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.voxels.blocks import whole_block

if len(sys.argv) == 1:
    write_sample("sample")
data = open_data(sys.argv[1] if sys.argv[1:] else "sample")
setting = Setting(quantile=0.93, blend=0.72, z_radius=2)
image_id = data.image_ids[0]
pipeline = PipelineSet(data).loaded(image_id, setting)
threshold = pipeline.threshold(setting)
mask = pipeline.mask(setting, threshold, whole_block(pipeline.shape))
tifffile.imwrite(f"{image_id}.tif", mask, compression="lzw")
print(f"{image_id}: score >= {threshold.values[0]:.4f} in {mask.mean():.1%} of the voxels")
