"""What the canvas paints is the mask of the plain definition, pixel by pixel."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_nx46.run.export.export import run
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting
from tests.viewer.windows import MASK_RGB

ONE_WINDOW = True
VOLUMES = ("p3d", "p2d")

TURNED = [(0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1)]


def expected_picture(opened):
    """Return the definition's mask of the slice that the viewer's dims display, as they turn it."""
    dims = opened.viewer.dims
    (axis,) = dims.not_displayed
    turned = np.transpose(opened.expected_mask(), dims.order)
    return turned[dims.current_step[axis]]


def test_canvas_session_definition_run_and_archive_have_one_mask(shown, tmp_path):
    for name, text in (("quantile", "0.87"), ("blend", "0.6"), ("z_radius", "2")):
        shown.type_into(shown.panel.knobs[name].spin_box, text)
    shown.wait_until_exact()
    shown.show_mask_alone()
    setting, image_id = shown.session.setting, shown.session.fragment.image_id
    assert setting == Setting(quantile=0.87, blend=0.6, z_radius=2)
    expected = shown.expected_mask()
    assert 0 < expected.sum() < expected.size

    for z in (0, 4, 8):
        shown.viewer.dims.set_current_step(0, z)
        np.testing.assert_array_equal(shown.drawn_mask(), expected[z])
        np.testing.assert_array_equal(shown.layer.data[z], expected[z])
    np.testing.assert_array_equal(shown.session.whole_mask(), expected)

    run(PipelineSet(shown.session.dataset), {image_id: setting}, tmp_path / "run")
    in_folder = tifffile.imread(tmp_path / "run" / "masks" / f"{image_id}.tif")
    np.testing.assert_array_equal(in_folder, expected)

    archive = tmp_path / "submission.zip"
    shown.click(shown.export_panel.accept_all_button)
    shown.export_panel.path_edit.setText(str(archive))
    with shown.qtbot.waitSignal(shown.export_panel.exported, timeout=20_000):
        shown.click(shown.export_panel.export_button)
    with zipfile.ZipFile(archive) as members:
        in_archive = tifffile.imread(io.BytesIO(members.read(f"{image_id}.tif")))
    np.testing.assert_array_equal(in_archive, expected)


def test_the_preview_is_painted_while_the_slider_is_held(shown):
    shown.show_mask_alone()
    z = shown.session.view.slice_index
    shown.press(shown.panel.knobs["blend"].slider, Qt.Key.Key_Left, 5)
    # Whatever threshold it has, preview or exact: picture and session are of one mind.
    np.testing.assert_array_equal(shown.drawn_mask(), shown.layer.data[z])
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def test_the_canvas_draws_the_mask_that_it_is_handed_and_asks_for_no_other(shown, monkeypatch):
    monkeypatch.setattr(type(shown.session), "mask_block", None)  # fails if it is called
    before = shown.session.shown
    shown.session.change(quantile=0.8)
    assert shown.session.shown is not before
    monkeypatch.undo()
    shown.show_mask_alone()
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def test_a_pinned_mask_stays_on_the_canvas_when_the_sliders_own_is_computed_again(shown):
    shown.viewer_session.pin("A")
    shown.wait_until(lambda: shown.viewer_session.compare.choices.is_there("A"))
    pinned = expected_picture(shown)
    shown.session.change(quantile=0.7)
    shown.wait_until_exact()
    shown.show_mask_alone()
    assert not np.array_equal(shown.drawn_mask(), pinned)
    shown.viewer_session.compare.flip.show("A")
    np.testing.assert_array_equal(shown.drawn_mask(), pinned)
    shown.session.mask_changed.emit(shown.session.shown)
    np.testing.assert_array_equal(shown.drawn_mask(), pinned)


def test_a_burst_of_slider_events_ends_with_the_last_one_on_the_canvas(shown):
    shown.show_mask_alone()
    knob = shown.panel.knobs["quantile"]
    begun = shown.session.exact_requests_begun
    for step in range(300):
        shown.press(knob.slider, Qt.Key.Key_Left if step % 50 < 30 else Qt.Key.Key_Right)
    last = knob.scale.positions[knob.slider.value()]
    assert shown.session.setting.quantile == last
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))
    assert shown.session.setting.quantile == last
    # A queue would have computed every one of them.
    assert shown.session.exact_requests_begun - begun < 300


@pytest.mark.parametrize("domain", [Domain.SLICE, Domain.DATASET])
def test_other_domains_are_painted_exactly(shown, domain):
    shown.show_mask_alone()
    shown.session.change(domain=domain, quantile=0.8, z_radius=1)
    shown.wait_until_exact()
    for z in (0, 8):
        shown.viewer.dims.set_current_step(0, z)
        np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def test_turned_axes_show_the_right_slices(shown):
    shown.show_mask_alone()
    shown.session.change(quantile=0.8, z_radius=1)
    for order in TURNED:
        shown.viewer.dims.order = order
        shown.viewer.dims.set_current_step(order[0], 3)
        shown.wait_until(lambda axis=order[0]: shown.session.view.plane[axis] == slice(3, 4))
        shown.wait_until_exact()
        np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))
        assert shown.session.figures.slice_density == pytest.approx(expected_picture(shown).mean())


def test_turned_axes_with_a_threshold_for_each_slice(shown):
    shown.show_mask_alone()
    shown.session.change(quantile=0.8, domain=Domain.SLICE)
    shown.viewer.dims.order = (1, 0, 2)
    shown.viewer.dims.set_current_step(1, 11)
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def test_another_fragment_is_painted_after_the_next_button(shown):
    shown.show_mask_alone()
    for image_id in ("b", "c", "a"):
        shown.click(shown.panel.fragment_panel.next_button)
        assert shown.session.fragment.image_id == image_id
        shown.wait_until_exact()
        shown.show_mask_alone()
        np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def mask_pixels_in_screenshot(opened):
    picture = opened.viewer.screenshot(flash=False)[..., :3].astype(int)
    return int(np.count_nonzero(np.abs(picture - MASK_RGB).max(axis=-1) < 40))


def test_the_mask_is_rendered_in_3d_and_follows_the_sliders(shown):
    shown.show_mask_alone()
    shown.session.change(quantile=0.9)
    shown.viewer.dims.ndisplay = 3
    shown.wait_until(lambda: shown.session.view.three_d)
    shown.wait_until_exact()
    few = mask_pixels_in_screenshot(shown)
    assert few > 100
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    shown.wait_until_exact()
    np.testing.assert_array_equal(np.asarray(shown.layer.data), shown.expected_mask())
    assert mask_pixels_in_screenshot(shown) > 1.3 * few
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_End)
    shown.wait_until_exact()
    assert mask_pixels_in_screenshot(shown) < few

    shown.viewer.dims.ndisplay = 2
    shown.wait_until(lambda: not shown.session.view.three_d)
    shown.wait_until_exact()
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))


def test_the_fragment_can_be_changed_in_3d(shown):
    shown.show_mask_alone()
    shown.viewer.dims.ndisplay = 3
    shown.wait_until(lambda: shown.session.view.three_d)
    shown.click(shown.panel.fragment_panel.next_button)
    shown.wait_until(lambda: shown.session.view.three_d)
    shown.wait_until_exact()
    shown.show_mask_alone()
    assert mask_pixels_in_screenshot(shown) > 100
    assert shown.session.figures.fragment_density == pytest.approx(shown.expected_mask().mean())


def test_colour_and_opacity_are_those_of_the_painted_mask(shown):
    shown.show_mask_alone()
    shown.panel.overlay_panel.set_color("#00ff00")
    shown.layer.opacity = 0.5
    picture = shown.viewer.export_figure(scale_factor=1, flash=False)[..., :3]
    in_mask = expected_picture(shown).astype(bool)
    assert np.all(picture[~in_mask] == 0)
    assert np.all(picture[in_mask][:, [0, 2]] == 0)
    assert np.all(np.abs(picture[in_mask][:, 1].astype(int) - 128) <= 1)


def test_the_outline_is_drawn_around_the_mask_and_follows_the_sliders(shown):
    shown.show_mask_alone()
    shown.click(shown.panel.overlay_panel.outline_box)
    white = (255, 255, 255)
    for quantile in ("0.9", "0.8"):
        shown.type_into(shown.panel.knobs["quantile"].spin_box, quantile)
        shown.wait_until_exact()
        picture = shown.viewer.export_figure(scale_factor=1, flash=False)[..., :3]
        mask = expected_picture(shown) == 1
        np.testing.assert_array_equal(np.all(picture == MASK_RGB, axis=-1), mask)
        line = np.all(picture == white, axis=-1) | np.all(picture == 0, axis=-1)
        assert np.all(line | mask)
        assert shown.layer.data[int(shown.viewer.dims.current_step[0])].max() == 2
    np.testing.assert_array_equal(np.asarray(shown.layer.data), shown.expected_mask())
    shown.click(shown.panel.overlay_panel.outline_box)
    np.testing.assert_array_equal(shown.drawn_mask(), expected_picture(shown))
