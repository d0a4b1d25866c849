"""Pins keep settings under letters, and their masks within a bound of memory."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.live.masks.pins import Pins, packed_bytes
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.blocks import whole_block
from tests.live.driver import Events

SHAPE = (4, 6, 16)
BYTES = packed_bytes(SHAPE)
LOW, HIGH = Setting(quantile=0.8), Setting(quantile=0.9, blend=0.5)
OTHER = Setting(quantile=0.7)


def random_mask(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(0, 2, shape, np.uint8)


def packed(seed, shape=SHAPE):
    return MaskStage.of((), random_mask(seed, shape))


def test_a_letter_holds_a_setting_until_it_is_freed_or_pinned_again():
    pins = Pins()
    events = Events(pins, "changed")
    pins.pin("B", LOW)
    pins.pin("A", HIGH)
    assert [(pin.letter, pin.setting) for pin in pins] == [("A", HIGH), ("B", LOW)]
    assert pins.free_letter() == "C"
    pins.pin("A", OTHER)
    assert pins["A"].setting == OTHER
    assert len(pins) == 2
    pins.unpin("A")
    assert "A" not in pins
    assert pins.free_letter() == "A"
    assert len(events.log) == 4
    with pytest.raises(KeyError):
        pins.unpin("A")
    for letter in "ABC":
        pins.pin(letter, LOW)
    assert pins.free_letter() is None


@pytest.mark.parametrize("letter", ["a", "AB", "", "1", "*"])
def test_only_single_upper_case_letters_can_be_pinned_to(letter):
    with pytest.raises(ValueError, match="single upper-case letter"):
        Pins().pin(letter, LOW)


def test_a_mask_needs_to_know_its_fragment():
    with pytest.raises(ValueError, match="image_id"):
        Pins().pin("A", LOW, packed_mask=packed(0))
    with pytest.raises(ValueError, match="image_id"):
        Pins().pin("A", LOW, metrics={"density": 0.1})


def test_any_block_of_a_pinned_mask_is_given_back_as_it_was():
    pins = Pins()
    pins.pin("A", LOW, "a", packed(1))
    mask = random_mask(1)
    for block in (
        whole_block(SHAPE),
        np.s_[2:3, 0:6, 0:16],
        np.s_[0:4, 3:4, 5:14],
        np.s_[1:3, 2:5, 15:16],
    ):
        np.testing.assert_array_equal(pins.mask_block("A", "a", block), mask[block])
    assert pins.mask_block("A", "b", whole_block(SHAPE)) is None
    assert pins.mask_block("B", "a", whole_block(SHAPE)) is None


def test_letters_of_one_setting_share_their_masks():
    pins = Pins()
    pins.pin("A", LOW, "a", packed(1))
    pins.pin("B", LOW)
    assert pins.has_mask("B", "a")
    assert pins.memory_used == BYTES
    pins.unpin("A")
    assert pins.has_mask("B", "a")
    pins.pin("B", HIGH)
    assert pins.memory_used == 0


def test_a_mask_of_a_setting_that_is_not_pinned_is_not_kept():
    pins = Pins()
    pins.pin("A", LOW)
    events = Events(pins, "changed")
    assert not pins.keep_mask(HIGH, "a", packed(1))
    assert not events.log
    assert pins.keep_mask(LOW, "a", packed(1))
    assert events.names() == ["changed"]


def test_the_least_recently_used_mask_is_dropped_first_and_its_pin_stays():
    pins = Pins(memory_bytes=2 * BYTES)
    pins.pin("A", LOW, "a", packed(1))
    pins.pin("B", HIGH, "a", packed(2))
    pins.mask_block("A", "a", whole_block(SHAPE))
    pins.pin("C", OTHER, "a", packed(3))
    assert [pins.has_mask(letter, "a") for letter in "ABC"] == [True, False, True]
    assert pins["B"].setting == HIGH
    assert pins.memory_used == 2 * BYTES
    pins.keep_mask(LOW, "b", packed(4))
    assert not pins.has_mask("A", "a")
    assert pins.has_mask("A", "b")


def test_a_mask_that_is_larger_than_the_bound_drops_no_other():
    pins = Pins(memory_bytes=BYTES)
    pins.pin("A", LOW, "a", packed(1))
    assert not pins.keep_mask(LOW, "b", packed(2, (5, 6, 16)))
    assert pins.has_mask("A", "a")
    with pytest.raises(ValueError, match="-1"):
        Pins(-1)


@given(
    st.integers(0, 6 * BYTES),
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(1, 9))),
)
def test_whatever_is_pinned_the_masks_stay_within_the_bound(memory_bytes, asked):
    settings = {"A": LOW, "B": HIGH, "C": OTHER}
    pins = Pins(memory_bytes)
    held = {}
    for letter, image_id, depth in asked:
        stage = packed(depth, (depth, 6, 16))
        pins.pin(letter, settings[letter], image_id, stage)
        held[letter, image_id] = stage
        assert pins.memory_used <= memory_bytes
        assert pins.has_mask(letter, image_id) == (stage.bits.nbytes <= memory_bytes)
    there = [stage for (one, name), stage in held.items() if pins.has_mask(one, name)]
    assert pins.memory_used == sum(stage.bits.nbytes for stage in there)


def test_a_table_has_the_knobs_that_differ_and_the_deltas_to_the_reference():
    pins = Pins()
    pins.pin("A", LOW, "a", metrics={"density": 0.25, "dice": 0.5})
    pins.pin("B", HIGH, "a", metrics={"density": 0.125, "components": 7})
    pins.pin("C", OTHER)
    pins.note_metrics(OTHER, "b", {"density": 0.5})
    rows = pins.table("a")
    assert [row.letter for row in rows] == ["A", "B", "C"]
    blend = Setting().blend
    assert [dict(row.knobs) for row in rows] == [
        {"blend": blend, "quantile": 0.8},
        {"blend": 0.5, "quantile": 0.9},
        {"blend": blend, "quantile": 0.7},
    ]
    assert [dict(row.metrics) for row in rows] == [
        {"density": 0.25, "dice": 0.5},
        {"density": 0.125, "components": 7},
        {},
    ]
    assert [dict(row.deltas) for row in rows] == [
        {"density": 0.0, "dice": 0.0},
        {"density": -0.125},
        {},
    ]
    assert pins.table("a", reference="B")[0].deltas == {"density": 0.125}
    assert all(row.deltas == {} for row in pins.table("a", reference="Z"))
    assert Pins().table("a") == []


def test_blocks_that_differ_are_in_the_table():
    pins = Pins()
    for letter, stop in (("A", 3), ("B", 4)):
        block = ((0, stop), (0, 6), (0, 16))
        pins.pin(letter, Setting(domain=Domain.BLOCK, block=block))
    assert [row.knobs for row in pins.table("a")] == [
        {"block": ((0, 3), (0, 6), (0, 16))},
        {"block": ((0, 4), (0, 6), (0, 16))},
    ]


def test_metrics_stay_while_the_setting_does_and_are_reported_once():
    pins = Pins()
    pins.pin("A", LOW, "a", metrics={"density": 0.25})
    pins.pin("B", LOW)
    events = Events(pins, "changed")
    pins.note_metrics(LOW, "b", {"density": 0.5})
    pins.note_metrics(LOW, "b", {"density": 0.5})
    pins.note_metrics(HIGH, "b", {"density": 0.5})
    assert len(events.log) == 1
    assert pins["B"].metrics == {"b": {"density": 0.5}}
    pins.pin("A", LOW)
    assert pins["A"].metrics == {"a": {"density": 0.25}, "b": {"density": 0.5}}
    pins.pin("A", HIGH)
    assert pins["A"].metrics == {}


def test_a_slice_of_a_pinned_mask_is_unpacked_within_a_millisecond():
    shape = (3, 320, 320)
    pins = Pins()
    pins.pin("A", LOW, "a", packed(0, shape))
    pins.pin("B", HIGH, "a", packed(1, shape))
    block = np.s_[1:2, 0:320, 0:320]
    times = []
    for letter in 20 * "AB":
        begun = time.perf_counter()
        pins.mask_block(letter, "a", block)
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.001
