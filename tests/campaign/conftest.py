"""Data that the tests of campaigns share."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.campaign.plan.matrix import read_plan
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.run.compare.setting_sides import setting_side
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting, preset
from tests.campaign.results_factory import RUN_SETTINGS, done
from tests.campaign.running import ran

SHAPE = (9, 12, 14)
SHAPES = {"a": (14, 48, 40), "b": (10, 33, 56), "c": (12, 40, 40)}


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


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Return a data folder of three fragments; the last has no label."""
    root = tmp_path_factory.mktemp("campaign") / "data"
    rng = np.random.default_rng(46)
    for image_id, shape in SHAPES.items():
        smooth = ndimage.gaussian_filter(rng.random(shape), (1, 2, 2))
        smooth = (smooth - smooth.min()) / np.ptp(smooth)
        volumes = {
            "p3d": np.rint(255 * smooth).astype(np.uint8),
            "p2d": np.clip(smooth + 0.1 * rng.standard_normal(shape), 0, 1).astype(np.float32),
        }
        if image_id != "c":
            label = (smooth > 0.6).astype(np.uint8)
            label[:, :3] = 2
            volumes["train_labels"] = label
        write_data_folder(root, image_id, volumes)
    return root


@pytest.fixture(scope="session")
def plan():
    """Return the ten NX46 runs, and others that reach every way through the pipeline."""
    others = {
        "pair": Setting(hysteresis=True, quantile=0.95, low_quantile=0.9, smallest_object=6),
        "closed": Setting(quantile=0.95, closing_z=2, closing_xy=1),
        "closed-larger": Setting(quantile=0.95, closing_z=2, closing_xy=1, smallest_object=9),
        "slices": Setting(quantile=0.95, domain="slice"),
        "dataset": Setting(quantile=0.95, domain="dataset"),
        "dataset-blend": Setting(quantile=0.9, blend=0.3, domain="dataset"),
        "again": Setting(quantile=0.95, domain="slice"),
        "published": preset("twelfth-place"),
    }
    runs = tuple(PlannedRun(*pair) for pair in others.items())
    return CampaignPlan("ways", read_plan("nx46-v7.5").runs + runs)


@pytest.fixture(scope="session")
def asked(data, plan):
    return CampaignRequest(plan, DataSource.of(data))


@pytest.fixture(scope="session")
def undisturbed(asked, tmp_path_factory):
    """Return the table of a campaign in one thread."""
    work = tmp_path_factory.mktemp("undisturbed") / "runs.sqlite"
    return ran(asked, work, ClusterChoice(threads=1)).results
