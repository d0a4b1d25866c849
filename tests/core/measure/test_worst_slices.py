"""The worst slices are those that a look at all figures would pick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.core.measure.slices import SliceMeasures
from napari_nx46.core.measure.worst_slices import Fault, next_worst, worst_slices

BAND = (0.2, 0.4)
SHARES = st.floats(0, 1, allow_nan=False)


def profile_of(densities, losses):
    return [
        SliceMeasures(z, density, None, 0, 0.0, 0, recall_loss=loss)
        for z, (density, loss) in enumerate(zip(densities, losses, strict=True))
    ]


@given(st.lists(st.tuples(SHARES, SHARES), max_size=12), st.integers(0, 4))
def test_no_slice_that_is_left_out_is_worse(figures, most):
    densities, losses = [density for density, _ in figures], [loss for _, loss in figures]
    worst = worst_slices(profile_of(densities, losses), BAND, most)
    distances = [max(BAND[0] - density, density - BAND[1], 0.0) for density in densities]
    for fault, values in ((Fault.RECALL, losses), (Fault.DENSITY, distances)):
        listed = [slice_ for slice_ in worst if slice_.fault is fault]
        shown = [abs(slice_.value) for slice_ in listed]
        assert shown == [values[slice_.z] for slice_ in listed]
        assert shown == sorted((value for value in values if value), reverse=True)[:most]


def test_what_misses_the_surface_comes_first_and_without_a_label_there_is_no_loss():
    worst = worst_slices(profile_of([0.1, 0.3, 0.9], [0.0, 0.5, 0.1]), BAND, 5)
    assert [(slice_.z, slice_.fault) for slice_ in worst] == [
        (1, Fault.RECALL),
        (2, Fault.RECALL),
        (2, Fault.DENSITY),
        (0, Fault.DENSITY),
    ]
    assert [round(slice_.value, 9) for slice_ in worst] == [0.5, 0.1, 0.5, -0.1]
    unlabelled = worst_slices(profile_of([0.1, 0.3, 0.9], [None] * 3), BAND, 5)
    assert [(slice_.z, slice_.fault) for slice_ in unlabelled] == [
        (2, Fault.DENSITY),
        (0, Fault.DENSITY),
    ]


def test_slices_that_the_label_ignores_are_not_listed():
    ignored = [SliceMeasures(z, 0.9, None, 0, 0.0, 0, ignored=z != 1) for z in range(3)]
    assert [slice_.z for slice_ in worst_slices(ignored, BAND, 5)] == [1]


def test_the_next_one_goes_through_the_list_round_the_end():
    worst = worst_slices(profile_of([0.1, 0.3, 0.9], [0.0, 0.5, 0.1]), BAND, 5)
    assert [next_worst(worst, z) for z in (7, 1, 2, 0)] == [1, 2, 0, 1]
    assert next_worst((), 3) is None
