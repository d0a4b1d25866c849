"""What is expected of a setting on whole fragments follows from those that differ least from it."""

from __future__ import annotations

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.run.suggest.searching.nearest import Nearest
from napari_nx46.setting import Setting

NAMES = ("blend", "closing_z", "opening", "smallest_object")
SETTINGS = st.builds(
    Setting,
    blend=st.sampled_from((0.0, 0.5, 1.0)),
    closing_z=st.integers(0, 2),
    opening=st.booleans(),
    smallest_object=st.sampled_from((0, 100)),
)
WORTH = st.floats(0, 1, allow_subnormal=False)


def knobs_apart(one, other):
    """Return how many knobs of two settings differ."""
    return sum(getattr(one, name) != getattr(other, name) for name in NAMES)


@given(st.dictionaries(SETTINGS, st.tuples(WORTH, WORTH, st.booleans()), min_size=1, max_size=12))
def test_equals_the_plain_definition(worths):
    part = {one: row[0] for one, row in worths.items()}
    whole = {one: row[1] for one, row in worths.items() if row[2]}
    expected = Nearest(NAMES).expected(part, whole)
    assert list(expected) == list(part)
    for one, value in expected.items():
        if one in whole or not whole:
            assert value == whole.get(one, part[one])
            continue
        fewest = min(knobs_apart(one, other) for other in whole)
        nearest = [other for other in whole if knobs_apart(one, other) == fewest]
        assert value == part[one] + median(whole[other] - part[other] for other in nearest)


def test_settings_known_whole_alone_are_left_out():
    nearest = Nearest(NAMES)
    here, there = Setting(), Setting(closing_z=1)
    assert nearest.expected({here: 0.5}, {there: 0.9}) == {here: 0.5}
