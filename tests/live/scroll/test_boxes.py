"""Boxes that are placed in a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments.boxes import Box, check_boxes
from napari_nx46.live.scroll.boxes import BoxChoice

SHAPE = (40, 60, 500)
PLACES = st.tuples(*[st.floats(-100, 700)] * 3)


@given(st.lists(PLACES, max_size=5), st.integers(1, 400))
def test_added_boxes_lie_within_the_volume_none_twice(centers, side):
    choice = BoxChoice(SHAPE)
    choice.side = side
    for center in centers:
        choice.add(center)
        box = choice.boxes[choice.chosen]
        assert box.shape == tuple(min(side, length) for length in SHAPE)
        for at, start, stop, length in zip(center, box.start, box.stop, SHAPE, strict=True):
            # As near to the place as the volume allows.
            assert abs((start + stop) / 2 - at) <= 0.5 or start == 0 or stop == length
    check_boxes(choice.boxes, SHAPE, "volume")


def test_a_box_that_is_changed_stays_where_it_was_listed():
    choice = BoxChoice(SHAPE)
    choice.side = 10
    choice.add((0, 0, 0))
    choice.add((20, 20, 20))
    other = Box((1, 2, 3), (4, 5, 6))
    assert choice.change(0, other)
    assert choice.boxes == (other, Box((15, 15, 15), (25, 25, 25)))
    assert choice.chosen == 0
    assert not choice.change(1, other)  # it is there already
    with pytest.raises(ValueError, match="within 0:40,0:60,0:500"):
        choice.change(1, Box((0, 0, 0), (41, 5, 6)))
    choice.remove(1)
    assert choice.boxes == (other,)
    assert choice.chosen == 0
    choice.remove(0)
    assert choice.boxes == ()
    assert choice.chosen is None


def test_whoever_shows_the_boxes_hears_of_every_change():
    choice, heard = BoxChoice(SHAPE), []
    choice.changed.connect(lambda: heard.append((choice.boxes, choice.chosen)))
    choice.add((5, 5, 5))
    choice.choose(None)
    choice.choose(None)
    choice.choose(0)
    assert [chosen for _, chosen in heard] == [0, None, 0]
