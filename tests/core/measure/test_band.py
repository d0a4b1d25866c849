"""Where a density lies with respect to a band."""

from __future__ import annotations

import pytest

from napari_nx46.core.measure.band import BandPosition, distance_from_band, position_in_band


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (0.0599, BandPosition.BELOW),
        (0.06, BandPosition.IN),
        (0.1, BandPosition.IN),
        (0.12, BandPosition.IN),
        (0.1201, BandPosition.ABOVE),
    ],
)
def test_a_density_is_below_in_or_above_the_band_whose_ends_belong_to_it(value, position):
    assert position_in_band(value, (0.06, 0.12)) is position


def test_a_band_that_is_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match=r"\(0\.12, 0\.06\)"):
        position_in_band(0.1, (0.12, 0.06))


def test_a_density_that_is_not_a_number_has_no_position():
    with pytest.raises(ValueError, match="not a number"):
        position_in_band(float("nan"), (0.06, 0.12))


@pytest.mark.parametrize(("value", "distance"), [(0.25, -0.25), (0.5, 0.0), (0.75, 0.0), (1, 0.25)])
def test_the_distance_from_the_band_has_the_sign_of_the_side(value, distance):
    assert distance_from_band(value, (0.5, 0.75)) == distance
