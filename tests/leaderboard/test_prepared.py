"""A prepared label and octants left out give the scores that the plain definition gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46 import leaderboard
from napari_nx46.voxels.blocks import octants_of

SHAPES = [(6, 7, 9), (12, 5, 8), (1, 4, 3)]


def volumes(shape, seed, share):
    random = np.random.default_rng(seed)
    label = random.choice(3, shape, p=(0.6, 0.3, 0.1)).astype(np.uint8)
    prediction = (random.random(shape) < share).astype(np.uint8)
    return prediction, label


@given(st.sampled_from(SHAPES), st.integers(0, 99), st.sampled_from([0.0, 0.2, 0.6]))
def test_a_prepared_label_gives_the_score(shape, seed, share):
    prediction, label = volumes(shape, seed, share)
    prepared = leaderboard.PreparedLabel(label)
    for one in (prediction, label == 1):
        assert prepared.score(one, workers=1) == leaderboard.score(one, label)


def test_a_prepared_label_takes_other_parameters_and_refuses_other_shapes():
    prediction, label = volumes((8, 8, 8), 1, 0.3)
    parameters = leaderboard.Parameters(octants=(1, 1, 1), tolerance=1.0, ignore_label=None)
    prepared = leaderboard.PreparedLabel(label, parameters)
    assert prepared.score(prediction) == leaderboard.score(prediction, label, parameters=parameters)
    with pytest.raises(ValueError, match="one shape"):
        prepared.score(prediction[:4])


@given(st.sampled_from(SHAPES), st.integers(0, 99))
def test_octants_left_out_are_octants_ignored(shape, seed):
    prediction, label = volumes(shape, seed, 0.4)
    whole, *without = leaderboard.scores_without_octants(prediction, label)
    assert whole == leaderboard.score(prediction, label)
    boxes = octants_of(shape)
    assert len(without) == len(boxes)
    for box, found in zip(boxes, without, strict=True):
        ignored = label.copy()
        ignored[box] = 2
        assert found == leaderboard.score(prediction, ignored)
