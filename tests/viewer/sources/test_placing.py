"""Layers of a plane lie where the volume's last two axes do."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Points

from napari_nx46.viewer.sources.placing import Placing


@pytest.mark.parametrize("units", ["pixel", "micrometer"])
def test_points_of_two_axes_follow_the_last_two_of_a_volume(units):
    volume = Image(np.zeros((4, 5, 6)), scale=(2, 3, 4), translate=(1, 5, 7), units=(units,) * 3)
    placing = Placing()
    placing.follow(volume, (0, 1, 2))
    points = placing.place(Points(np.array([[1.0, 2.0]]), ndim=2))
    for scale in ((2, 3, 4), (1, 8, 0.5)):
        volume.scale = scale
        expected = volume.data_to_world((0, 1, 2))[-2:]
        np.testing.assert_allclose(points.data_to_world((1, 2)), expected)
    assert points.units == volume.units[-2:]
    placing.close()


@pytest.mark.parametrize("shear", [0.0, 0.4])
def test_a_part_of_a_volume_lies_where_its_voxels_lie(shear):
    volume = Image(
        np.zeros((4, 5, 6)),
        scale=(2, 3, 4),
        translate=(1, 5, 7),
        rotate=(0, 0, 30),
        shear=(0, 0, shear),
        affine=np.diag([2.0, 1.0, 3.0, 1.0]),
    )
    placing = Placing()
    placing.follow(volume, (0, 1, 2))
    part = placing.place(Image(np.zeros((2, 2, 2))), (1, 2, 3))
    for offset in ((1, 2, 3), (2, 0, 1)):
        placing.place(part, offset)
        for voxel in ((0, 0, 0), (1, 1, 0)):
            expected = volume.data_to_world(np.add(voxel, offset))
            np.testing.assert_allclose(part.data_to_world(voxel), expected)
    volume.translate = (0, 0, 9)
    np.testing.assert_allclose(part.data_to_world((0, 0, 0)), volume.data_to_world((2, 0, 1)))
    placing.close()


def test_a_part_moves_within_a_volume_that_nothing_places():
    placing = Placing()
    part = placing.place(Image(np.zeros((2, 2, 2)), scale=(1, 2, 2)), (1, 2, 3))
    placing.place(part, (0, 3, 1))
    assert part.data_to_world((0, 0, 0)) == (0, 6, 2)
