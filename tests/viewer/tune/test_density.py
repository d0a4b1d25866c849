"""The button that matches the density, alone on a session without a window."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.jobs import density as density_job
from napari_nx46.live.session import Session
from napari_nx46.run.density import DensitySolution, DensityTarget
from napari_nx46.run.job import Progress
from napari_nx46.setting import Setting
from napari_nx46.viewer.tune.density_button import (
    CANCELLED,
    FRAGMENT_CHANGED,
    SLIDERS_MOVED,
    DensityPanel,
)
from napari_nx46.voxels.workers import Cancelled

ONE_WINDOW = True
SHAPE = (6, 20, 24)
PATIENCE = 60_000


class HeldJob:
    """Searches that report what the test wants, when the test wants it."""

    def __init__(self):
        self.begun = []
        self.cancels = 0
        self.job = None

    def begin(self, job, target, shared):
        self.job = job
        self.begun.append((target, shared))
        cancel = job.cancel

        def counted():
            self.cancels += 1
            cancel()

        job.cancel = counted

    def end(self, ending, *arguments):
        self.job.ended.emit()
        getattr(self.job, ending).emit(*arguments)

    def finish(self, settings, *, met=True, message="density 0.0899, target 0.09"):
        densities = {image_id: 0.08 + 0.01 * i for i, image_id in enumerate(settings)}
        target = self.begun[-1][0]
        self.end("done", DensitySolution(settings, densities, target, met, message))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("density")
    rng = np.random.default_rng(7)
    for image_id in "ab":
        voxels = rng.random(SHAPE).astype(np.float32)
        write_data_folder(root, image_id, {"p3d": voxels, "p2d": voxels[::-1]})
    return open_data(root)


@pytest.fixture
def session(dataset):
    session = Session(dataset, post=lambda function: None)
    yield session
    session.close()


@pytest.fixture
def job():
    return HeldJob()


@pytest.fixture
def panel(session, job, qtbot):
    panel = DensityPanel(session, job.begin)
    qtbot.addWidget(panel)
    return panel


FOUND = Setting(quantile=0.9123)


def test_the_band_is_aimed_at_for_the_fragment_unless_the_menu_says_otherwise(
    panel, session, job, qtbot
):
    session.set_band((0.07, 0.1))
    assert panel.exact_box.isHidden()
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert job.begun == [(DensityTarget(0.07, 0.1), False)]
    job.finish({"a": FOUND})

    panel.exact_action.trigger()
    panel.shared_action.trigger()
    assert not panel.exact_box.isHidden()
    panel.exact_box.setValue(0.0312)
    panel.button.click()
    assert job.begun[-1] == (DensityTarget(0.0312, 0.0312), True)
    job.finish({"a": FOUND, "b": FOUND})

    panel.band_action.trigger()
    panel.fragment_action.trigger()
    assert panel.exact_box.isHidden()
    panel.button.click()
    assert job.begun[-1] == (DensityTarget(0.07, 0.1), False)


def test_progress_is_shown_and_nothing_else_is_begun_meanwhile(panel, job):
    assert panel.progress_row.isHidden()
    panel.button.click()
    assert not panel.button.isEnabled()
    assert not panel.progress_row.isHidden()
    job.job.progressed.emit(Progress(0.25, 1.0))
    bar = panel.progress_row.bar
    assert bar.value() / bar.maximum() == 0.25
    panel.start()
    assert len(job.begun) == 1
    job.finish({"a": FOUND})
    assert panel.button.isEnabled()
    assert panel.progress_row.isHidden()


def test_what_meets_the_target_goes_to_the_sliders_and_is_reported(panel, session, job):
    panel.button.click()
    job.finish({"a": FOUND})
    assert session.setting == FOUND
    assert panel.result_label.text() == "density 0.0899, target 0.09"
    assert not panel.result_label.isHidden()
    assert panel.nearest_button.isHidden()
    # The text stays true to what was found, but the next search begins without it.
    session.change(blend=0.5)
    panel.button.click()
    assert panel.result_label.isHidden()


def test_one_threshold_for_all_goes_to_the_sliders_and_says_all_densities(panel, session, job):
    panel.shared_action.trigger()
    panel.button.click()
    session.show_fragment("b")  # it holds for this one as well
    assert job.cancels == 0
    job.finish({"a": FOUND, "b": FOUND})
    assert session.setting == FOUND
    assert "2 fragments: densities 0.0800 to 0.0900" in panel.result_label.text()


def test_what_only_comes_near_waits_for_a_click(panel, session, job):
    panel.button.click()
    job.finish({"a": FOUND}, met=False, message="density 0.2 cannot be met: 0.13 is the nearest")
    assert session.setting == Setting()
    assert "cannot be met" in panel.result_label.text()
    assert not panel.nearest_button.isHidden()
    panel.nearest_button.click()
    assert session.setting == FOUND
    assert panel.nearest_button.isHidden()
    assert "cannot be met" in panel.result_label.text()


def test_what_was_found_is_not_reported_any_more_once_the_setting_has_changed(panel, session, job):
    panel.button.click()
    job.finish({"a": FOUND})
    assert panel.result_label.text()
    session.change(border=1)
    assert panel.result_label.text() == ""
    assert panel.result_label.isHidden()


def test_the_nearest_is_offered_no_more_once_the_knobs_have_moved(panel, session, job):
    panel.button.click()
    job.finish({"a": FOUND}, met=False)
    session.change(border=1)
    assert panel.nearest_button.isHidden()
    panel.use_nearest()
    assert session.setting == Setting(border=1)


@pytest.mark.parametrize("late", [False, True])
def test_cancelling_leaves_the_knobs_even_when_the_solution_comes_all_the_same(
    panel, session, job, late
):
    panel.button.click()
    panel.progress_row.cancel_button.click()
    panel.progress_row.cancel_button.click()
    assert job.cancels == 1
    if late:
        job.finish({"a": FOUND})
    else:
        job.end("cancelled")
    assert session.setting == Setting()
    assert panel.result_label.text() == CANCELLED
    assert panel.button.isEnabled()
    panel.button.click()
    job.finish({"a": FOUND})
    assert session.setting == FOUND


def test_moving_a_knob_or_showing_another_fragment_gives_the_search_up(panel, session, job):
    panel.button.click()
    session.change(border=1)
    session.change(border=2)
    assert job.cancels == 1
    job.end("cancelled")
    assert panel.result_label.text() == SLIDERS_MOVED
    panel.button.click()
    session.show_fragment("b")
    assert job.cancels == 2
    job.end("cancelled")
    assert panel.result_label.text() == FRAGMENT_CHANGED
    assert session.setting == Setting(border=2)


def test_a_failure_is_reported_and_leaves_the_knobs(panel, session, job):
    reported = []
    session.failed.connect(reported.append)
    panel.button.click()
    error = ValueError("a/p3d.tif: slice 3 has NaN")
    job.end("failed", error)
    assert panel.result_label.text() == f"Not matched: {error}"
    assert reported == [error]
    assert session.setting == Setting()
    assert panel.button.isEnabled()


def test_the_menu_can_be_used_with_the_keyboard_and_has_names(panel):
    texts = [action.text() for action in panel.menu.actions() if not action.isSeparator()]
    assert texts == [
        "The target band",
        "A density…",
        "For this fragment",
        "One threshold for all fragments",
    ]
    assert panel.menu_button.menu() is panel.menu
    assert panel.menu_button.accessibleName()
    assert panel.exact_box.accessibleName()
    checked = [action.text() for action in panel.menu.actions() if action.isChecked()]
    assert checked == ["The target band", "For this fragment"]


def test_the_real_search_meets_the_target_and_says_its_density(session, qtbot):
    panel = DensityPanel(session)
    qtbot.addWidget(panel)
    panel.exact_action.trigger()
    panel.exact_box.setValue(0.2)
    session.change(smallest_object=2, quantile=0.6)
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.running, timeout=PATIENCE)
    assert session.setting.smallest_object == 2
    assert session.setting.quantile != 0.6
    density = session.whole_mask().mean()
    assert density == pytest.approx(0.2, abs=1e-3)
    assert f"{density:.4f}" in panel.result_label.text()


def test_closing_the_dock_gives_the_search_up(opened, monkeypatch):
    begun, stopped = threading.Event(), threading.Event()

    def held(*arguments, cancelled, **options):
        begun.set()
        while not cancelled():
            time.sleep(0.005)
        stopped.set()
        raise Cancelled

    monkeypatch.setattr(density_job, "solve_density", held)
    opened.panel.density_panel.button.click()
    assert begun.wait(30)
    assert not stopped.is_set()
    opened.dock.close()
    assert stopped.wait(10)
