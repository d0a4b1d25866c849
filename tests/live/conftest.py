"""Sessions on small data sets, ended after each test."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.score.kernels import warm_up_cleanup
from napari_nx46.data.fragments import open_data, write_data_folder
from tests.live.driver import SessionDriver, smooth_volume, write_damaged, write_fragments
from tests.live.gates import Gate


@pytest.fixture(scope="package", autouse=True)
def _compiled():
    """Compile what sessions compile beside them, which takes minutes where nothing is cached."""
    warm_up_cleanup()


@pytest.fixture(scope="package")
def dataset(tmp_path_factory):
    """Return three small fragments of different shapes and types; tests only read them."""
    return write_fragments(tmp_path_factory.mktemp("live") / "data")


@pytest.fixture
def damaged(tmp_path):
    """Return a data set whose fragment ``a`` has NaN in slice 2, and ``b`` is sound."""
    return write_damaged(tmp_path / "damaged")


@pytest.fixture
def new_driver():
    """Return a function that makes a driver on a data set; all are closed afterwards."""
    made = []

    def make(dataset, *, start=True, **options):
        driver = SessionDriver(dataset, **options)
        made.append(driver)
        if start:
            driver.session.start()
        return driver

    yield make
    for driver in made:
        driver.session.close()


@pytest.fixture
def image_driver(tmp_path, new_driver):
    """Return a started driver on a fragment that has nothing but its CT image."""
    voxels = np.random.default_rng(3).integers(0, 256, (9, 20, 22), dtype=np.uint8)
    write_data_folder(tmp_path / "images", "a", {"test_images": voxels})
    return new_driver(open_data(tmp_path / "images"))


@pytest.fixture
def driver(dataset, new_driver):
    """Return a started driver on the three fragments."""
    return new_driver(dataset)


@pytest.fixture
def labelled(tmp_path):
    """Return a data set of two fragments, of which only ``a`` has a label."""
    rng = np.random.default_rng(8)
    label = rng.integers(0, 3, (10, 18, 20), dtype=np.uint8)
    volumes = {name: smooth_volume(rng, (10, 18, 20)) for name in ("p3d", "p2d")}
    write_data_folder(tmp_path / "data", "a", {**volumes, "train_labels": label})
    write_data_folder(tmp_path / "data", "b", volumes)
    return open_data(tmp_path / "data")


@pytest.fixture
def gate(driver, monkeypatch):
    """Return a gate that holds the worker of the driver back; it has nothing to do yet."""
    driver.settle()
    made = Gate(driver.session, monkeypatch)
    yield made
    made.open()
