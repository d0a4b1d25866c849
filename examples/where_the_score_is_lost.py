"""List what the leaderboard score of a mask has lost: each error with its place and its cost.

python examples/where_the_score_is_lost.py [MASK LABEL]    without files, on a sample fragment

`nx46 errors MASK LABEL` prints the same.
"""

import sys

import pandas as pd
import tifffile

from napari_nx46 import open_data, write_sample
from napari_nx46.leaderboard import KINDS, SIDES, explain

if len(sys.argv) > 1:
    mask, label = map(tifffile.imread, sys.argv[1:3])
else:
    write_sample("sample")
    fragment = open_data("sample").fragments[0]
    mask, label = fragment.p3d.read() >= 230, fragment.label.read()

found = explain(mask, label)
costliest = found.items.selected(slice(10))
table = pd.DataFrame(
    {
        "kind": [KINDS[kind] for kind in costliest.kind],
        "side": [SIDES[side] for side in costliest.side],
        "place (z, y, x)": map(tuple, costliest.place.tolist()),
        "size": costliest.size,
        "share": costliest.share,
        "gain": costliest.gain,
    }
)
print(table.to_string(index=False))
print(f"\nThe costliest one has {len(found.voxels_of(0))} voxels. All of them, kind by kind:")
for group in found.items.groups():
    print(f"{group.count:>6} {group.kind:<20} {group.share:.6f}")
print(f"{len(found.items):>6} {'1 - score':<20} {found.shares_sum:.6f}")
