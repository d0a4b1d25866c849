"""Pins say what their masks amount to, as the plain functions measure them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.derived.comparison import packed_mask_of
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.masks import pin_metrics
from napari_nx46.live.masks.pin_metrics import LEADERBOARD_SCORE, PinMeasurer
from napari_nx46.live.masks.pins import Pins
from napari_nx46.setting import Setting
from tests.live.driver import PATIENCE, Events, named_threads, wait_for

LOW, HIGH = Setting(quantile=0.8), Setting(quantile=0.9)


@pytest.fixture
def labelled(tmp_path):
    """Return a data set whose fragment ``a`` has a label, and ``b`` none."""
    rng = np.random.default_rng(7)
    shape = (6, 20, 22)
    volumes = {"p3d": rng.random(shape, dtype=np.float32)}
    label = rng.integers(0, 3, shape, dtype=np.uint8)
    write_data_folder(tmp_path / "data", "a", {**volumes, "train_labels": label})
    write_data_folder(tmp_path / "data", "b", volumes)
    return open_data(tmp_path / "data")


class Measuring:
    """A driver with pins, what measures them, and the score of the sliders' setting."""

    def __init__(self, driver):
        self.driver, self.session, self.pins = driver, driver.session, Pins()
        self.scores = ScoreFollower(self.session, rest_seconds=0.0)
        self.measurer = PinMeasurer(self.session, self.pins, self.scores, rest_seconds=0.0)
        self.events = Events(self.measurer, "failed")
        self.scores.start()
        self.measurer.touch()

    def pin(self, letter, setting, seed):
        """Pin a setting with a random mask of the fragment shown, and return that."""
        fragment = self.session.fragment
        mask = np.random.default_rng(seed).integers(0, 2, fragment.shape, np.uint8)
        self.pins.pin(letter, setting, fragment.image_id, packed_mask_of(mask))
        return mask

    def metrics(self, letter, image_id="a"):
        return self.pins[letter].metrics.get(image_id, {})

    def run_until(self, condition):
        self.driver.loop.run_until(condition)

    def close(self):
        self.measurer.close()
        self.scores.close()


@pytest.fixture
def measuring(labelled, new_driver):
    made = Measuring(new_driver(labelled))
    yield made
    made.close()


def test_pins_are_measured_against_the_label_one_after_the_other(measuring):
    masks = {"A": measuring.pin("A", LOW, 1), "B": measuring.pin("B", HIGH, 2)}
    measuring.run_until(lambda: all("recall" in measuring.metrics(letter) for letter in "AB"))
    label = LabelBits.of(measuring.session.fragment.label.read())
    for letter, mask in masks.items():
        assert measuring.metrics(letter) == measure_volume(mask, label=label).as_record()


def test_another_fragment_is_measured_when_it_is_shown(measuring):
    measuring.pin("A", LOW, 1)
    measuring.session.show_fragment("b")
    mask = measuring.pin("A", LOW, 3)
    measuring.run_until(lambda: "density" in measuring.metrics("A", "b"))
    assert measuring.metrics("A", "b") == measure_volume(mask).as_record()


def test_the_leaderboard_score_of_the_sliders_is_noted_for_the_pin_of_their_setting(measuring):
    setting = measuring.session.setting
    measuring.pin("A", setting, 1)
    measuring.pin("B", HIGH, 2)
    measuring.run_until(lambda: measuring.scores.scores.fragment.is_current)
    measuring.run_until(lambda: LEADERBOARD_SCORE in measuring.metrics("A"))
    measuring.run_until(lambda: "recall" in measuring.metrics("B"))
    score = measuring.scores.scores.fragment.result.value
    assert measuring.metrics("A")[LEADERBOARD_SCORE] == score
    assert "recall" in measuring.metrics("A")
    assert LEADERBOARD_SCORE not in measuring.metrics("B")
    measuring.pin("C", setting, 1)
    measuring.run_until(lambda: measuring.metrics("C").get(LEADERBOARD_SCORE) == score)


def test_a_mask_that_cannot_be_measured_is_reported_once_and_others_are(measuring, monkeypatch):
    measure = pin_metrics.measure_volume
    fragment = measuring.session.fragment

    def failing(mask, **options):
        if not mask.any():
            raise ValueError("nothing there")
        return measure(mask, **options)

    monkeypatch.setattr(pin_metrics, "measure_volume", failing)
    empty = packed_mask_of(np.zeros(fragment.shape, np.uint8))
    measuring.pins.pin("A", LOW, "a", empty)
    measuring.pin("B", HIGH, 2)
    measuring.run_until(lambda: "recall" in measuring.metrics("B"))
    (reported,) = {str(error) for (error,) in measuring.events.of("failed")}
    assert reported == "nothing there"
    assert "recall" not in measuring.metrics("A")


def test_closing_ends_the_thread_and_nothing_is_noted_any_more(measuring):
    measuring.pin("A", LOW, 1)
    measuring.close()
    measuring.driver.session.close()
    assert measuring.session.graph.wait_until_idle(PATIENCE)
    measuring.driver.loop.run()
    assert measuring.metrics("A") == {}
    wait_for(lambda: not named_threads("nx46-graph"))
