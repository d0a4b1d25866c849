"""Draw what the scripts of examples/ make, from their results: the pictures of the gallery."""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from png import save_figure

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
INCHES = (10.0, 4.2)
MASK = (0.0, 0.62, 0.45)
"""The bluish green of Okabe and Ito."""

Names = dict[str, Any]
"""What a script has defined at its end."""


def show_slice(axes: Axes, voxels: npt.ArrayLike, title: str, mask: npt.ArrayLike = ()) -> None:
    """Show a slice in grey, with a mask over it."""
    axes.imshow(voxels, cmap="gray", interpolation="nearest")
    if np.size(mask):
        colour = np.zeros((*np.shape(mask), 4))
        colour[np.asarray(mask) > 0] = (*MASK, 0.6)
        axes.imshow(colour, interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()


def draw_mask(figure: Figure, names: Names) -> None:
    """Draw a slice of the probabilities and its mask."""
    left, right = figure.subplots(1, 2)
    probabilities, mask = names["fragment"].p3d.read(), names["mask"]
    z = len(mask) // 2
    show_slice(left, probabilities[z], f"p3d, slice {z}")
    show_slice(right, probabilities[z], f"the mask, quantile {names['setting'].quantile}", mask[z])


def draw_scores(figure: Figure, names: Names) -> None:
    """Draw the score of each fragment beside its parts."""
    table = names["table"][["score", "topo", "surface_dice", "voi_score"]].astype(float)
    axes = figure.subplots()
    table.plot.bar(ax=axes, rot=0, width=0.8, color=["#222222", "#E69F00", "#56B4E9", "#009E73"])
    axes.set(ylim=(0, 1.05), ylabel="Score")
    axes.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, 1.14), frameon=False)


def draw_errors(figure: Figure, names: Names) -> None:
    """Draw the slice of each of the two costliest errors, with the error marked."""
    voxels = names["fragment"].p3d.read()
    places, table = names["costliest"].place.tolist(), names["table"]
    for row, axes in enumerate(figure.subplots(1, 2)):
        z, y, x = map(int, places[row])
        title = f"{table['kind'][row]} at {z}, {y}, {x}: {table['share'][row]:.4f} of the score"
        show_slice(axes, voxels[z], title, names["mask"][z])
        axes.plot(x, y, "o", markersize=22, markerfacecolor="none", color="#D55E00", mew=2.5)


def draw_measures(figure: Figure, names: Names) -> None:
    """Draw recall and density along z."""
    for axes, name in zip(figure.subplots(1, 2), ("recall", "density"), strict=True):
        for fragment, rows in names["table"].groupby("fragment"):
            axes.plot(rows["z"], rows[name], label=fragment)
        axes.set(xlabel="Slice", ylabel=name.capitalize())
        axes.legend(frameon=False)


def draw_applied(figure: Figure, names: Names) -> None:
    """Draw a slice of the store, its mask, and the same of a coarser level."""
    zarr = names["zarr"]
    store, levels = zarr.open_array(names["store"]), zarr.open_group("mask.zarr", mode="r")
    z = store.shape[0] // 8
    shown = ((store, z, "the store"), (levels["0"], z, "mask"), (levels["1"], z // 2, "level 1"))
    for axes, (array, at, title) in zip(figure.subplots(1, 3), shown, strict=True):
        show_slice(axes, array[at], f"{title}: {' × '.join(map(str, array.shape))}")


DRAWN: dict[str, Callable[[Figure, Names], None]] = {
    "mask_in_ten_lines": draw_mask,
    "score_a_folder": draw_scores,
    "where_the_score_is_lost": draw_errors,
    "measures_as_table": draw_measures,
    "apply_to_a_store": draw_applied,
}


def run_example(name: str) -> Names:
    """Run a script as from the command line, in the working directory."""
    before, sys.argv = sys.argv, [name]
    try:
        return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    finally:
        sys.argv = before


def draw_examples(folder: Path) -> None:
    """Run the scripts that open no window, and draw what they made."""
    matplotlib.use("agg")
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        try:
            for name, draw in DRAWN.items():
                figure = Figure(INCHES, layout="constrained")
                draw(figure, run_example(name))
                save_figure(figure, folder / f"{name}.png")
            figure = run_example("sweep_in_a_notebook")["figure"]
            figure.set_size_inches(INCHES)
            save_figure(figure, folder / "sweep_in_a_notebook.png")
        finally:
            os.chdir(back)


if __name__ == "__main__":
    draw_examples(Path(sys.argv[1]).resolve())
