"""Pictures and animations of the canvas, made in steps that leave the window alive."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_nx46.viewer.look.pictures_dock import PASS, PicturesDock
from napari_nx46.viewer.window.docks import open_dock_of

VOLUMES = ("p3d", "p2d")


@pytest.fixture
def panel(shown):
    """Return the panel of pictures in a window that is drawn."""
    return open_dock_of(shown.viewer, PicturesDock).panel


def frames_of(path):
    with Image.open(path) as read:
        frames = []
        for number in range(read.n_frames):
            read.seek(number)
            frames.append(np.asarray(read.convert("RGB")).astype(int))
    return frames


def test_the_figure_and_the_window_are_saved_as_they_are_seen(shown, panel, tmp_path):
    panel.save_figure(tmp_path / "figure.png")
    figure = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB"))
    np.testing.assert_array_equal(figure, shown.viewer.export_figure(flash=False)[..., :3])
    panel.save_window(tmp_path / "window.png")
    with Image.open(tmp_path / "window.png") as window:
        assert window.width == shown.dock.window().width()
    assert str(tmp_path / "window.png") in panel.result_label.text()


def test_a_pass_through_z_is_filmed_slice_by_slice_and_all_is_as_before(shown, panel, tmp_path):
    target, alive = tmp_path / "pass.gif", []
    shown.viewer.dims.set_current_step(0, 5)
    shown.show_mask_alone()
    panel.kind_box.setCurrentText(PASS)
    assert (panel.first_box.value(), panel.last_box.value()) == (0, 8)
    panel.filming.progressed.connect(alive.append)
    panel.film(target)
    assert not panel.progress_row.isHidden()
    assert not panel.film_button.isEnabled()
    assert "animation" in panel.what_runs()
    shown.wait_until(lambda: "✓" in panel.result_label.text())
    assert len(alive) == 9
    assert panel.progress_row.isHidden()
    assert panel.film_button.isEnabled()
    assert shown.viewer.dims.current_step[0] == 5
    frames, mask = frames_of(target), shown.expected_mask()
    assert len(frames) == 9
    painted = [np.count_nonzero(frame[..., 0] > 128) for frame in frames]
    shares = np.corrcoef(painted, mask.sum(axis=(1, 2)))
    assert shares[0, 1] > 0.99


def test_the_sweep_of_a_slider_is_filmed_and_the_setting_is_as_before(shown, panel, tmp_path):
    target, before = tmp_path / "sweep.gif", shown.session.setting
    shown.show_mask_alone()
    panel.kind_box.setCurrentIndex(1)
    panel.first_box.setValue(0.6)
    panel.last_box.setValue(0.95)
    panel.frames_box.setValue(4)
    panel.film(target)
    shown.wait_until(lambda: "✓" in panel.result_label.text())
    painted = [np.count_nonzero(frame[..., 0] > 128) for frame in frames_of(target)]
    assert len(painted) == 4
    assert sorted(painted, reverse=True) == painted
    assert painted[-1] < painted[0] / 3
    assert shown.session.setting == before


def test_filming_is_cancelled_and_leaves_nothing(shown, panel, tmp_path):
    target = tmp_path / "pass.gif"
    shown.viewer.dims.set_current_step(0, 5)
    panel.film(target)
    shown.wait_until(lambda: panel.progress_row.bar.value() >= 2)
    shown.click(panel.progress_row.cancel_button)
    assert not panel.filming.running
    assert panel.result_label.text() == "Cancelled. Nothing was written."
    shown.qtbot.wait(100)
    assert list(tmp_path.glob("*.gif")) == []
    assert shown.viewer.dims.current_step[0] == 5


def test_a_window_is_closed_while_something_is_filmed(shown, panel, tmp_path):
    panel.film(tmp_path / "pass.gif")
    shown.qtbot.wait(30)
    shown.viewer.window.remove_dock_widget(shown.dock)
    shown.qtbot.wait(200)
    assert list(tmp_path.glob("*.gif")) == []
