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
