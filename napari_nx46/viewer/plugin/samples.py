"""File > Open Sample: the sample fragments, made once by the installed package itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

from napari_nx46.data.fragments import Place, open_data
from napari_nx46.viewer.canvas.layers import LayerData, fragment_layers

SampleLayers = Callable[[], list[LayerData]]


def sample_folder() -> Path:
    """Return the data folder of the sample fragments, making them where they are not there yet."""
    # What makes them needs SciPy, which would hold up every window.
    from napari_nx46.data.sample import write_sample
    from napari_nx46.data.synthetic import SAMPLES

    folder = sample_path()
    last = folder / "train_labels" / f"{SAMPLES[-1].image_id}.tif"
    if not last.exists():
        write_sample(folder)
    return folder


def is_sample(paths: Iterable[Place]) -> bool:
    """Return whether the sample fragments were opened, which always begin the same."""
    return tuple(paths) == (sample_path(),)


def sample_path() -> Path:
    """Return where the sample fragments are, or will be."""
    return user_cache_path("napari-nx46", appauthor=False) / f"sample-{version('napari-nx46')}"


def open_sample(position: int) -> list[LayerData]:
    """Return the layers of one sample fragment; the dock goes on with all of them."""
    from napari_nx46.data.synthetic import SAMPLES

    folder = sample_folder()
    fragment = open_data(folder)[SAMPLES[position].image_id]
    return fragment_layers(fragment, (folder,))


open_wound: SampleLayers = partial(open_sample, 0)
open_pressed: SampleLayers = partial(open_sample, 1)
open_torn: SampleLayers = partial(open_sample, 2)
