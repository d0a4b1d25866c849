"""Data that the tests of campaigns share."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from napari_nx46.fragments import open_data
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.setting_sides import setting_side
from tests.campaign.results_factory import RUN_SETTINGS, done

SHAPE = (9, 12, 14)


@pytest.fixture(scope="session")
def computed_runs(tmp_path_factory):
    """Return data of two fragments, the first one labelled, and what two runs give on them.

    These are the pipelines; the masks by run_id and image_id; the label; and the runs as
    `results_factory.campaign` takes them.
    """
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(11)
    for image_id in ("one", "two"):
        for path in ("p3d", "p2d"):
            (folder / path).mkdir(exist_ok=True)
            np.save(folder / path / f"{image_id}.npy", random.random(SHAPE, np.float32))
    (folder / "train_labels").mkdir()
    label = (random.random(SHAPE) < 0.02).astype(np.uint8)
    np.save(folder / "train_labels" / "one.npy", label)
    pipelines = PipelineSet(open_data(folder))
    masks = {}
    for run_id, setting in RUN_SETTINGS.items():
        side = setting_side(run_id, dict.fromkeys(("one", "two"), setting), pipelines)
        for image_id, mask in side.masks.items():
            masks[run_id, image_id] = mask.read(lambda: False)
    return pipelines, masks, label, {run_id: _results(run_id, masks) for run_id in RUN_SETTINGS}


def _results(run_id, masks):
    return {
        image_id: dataclasses.replace(
            done(run_id, image_id, {"density": float(mask.mean())}),
            mask_sha256=hashlib.sha256(mask.tobytes()).hexdigest(),
        )
        for (of_run, image_id), mask in masks.items()
        if of_run == run_id
    }
