"""Means of several volumes: which weigh how much, and sums in a fixed order."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.core.score import plain
from napari_nx46.core.score.ensemble import (
    LOWEST_PROBABILITY,
    effective_weights,
    in_order,
    mean_of_logits,
    mean_of_probabilities,
    normalised_weights,
)
from napari_nx46.setting import Averaging, ScoreFrom, Setting

NAMES = ("a", "p2d", "Z", "p3d", "unet")
GIVEN = st.dictionaries(st.sampled_from(NAMES), st.floats(0.01, 100), min_size=1)


def parts_of(names, shape=(3, 4, 5), seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.random(shape, dtype=np.float32) for name in names}


def logit_mean(probabilities, weights):
    """Return the mean of one voxel, in 40 digits."""
    getcontext().prec = 40
    total = Decimal(0)
    for probability, weight in zip(probabilities, weights, strict=True):
        lowest, highest = LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY
        p = Decimal(min(max(float(probability), lowest), highest))
        total += Decimal(weight) * (p / (1 - p)).ln()
    return float(1 / (1 + (-total).exp()))


def test_the_order_of_summation_is_p3d_p2d_then_ascending():
    assert in_order(NAMES) == ["p3d", "p2d", "Z", "a", "unet"]
    assert in_order(["p2d", "b", "a"]) == ["p2d", "a", "b"]


@given(GIVEN)
def test_weights_are_divided_by_their_sum(given_weights):
    weights = normalised_weights(NAMES, tuple(given_weights.items()))
    assert list(weights) == in_order(given_weights)
    assert math.fsum(weights.values()) == pytest.approx(1, rel=1e-15)
    total = sum(given_weights.values())
    for name, weight in weights.items():
        assert weight == pytest.approx(given_weights[name] / total, rel=1e-14)


def test_volumes_without_a_weight_or_with_weight_0_are_left_out():
    assert normalised_weights(NAMES, (("a", 2.0), ("unet", 0.0), ("p2d", 6.0))) == {
        "p2d": 0.75,
        "a": 0.25,
    }


def test_a_weight_of_a_volume_that_is_not_there_is_reported_with_those_that_are():
    with pytest.raises(ValueError, match=r"no probability volume b, c; there are: p3d, a$"):
        normalised_weights(("a", "p3d"), (("c", 1.0), ("a", 1.0), ("b", 0.0)))
    with pytest.raises(ValueError, match="there are: none"):
        normalised_weights((), (("a", 1.0),))
    with pytest.raises(ValueError, match="at least one above 0"):
        normalised_weights(("a",), (("a", 0.0),))


def test_the_probabilities_of_two_paths_are_blended_without_weights():
    setting = Setting(blend=0.3)
    for names in (("p3d", "p2d"), ("p3d",), ("p2d",), ("p3d", "p2d", "unet")):
        assert effective_weights(names, setting) is None


def test_the_logits_of_two_paths_have_the_blends_weights():
    setting = Setting(blend=0.3, averaging=Averaging.LOGIT)
    for names in (("p3d", "p2d"), ("p3d",), ("p3d", "p2d", "unet")):
        assert effective_weights(names, setting) == {"p3d": 0.3, "p2d": 0.7}


@pytest.mark.parametrize("averaging", Averaging)
def test_models_alone_weigh_the_same(averaging):
    weights = effective_weights(("b", "a", "c"), Setting(averaging=averaging))
    assert weights == {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}
    assert list(weights) == ["a", "b", "c"]


@pytest.mark.parametrize("averaging", Averaging)
def test_weights_come_before_the_blend(averaging):
    setting = Setting(weights={"unet": 3, "p3d": 1}, averaging=averaging)
    assert effective_weights(NAMES, setting) == {"p3d": 0.25, "unet": 0.75}
    with pytest.raises(ValueError, match="no probability volume unet"):
        effective_weights(("p3d", "p2d"), setting)


@pytest.mark.parametrize("only", ["p3d", "p2d"])
def test_where_one_volume_stands_for_both_paths_both_may_be_weighed(only):
    weights = effective_weights((only, "unet"), Setting(weights={"p3d": 1, "p2d": 3}))
    assert weights == {"p3d": 0.25, "p2d": 0.75}
    with pytest.raises(ValueError, match="no probability volume p2d; there are: unet"):
        effective_weights(("unet",), Setting(weights={"p2d": 1}))


@pytest.mark.parametrize("source", [ScoreFrom.GRADIENT, ScoreFrom.RESIDUAL])
def test_weights_do_not_count_for_paths_from_the_ct(source):
    setting = Setting(source=source, weights={"unet": 1}, blend=0.25)
    assert effective_weights(("p3d", "p2d"), setting) is None
    setting = setting.changed(averaging=Averaging.LOGIT)
    assert effective_weights(("p3d",), setting) == {"p3d": 0.25, "p2d": 0.75}


def test_without_volumes_there_is_nothing_to_average():
    with pytest.raises(ValueError, match="no probability volume"):
        effective_weights((), Setting())


@given(st.floats(0, 1), st.integers(0, 99))
def test_the_mean_of_two_paths_is_their_blend_bit_for_bit(blend, seed):
    parts = parts_of(("p2d", "p3d"), seed=seed)
    out = np.empty((3, 4, 5), np.float32)
    pairs = (("p2d", 1 - blend), ("p3d", blend))
    mean_of_probabilities(parts, normalised_weights(("p3d", "p2d"), pairs), out)
    blended = np.empty_like(out)
    plain.score_tile(parts["p3d"], parts["p2d"], 0, 0, blend, slice(0, 4), blended, None)
    np.testing.assert_array_equal(out, blended)


@given(GIVEN, st.integers(0, 99))
def test_the_mean_of_probabilities_is_summed_in_order_in_float32(given_weights, seed):
    parts = parts_of(NAMES, seed=seed)
    weights = normalised_weights(NAMES, tuple(given_weights.items()))
    out = np.empty((3, 4, 5), np.float32)
    mean_of_probabilities(parts, weights, out)
    for index in np.ndindex(out.shape):
        total = None
        for name in [name for name in ("p3d", "p2d", "Z", "a", "unet") if name in weights]:
            term = np.float32(np.float32(weights[name]) * parts[name][index])
            total = term if total is None else np.float32(total + term)
        assert out[index] == total


@given(GIVEN, st.integers(0, 99))
def test_the_mean_of_logits_is_that_of_40_digits(given_weights, seed):
    parts = parts_of(NAMES, (1, 2, 3), seed)
    parts["p3d"][0, 0] = 0, 1, 0.5
    weights = normalised_weights(NAMES, tuple(given_weights.items()))
    out = np.empty((1, 2, 3), np.float32)
    mean_of_logits(parts, weights, out)
    for index in np.ndindex(out.shape):
        exact = logit_mean([parts[name][index] for name in weights], weights.values())
        assert out[index] == pytest.approx(exact, rel=2.0**-24)


def test_the_mean_of_logits_of_certain_volumes_is_finite():
    parts = {
        "a": np.array([[[0, 1, 0, 1]]], np.float32),
        "b": np.array([[[0, 1, 1, 0]]], np.float32),
    }
    out = np.empty((1, 1, 4), np.float32)
    mean_of_logits(parts, {"a": 0.5, "b": 0.5}, out)
    np.testing.assert_array_equal(out, np.float32([[[1e-6, 1 - 1e-6, 0.5, 0.5]]]))


@given(
    start=st.tuples(*[st.integers(0, 6)] * 3),
    size=st.tuples(*[st.integers(1, 9)] * 3),
    averaged=st.sampled_from([mean_of_probabilities, mean_of_logits]),
)
def test_where_parts_are_cut_changes_no_bit_of_their_mean(start, size, averaged):
    shape = (9, 11, 21)
    parts = parts_of(("a", "b", "p3d"), shape)
    weights = {"p3d": 0.5, "a": 0.3, "b": 0.2}
    whole = np.empty(shape, np.float32)
    averaged(parts, weights, whole)
    block = tuple(slice(first, first + n) for first, n in zip(start, size, strict=True))
    for copy in (np.ascontiguousarray, np.asfortranarray, np.asarray):
        cut = {name: copy(part[block]) for name, part in parts.items()}
        out = np.empty(whole[block].shape, np.float32)
        averaged(cut, weights, out)
        np.testing.assert_array_equal(out, whole[block])
