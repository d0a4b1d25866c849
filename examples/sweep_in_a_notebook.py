"""Score a fragment over a sweep of two knobs, as a table and a picture, cell by cell.

python examples/sweep_in_a_notebook.py    or open it in Jupyter, VS Code or Spyder: `# %%` are cells

`nx46 campaign run DATA --grid ... --work DIR` does the same over many fragments, on all cores, and
goes on after a kill.
"""

# %% A fragment with its label; of your own: open_data("DATA").fragments[0] and .read()
import matplotlib.pyplot as plt
import pandas as pd

from napari_nx46 import SAMPLES, Setting, make_mask, make_sample, score

sample = make_sample(SAMPLES[0])

# %% The sweep
rows = []
for quantile in (0.86, 0.88, 0.9, 0.92):
    for closing in (0, 1, 2):
        setting = Setting(quantile=quantile, closing_z=closing, smallest_object=50)
        mask = make_mask(sample.p3d, sample.p2d, setting=setting)
        found = score(mask, sample.label)
        rows.append({"quantile": quantile, "closing_z": closing, **found.as_record()})
table = pd.DataFrame(rows)

# %% The best five
columns = ["quantile", "closing_z", "score", "topo", "surface_dice", "voi_score"]
print(table.nlargest(5, "score")[columns].to_string(index=False))

# %% The picture
grid = table.pivot_table(index="closing_z", columns="quantile", values="score")
figure, axes = plt.subplots(layout="constrained")
image = axes.imshow(grid, origin="lower", aspect="auto", cmap="viridis")
axes.set_xticks(range(len(grid.columns)), grid.columns)
axes.set_yticks(range(len(grid.index)), grid.index)
axes.set(xlabel="Quantile", ylabel="Closing along z (slices)", title="Leaderboard score")
figure.colorbar(image)
figure.savefig("sweep.png")
