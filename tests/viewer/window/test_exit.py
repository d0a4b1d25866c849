"""A program with a window ends without a crash, whatever is being computed then."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.live.scroll.stores import waves, write_image

TUNED = """
import sys, threading, time
import napari
from qtpy.QtCore import QTimer
from napari_nx46 import SAMPLES, make_sample, tune

sys.executable = ""  # no processes are started: kernels are compiled in this one
sample = make_sample(SAMPLES[0])
viewer = napari.Viewer()
session = tune(viewer, sample.p3d, sample.p2d, label=sample.label)
session.change(quantile=0.9)

def runs_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        napari.qt.get_qapp().processEvents()
        time.sleep(0.01)  # the threads need the interpreter too
"""

CLOSED = """
QTimer.singleShot({0}, viewer.close)
napari.run()
"""

CLOSED_BY_THE_SCRIPT = """
runs_for({0} / 1000)
viewer.close()
"""

LEFT_OPEN = """
runs_for({0} / 1000)
"""

STILL_COMPILING = """
assert "nx46-compile" in [thread.name for thread in threading.enumerate()]
"""

SCROLL = """
import sys, time
import napari
from qtpy.QtWidgets import QApplication
from napari_nx46.data.fragments import StorePlace
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.viewer.scroll.dock import ScrollDock
from napari_nx46.viewer.window.docks import open_dock_of
from napari_nx46.viewer.window.launch import add_dock

viewer = napari.Viewer()
tuning = add_dock(viewer)
dock = open_dock_of(viewer, ScrollDock)
dock.open(StorePlace(sys.argv[1], boxes=(Box((0, 0, 0), (32, 32, 32)),)))

def wait_for(condition):
    while not condition():
        QApplication.processEvents()
        time.sleep(0.01)  # the threads need the interpreter too

wait_for(lambda: dock.panel is not None and dock.panel.overview)
dock.panel.tune_button.click()
session = tuning.viewer_session.session
session.accept(session.dataset.image_ids)
panel = dock.panel.apply_panel
panel.out_edit.setText(sys.argv[2])
panel.start(then_apply=False)
assert panel.running
"""

CHECKED = """
wait_for(lambda: panel.preflight is not None)
"""


def end_of(*parts, arguments=(), **environment):
    """Run a script to its end, and return how it ended."""
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", "".join(parts), *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Fatal" not in ended.stderr
    return ended.returncode, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [300, 5000])
@pytest.mark.parametrize(
    "how",
    [CLOSED, CLOSED_BY_THE_SCRIPT, LEFT_OPEN],
    ids=["closed", "closed by the script", "left open"],
)
def test_the_program_ends_while_kernels_are_compiled(tmp_path, how, milliseconds):
    script = (TUNED, how.format(milliseconds), STILL_COMPILING)
    assert end_of(*script, NUMBA_CACHE_DIR=str(tmp_path)) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("then", ["", CHECKED], ids=["running", "done"])
def test_the_program_ends_after_a_look_at_the_boxes_of_a_store(tmp_path, then):
    write_image(tmp_path / "scroll.zarr", waves((64, 64, 64)), chunk=32)
    arguments = (tmp_path / "scroll.zarr", tmp_path / "mask.zarr")
    assert end_of(SCROLL, then, arguments=arguments) == (0, "")
