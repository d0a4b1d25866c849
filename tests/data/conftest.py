"""Fixtures of the tests of this folder."""

from __future__ import annotations

import pytest

from napari_nx46.data.fragments import write_data_folder
from tests.data.volumes_in_folders import probabilities


@pytest.fixture
def data_folder(tmp_path):
    root = tmp_path / "data"
    for number, image_id in enumerate(("20", "100", "a-b_c.d")):
        write_data_folder(
            root,
            image_id,
            {
                "p3d": probabilities(number),
                "p2d": probabilities(number + 10),
                "train_images": probabilities(number + 20),
                "train_labels": probabilities(number + 30) % 3,
            },
        )
    return root
