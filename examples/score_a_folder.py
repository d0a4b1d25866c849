"""Score a folder of masks against their labels, by the competition's own score.

python examples/score_a_folder.py [MASKS LABELS]    without folders, on masks of the samples

Masks and labels belong together by name. `nx46 score MASKS LABELS` prints the same.
"""

import sys
from pathlib import Path

import pandas as pd
import tifffile

from napari_nx46 import open_data, write_sample
from napari_nx46.leaderboard import mean_record
from napari_nx46.run.compare.scoring import pair_up, score_pairs


def write_masks(folder: Path) -> tuple[Path, Path]:
    """Write masks of the sample fragments, where two networks are 90 percent sure; and labels."""
    write_sample(folder)
    (folder / "masks").mkdir(exist_ok=True)
    for fragment in open_data(folder):
        sure = (fragment.p3d.read() >= 230) & (fragment.p2d.read() >= 230)
        tifffile.imwrite(folder / "masks" / f"{fragment.image_id}.tif", sure.astype("uint8"))
    return folder / "masks", folder / "train_labels"


masks, labels = map(Path, sys.argv[1:3]) if len(sys.argv) > 1 else write_masks(Path("sample"))
scores = score_pairs(pair_up(masks, labels))
table = pd.DataFrame({name: score.as_record() for name, score in scores.items()}).T
table.loc["mean"] = mean_record(list(scores.values()))
print(table[["score", "topo", "surface_dice", "voi_score", "voxel_recall"]].to_string())
