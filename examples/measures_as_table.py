"""Measure masks slice by slice against their labels, as one table, and list the worst slices.

python examples/measures_as_table.py [MASKS LABELS]    without folders, on the sample fragments

`nx46 measure MASKS --label LABELS --slices slices.csv` writes the same table.
"""

import io
import sys
from pathlib import Path

import pandas as pd
import tifffile

from napari_nx46 import open_data, write_sample
from napari_nx46.run.compare.measures import measure_masks, slices_csv

if len(sys.argv) > 1:
    masks, labels = map(Path, sys.argv[1:3])
else:
    masks, labels = Path("masks"), Path("sample", "train_labels")
    write_sample("sample")
    masks.mkdir(exist_ok=True)
    for fragment in open_data("sample"):
        likely = (fragment.p3d.read() > 127).astype("uint8")
        tifffile.imwrite(masks / f"{fragment.image_id}.tif", likely)

table = pd.read_csv(io.BytesIO(slices_csv(measure_masks([masks], labels))))
table.to_csv("slices.csv", index=False)
print(table.groupby("fragment")[["density", "components", "precision", "recall", "dice"]].mean())
print("\nWhere most of the label is missed:")
print(table.nsmallest(5, "recall")[["fragment", "z", "recall", "precision", "density"]])
