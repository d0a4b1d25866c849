"""The variation of information against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import variation_of_information as slow_variation

from napari_nx46.leaderboard import variation_of_information
from tests.leaderboard.strategies import MIDDLE, mask_pairs

RANKS = {6: 1, 18: 2, 26: 3}


@settings(max_examples=60)
@given(mask_pairs(MIDDLE), st.sampled_from([6, 18, 26]))
def test_split_and_merge_are_the_conditional_entropies(pair, connectivity):
    prediction, label = pair
    structure = ndimage.generate_binary_structure(3, RANKS[connectivity])
    labels = [ndimage.label(mask, structure)[0] for mask in (prediction, label)]
    either = prediction | label
    expected = [0.0, 0.0]
    if either.any():
        expected = slow_variation(labels[1][either], labels[0][either])
    result = variation_of_information(prediction, label, connectivity=connectivity)
    assert [result.split, result.merge] == pytest.approx(list(expected), abs=1e-10)


def test_a_sheet_cut_in_equal_halves_is_split_by_one_bit_at_most():
    label = np.ones((1, 4, 9), bool)
    prediction = label.copy()
    prediction[:, :, 4] = False
    result = variation_of_information(prediction, label)
    assert result.merge == 0.0
    assert result.split == pytest.approx(-8 / 9 * np.log2(4 / 9) - 1 / 9 * np.log2(1 / 9))


def test_the_score_falls_with_alpha():
    label = np.ones((1, 4, 9), bool)
    prediction = label.copy()
    prediction[:, :, 4] = False
    lenient, strict = (variation_of_information(prediction, label, alpha=a) for a in (0.3, 1.0))
    assert lenient.value == pytest.approx(1 / (1 + 0.3 * lenient.split))
    assert strict.value == pytest.approx(1 / (1 + strict.split))


def test_two_empty_masks_say_the_same():
    empty = np.zeros((2, 3, 4), bool)
    assert variation_of_information(empty, empty).value == 1.0
