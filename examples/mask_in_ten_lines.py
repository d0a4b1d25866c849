"""Make the surface mask of a fragment from its probability volumes, and save it as TIFF.

python examples/mask_in_ten_lines.py [DATA]    without a data folder, on the sample fragments
"""

import sys

import tifffile

from napari_nx46 import Setting, make_mask, open_data, write_sample

if len(sys.argv) == 1:
    write_sample("sample")
fragment = open_data(sys.argv[1] if sys.argv[1:] else "sample").fragments[0]
setting = Setting(quantile=0.93, blend=0.72, z_radius=2)
mask = make_mask(fragment.p3d.read(), fragment.p2d.read(), setting=setting)
tifffile.imwrite(f"{fragment.image_id}.tif", mask, compression="lzw")
print(f"{fragment.image_id}: {mask.shape}, {mask.mean():.1%} of the voxels are foreground")
