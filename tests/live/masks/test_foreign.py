"""The masks of others are checked, read for the fragment shown, and kept within a bound."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_nx46.live.derived.comparison import LIVE
from napari_nx46.live.masks import foreign as foreign_masks
from napari_nx46.live.masks.choices import MaskChoices
from napari_nx46.live.masks.foreign import ForeignMasks, free_name
from napari_nx46.live.masks.pins import Pins, packed_bytes
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.workers import Cancelled
from tests.live.driver import PATIENCE, Events, named_threads, wait_for
from tests.run.compare.comparing import write_archive, write_masks


def random_masks(dataset, *image_ids, seed=0, value=1):
    rng = np.random.default_rng(seed)
    return {
        image_id: value * rng.integers(0, 2, dataset[image_id].shape, np.uint8)
        for image_id in image_ids
    }


class Opening:
    """A driver and the masks of others that are opened beside it."""

    def __init__(self, driver, **options):
        self.driver = driver
        self.foreign = ForeignMasks(driver.session, **options)
        self.choices = MaskChoices(driver.session, Pins(), self.foreign)
        self.events = Events(self.foreign, "busy_changed", "failed", "masks_changed")

    def open(self, *paths):
        self.foreign.open(*paths)
        self.settle()

    def settle(self):
        self.driver.loop.run_until(lambda: not self.foreign.busy)
        assert self.foreign.session.graph.wait_until_idle(PATIENCE)
        self.driver.loop.run()

    def assert_shows(self, name, mask):
        """Check a mask of the fragment shown, voxel by voxel; None where it is not there."""
        assert self.choices.is_there(name) == (mask is not None)
        if mask is not None:
            whole = whole_block(mask.shape)
            np.testing.assert_array_equal(self.choices.mask_block(name, whole), mask)

    def error(self):
        """Return the message of the only error, and forget it."""
        ((error,),) = self.events.of("failed")
        self.events.log.clear()
        return str(error)


@pytest.fixture
def opening(driver):
    made = Opening(driver)
    yield made
    made.foreign.close()


@pytest.mark.parametrize("value", [1, 255])
def test_an_archive_shows_its_mask_of_the_fragment_and_says_where_it_has_none(
    opening, dataset, tmp_path, value
):
    masks = random_masks(dataset, "a", "c", value=value)
    opening.open(write_archive(tmp_path / "theirs.zip", masks))
    assert opening.choices.names == (LIVE, "theirs.zip")
    opening.assert_shows("theirs.zip", (masks["a"] > 0).astype(np.uint8))
    assert opening.events.of("busy_changed") == [
        ("checking theirs.zip",),
        ("reading a of theirs.zip",),
        ("",),
    ]
    opening.driver.session.show_fragment("b")
    opening.settle()
    opening.assert_shows("theirs.zip", None)
    assert opening.choices.why_absent("theirs.zip") == "theirs.zip has no mask of b"
    opening.driver.session.show_fragment("c")
    assert opening.choices.why_absent("theirs.zip").endswith("is not there yet")
    opening.settle()
    opening.assert_shows("theirs.zip", (masks["c"] > 0).astype(np.uint8))
    assert opening.choices.why_absent("theirs.zip") == ""
    assert not opening.events.of("failed")


def test_folders_and_single_masks_are_opened_by_their_names(opening, dataset, tmp_path):
    masks = random_masks(dataset, "a", "b")
    folder = write_masks(tmp_path / "theirs", masks)
    opening.open(folder, folder / "a.tif")
    assert opening.foreign.names == ("theirs", "a.tif")
    for name in opening.foreign.names:
        opening.assert_shows(name, masks["a"])
    assert opening.foreign.path("a.tif") == folder / "a.tif"
    assert opening.foreign.memory_used == 2 * packed_bytes(dataset["a"].shape)
    opening.foreign.close_file("theirs")
    assert opening.choices.names == (LIVE, "a.tif")
    assert opening.foreign.memory_used == packed_bytes(dataset["a"].shape)


def test_what_is_opened_again_is_read_again_and_equal_names_are_reported_apart(
    opening, dataset, tmp_path
):
    path = write_archive(tmp_path / "one" / "s.zip", random_masks(dataset, "a", seed=1))
    other = random_masks(dataset, "a", seed=2)
    opening.open(path, write_archive(tmp_path / "two" / "s.zip", other))
    assert opening.foreign.names == ("s.zip", "s.zip (2)")
    newer = random_masks(dataset, "a", seed=3)
    opening.open(write_archive(path, newer))
    assert opening.foreign.names == ("s.zip", "s.zip (2)")
    opening.assert_shows("s.zip", newer["a"])
    opening.assert_shows("s.zip (2)", other["a"])


@pytest.mark.parametrize(
    ("name", "expected"), [("A", "A (2)"), ("live", "live (2)"), ("x", "x (2)")]
)
def test_no_file_is_named_like_a_pin_or_the_sliders_mask(name, expected):
    assert free_name(name, ()) == expected


def test_errors_name_the_file_the_fragment_and_what_was_found(opening, dataset, tmp_path):
    wrong = np.zeros((12, 20, 25), np.uint8)
    opening.open(write_archive(tmp_path / "wide.zip", {"a": wrong}))
    message = opening.error()
    assert all(
        part in message for part in ("wide.zip", "fragment a", "(12, 20, 25)", "(12, 20, 24)")
    )
    opening.open(write_archive(tmp_path / "others.zip", {"z": wrong}))
    message = opening.error()
    assert "others.zip" in message
    assert "found no mask of a, b, c in " in message
    (tmp_path / "no.zip").write_bytes(b"no archive")
    opening.open(tmp_path / "no.zip")
    assert "no.zip" in opening.error()
    opening.open(tmp_path / "missing.tif")
    assert "missing.tif" in opening.error()
    grey = np.arange(12 * 20 * 24, dtype=np.uint16).reshape(dataset["a"].shape)
    write_masks(tmp_path / "grey", {"a": grey})
    opening.open(tmp_path / "grey" / "a.tif")
    assert "expected a binary mask" in opening.error()
    opening.assert_shows("a.tif", None)
    assert opening.foreign.names == ("a.tif",)
    opening.driver.session.change(quantile=0.7)
    opening.settle()
    assert not opening.events.of("failed")


def test_the_masks_stay_within_the_bound(driver, dataset, tmp_path):
    room = packed_bytes(dataset["a"].shape)
    opening = Opening(driver, memory_bytes=room)
    masks = random_masks(dataset, "a", "b")
    path = write_archive(tmp_path / "theirs.zip", masks)
    second = write_archive(tmp_path / "second.zip", random_masks(dataset, "a", seed=5))
    opening.open(path, second)
    opening.assert_shows("theirs.zip", masks["a"])
    opening.assert_shows("second.zip", None)
    driver.session.show_fragment("b")
    opening.settle()
    opening.assert_shows("theirs.zip", masks["b"])
    assert opening.foreign.memory_used <= room
    driver.session.show_fragment("a")
    opening.settle()
    opening.assert_shows("theirs.zip", masks["a"])
    opening.foreign.close()


@pytest.fixture
def held_archive(monkeypatch):
    """Hold back the checking of archives until they are cancelled; return when it has begun."""
    begun, opened = threading.Event(), foreign_masks.open_masks

    def held(path, cancelled, **options):
        if path.is_dir():
            return opened(path, cancelled=cancelled, **options)
        begun.set()
        wait_for(cancelled)
        raise Cancelled

    monkeypatch.setattr(foreign_masks, "open_masks", held)
    return begun


def test_cancelling_opens_nothing_and_others_can_be_opened(
    opening, dataset, tmp_path, held_archive
):
    path = write_archive(tmp_path / "theirs.zip", random_masks(dataset, "a"))
    opening.foreign.open(path, tmp_path / "another.zip")
    assert held_archive.wait(PATIENCE)
    assert opening.foreign.busy == "checking theirs.zip"
    opening.foreign.cancel()
    assert opening.foreign.busy == ""
    opening.settle()
    assert opening.foreign.names == ()
    masks = random_masks(dataset, "a", seed=4)
    opening.open(write_masks(tmp_path / "folder", masks))
    opening.assert_shows("folder", masks["a"])
    assert not opening.events.of("failed")


def test_closing_ends_what_goes_on(opening, dataset, tmp_path, held_archive):
    opening.foreign.open(write_archive(tmp_path / "theirs.zip", random_masks(dataset, "a")))
    assert held_archive.wait(PATIENCE)
    opening.events.log.clear()
    opening.foreign.close()
    opening.driver.session.close()
    wait_for(lambda: not named_threads("nx46-graph"))
    opening.driver.loop.run()
    assert opening.events.log == []
