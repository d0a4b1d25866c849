"""Values that follow a session, ended after each test."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.data.fragments import open_data, write_data_folder
from tests.live.derived.scored import SHAPES, Hold, Scored, labels_of


@pytest.fixture
def new_value():
    """Return a function that makes a measured value of a driver; all are closed before it is."""
    made = []

    def make(kind, driver, scores=None):
        value = kind(driver.session, scores, rest_seconds=0.0)
        made.append(value)
        value.touch()
        return value

    yield make
    for value in made:
        value.close()


@pytest.fixture(scope="module")
def labels():
    return {"a": labels_of(SHAPES["a"], 0), "b": labels_of(SHAPES["b"], 1)}


@pytest.fixture(scope="module")
def scored_data(tmp_path_factory, labels):
    """Return three fragments, of which the last has no label."""
    root = tmp_path_factory.mktemp("scored_data") / "data"
    rng = np.random.default_rng(5)
    for image_id, shape in SHAPES.items():
        sheets = (labels_of(shape, 7) == 1).astype(np.float32)
        volumes = {"p3d": 0.4 * sheets + 0.6 * rng.random(shape, dtype=np.float32)}
        if image_id in labels:
            volumes["train_labels"] = labels[image_id]
        write_data_folder(root, image_id, volumes)
    return open_data(root)


@pytest.fixture
def new_scored(scored_data, labels):
    made = []

    def make(dataset=scored_data, **options):
        scored = Scored(dataset, labels, **options)
        made.append(scored)
        return scored

    yield make
    for scored in made:
        scored.close()


@pytest.fixture
def scored(new_scored):
    made = new_scored()
    made.wait_until_all()
    return made


@pytest.fixture
def hold(monkeypatch):
    made = Hold(monkeypatch)
    yield made
    made.open()
