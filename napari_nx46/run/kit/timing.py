"""How long a setting takes for a volume of the competition's size, on this machine."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments import DataSet
from napari_nx46.data.synthetic import SAMPLES, make_sample
from napari_nx46.run.export.export import export, same_setting
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import Workers

SHAPE = (320, 320, 320)
"""Of the competition's volumes."""


def volume_seconds(setting: Setting, threads: int = 2) -> float:
    """Return how long the mask of a volume takes to compute, write, read back and validate.

    Parameters
    ----------
    setting : Setting
        For probabilities; the volumes are a sample fragment, repeated.
    threads : int, optional
    """
    sample = make_sample(SAMPLES[0])
    arrays = {name: _repeated(getattr(sample, name)) for name in ("p3d", "p2d", "image")}
    dataset = DataSet.from_arrays({"timed": arrays})
    workers = Workers(threads)
    try:
        with tempfile.TemporaryDirectory(prefix="nx46-kit-") as folder:
            start = time.monotonic()
            pipelines = PipelineSet(dataset, workers=workers)
            export(pipelines, same_setting(dataset, setting), Path(folder) / "timed.zip")
            return time.monotonic() - start
    finally:
        workers.close()


def compile_seconds() -> float:
    """Return how long it takes to compile everything, as on a machine that has never done so."""
    with tempfile.TemporaryDirectory(prefix="nx46-kit-") as folder:
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", "from napari_nx46.run.warm_up import warm_up; warm_up()"],
            env={**os.environ, "NUMBA_CACHE_DIR": folder},
            check=True,
            capture_output=True,
        )
        return time.monotonic() - start


def _repeated(voxels: np.ndarray) -> np.ndarray:
    times = [math.ceil(length / own) for length, own in zip(SHAPE, voxels.shape, strict=True)]
    return np.ascontiguousarray(np.tile(voxels, times)[tuple(map(slice, SHAPE))])
