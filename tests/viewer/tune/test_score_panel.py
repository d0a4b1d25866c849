"""The score panel shows what `leaderboard.score` says of mask and label, and where they differ."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import write_data_folder
from napari_nx46.live.arrays.errors import ErrorClass
from napari_nx46.live.derived import leaderboard_score
from napari_nx46.viewer.canvas.error_overlay import CLASS_COLORS, LAYER_NAME
from napari_nx46.viewer.tune.score_panel import FIGURES, LABEL_TEXTS, PARTS
from tests.viewer.windows import PATIENCE

VOLUMES = ("p3d", "p2d", "train_labels")
true_score = leaderboard.score  # whatever a test puts in its place


@pytest.fixture
def unlabelled(tmp_path):
    """Return a data folder whose fragment ``a`` has a label, and ``b`` none."""
    root = tmp_path / "some"
    rng = np.random.default_rng(0)
    volumes = {"p3d": rng.random((6, 30, 34), dtype=np.float32)}
    label = (rng.random((6, 30, 34)) < 0.2).astype(np.uint8)
    write_data_folder(root, "a", {**volumes, "train_labels": label})
    write_data_folder(root, "b", volumes)
    return root


@pytest.fixture
def hold(monkeypatch):
    """Hold scores back until the event that is returned is set, or they are cancelled."""
    release = threading.Event()

    def held(prediction, label, *, cancelled, workers):
        while not release.wait(0.005):
            if cancelled():
                raise leaderboard.Cancelled("held")
        return true_score(prediction, label, cancelled=cancelled, workers=workers)

    monkeypatch.setattr(leaderboard_score.leaderboard, "score", held)
    yield release
    release.set()


def panel_of(opened):
    return opened.panel.score_panel


def follower_of(opened):
    return opened.viewer_session.scores


def wait_until_scored(opened):
    opened.wait_until_exact()
    opened.wait_until(
        lambda: (
            follower_of(opened).kernels_ready
            and follower_of(opened).scores.fragment.is_current
            and follower_of(opened).scores.slice is not None
        )
    )


def label_of(opened):
    return opened.session.fragment.label.read()


def expected_score(opened, block=...):
    return true_score(opened.expected_mask()[block], label_of(opened)[block])


def shown_numbers(opened):
    """Return the numbers that the panel shows of the fragment, as texts."""
    panel = panel_of(opened)
    return [panel.value_label.text(), *(panel.part_labels[part].text() for part in PARTS)]


def texts_of(score):
    values = (score.value, score.topo.value, score.surface_dice, score.voi.value)
    return [f"{value:.4f}" for value in values]


def classes_by_definition(mask, label):
    conditions = [
        label == 2,
        (mask == 1) & (label == 1),
        (mask == 1) & (label == 0),
        (mask == 0) & (label == 1),
    ]
    kinds = ("IGNORED", "TRUE_POSITIVE", "FALSE_POSITIVE", "FALSE_NEGATIVE")
    return np.select(conditions, [int(ErrorClass[kind]) for kind in kinds], 0)


def drawn_classes(opened):
    """Return the classes of the displayed slice as the canvas paints them."""
    return opened.drawn_classes(LAYER_NAME, CLASS_COLORS)


# ---- scores ------------------------------------------------------------------------------------


def test_the_panel_shows_the_score_of_mask_and_label_and_its_parts(opened):
    wait_until_scored(opened)
    score = expected_score(opened)
    assert shown_numbers(opened) == texts_of(score)
    assert score == true_score(opened.session.whole_mask(), label_of(opened))
    panel = panel_of(opened)
    assert panel.detail_labels["VOI score"].text() == (
        f"split {score.voi.split:.2f} merge {score.voi.merge:.2f}"
    )
    table = panel.part_labels["TopoScore"].toolTip()
    for dimension in score.topo.dimensions:
        counts = dimension.counts
        row = "".join(
            f"<td align='right'>&nbsp;{count}</td>"
            for count in (counts.matched, counts.predicted, counts.true)
        )
        assert row in table
    assert not panel.message_label.isVisibleTo(panel)


def test_the_panel_shows_the_figures_of_the_slice(opened):
    wait_until_scored(opened)
    opened.viewer.dims.set_current_step(0, 2)
    mask, label = opened.expected_mask()[2:3], label_of(opened)[2:3]
    pair = leaderboard.binarise(mask, label)
    voxels = leaderboard.voxel_overlap(pair)
    surface = leaderboard.surface_dice(pair.prediction, pair.label)
    expected = [voxels.precision, voxels.recall, voxels.dice, surface]
    found = [panel_of(opened).slice_labels[figure].text() for figure in FIGURES]
    assert found == [f"{value:.3f}" for value in expected]
    assert panel_of(opened).slice_state.text() == ""


def test_a_slice_that_the_label_ignores_has_no_figures(open_viewer_session, one_fragment):
    path = one_fragment / "train_labels" / "a.tif"
    label = tifffile.imread(path)
    label[2] = 2
    tifffile.imwrite(path, label)
    opened = open_viewer_session(one_fragment)
    wait_until_scored(opened)
    panel = panel_of(opened)
    opened.viewer.dims.set_current_step(0, 2)
    assert [panel.slice_labels[figure].text() for figure in FIGURES] == ["–"] * len(FIGURES)
    assert panel.slice_state.text() == "ignored"
    opened.viewer.dims.set_current_step(0, 3)
    assert "–" not in [panel.slice_labels[figure].text() for figure in FIGURES]
    assert panel.slice_state.text() == ""
    profile = opened.viewer_session.profiles
    opened.wait_until(lambda: profile.state.result is not None)
    assert [figures.ignored for figures in profile.state.result.slices][:4] == [
        False,
        False,
        True,
        False,
    ]


def test_the_score_follows_the_slider_and_is_marked_until_it_is_there(shown, hold):
    panel = panel_of(shown)
    hold.set()
    wait_until_scored(shown)
    before = shown_numbers(shown)
    hold.clear()
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    assert shown_numbers(shown) == [f"≈ {text}" for text in before]
    assert panel.slice_state.text() == "≈"
    labels = [panel.value_label, *panel.part_labels.values(), *panel.slice_labels.values()]
    assert not any(label.isEnabled() for label in labels)
    shown.wait_until(panel.busy_bar.isVisible)
    shown.wait_until_exact()
    assert panel.slice_state.text() == ""
    assert shown_numbers(shown) == [f"≈ {text}" for text in before]
    hold.set()
    wait_until_scored(shown)
    after = shown_numbers(shown)
    assert after == texts_of(expected_score(shown)) != before
    assert all(label.isEnabled() for label in labels)
    assert not panel.busy_bar.isVisible()


def test_a_burst_of_slider_events_ends_with_the_score_of_the_last(shown):
    wait_until_scored(shown)
    begun = follower_of(shown).begun
    for step in range(120):
        shown.press(
            shown.panel.knobs["quantile"].slider,
            Qt.Key.Key_Left if step % 20 < 12 else Qt.Key.Key_Right,
        )
    wait_until_scored(shown)
    assert shown_numbers(shown) == texts_of(expected_score(shown))
    assert follower_of(shown).begun - begun < 120


def test_the_block_score_is_that_of_the_visible_block_while_it_is_switched_on(shown):
    panel, session = panel_of(shown), shown.session
    wait_until_scored(shown)
    assert panel.block_label.text() == "–"
    shown.qtbot.keyClick(panel.block_box, Qt.Key.Key_Space)
    shown.viewer.scene.camera.center = (0, 12, 10)
    shown.viewer.scene.camera.zoom *= 3
    shown.wait_until(lambda: session.view.block != session.view.plane)
    shown.qtbot.wait(100)
    shown.wait_until(lambda: follower_of(shown).scores.block.is_current)
    score = expected_score(shown, session.view.block)
    assert panel.block_label.text() == f"{score.value:.4f}"
    assert f"SurfaceDice {score.surface_dice:.4f}" in panel.block_label.toolTip()
    shown.qtbot.keyClick(panel.block_box, Qt.Key.Key_Space)
    assert panel.block_label.text() == "–"


def test_a_fragment_without_a_label_says_so_and_shows_no_numbers(open_viewer_session, unlabelled):
    opened = open_viewer_session(unlabelled, show=True)
    panel = panel_of(opened)
    wait_until_scored(opened)
    opened.viewer_session.errors.show(True)
    opened.click(opened.panel.fragment_panel.next_button)
    opened.wait_until_exact()
    assert panel.message_label.text() == "no label for this fragment"
    assert panel.message_label.isVisible()
    assert shown_numbers(opened) == ["–"] * 4
    assert not panel.block_box.isEnabled()
    assert not panel.errors_box.isEnabled()
    assert not panel.errors_box.isChecked()
    assert LAYER_NAME not in opened.viewer.layers
    opened.viewer_session.errors.toggle()
    assert LAYER_NAME not in opened.viewer.layers
    opened.click(opened.panel.fragment_panel.next_button)
    wait_until_scored(opened)
    assert shown_numbers(opened) == texts_of(expected_score(opened))
    assert panel.block_box.isEnabled()


def test_a_label_that_cannot_be_read_is_reported(open_viewer_session, tmp_path, notifications):
    root = tmp_path / "data"
    rng = np.random.default_rng(0)
    label = np.zeros((5, 20, 22), np.uint8)
    label[4, 3, 2] = 9
    for folder, voxels in (("p3d", rng.random(label.shape)), ("train_labels", label)):
        (root / folder).mkdir(parents=True)
        np.save(root / folder / "a.npy", voxels)
    opened = open_viewer_session(root)
    opened.wait_until(lambda: panel_of(opened).message_label.text() == "the label cannot be read")
    assert any("a.npy" in message and "9" in message for message in notifications())
    assert set(LABEL_TEXTS.values()) >= {panel_of(opened).message_label.text()}


def test_another_fragment_gets_its_own_score(opened):
    for image_id in ("b", "c", "a"):
        opened.click(opened.panel.fragment_panel.next_button)
        assert shown_numbers(opened) == ["–"] * 4
        assert opened.session.fragment.image_id == image_id
        wait_until_scored(opened)
        assert shown_numbers(opened) == texts_of(expected_score(opened))


# ---- errors ------------------------------------------------------------------------------------


def test_the_errors_are_painted_as_numpy_defines_them(shown):
    wait_until_scored(shown)
    shown.session.change(quantile=0.7, blend=0.4)
    wait_until_scored(shown)
    assert LAYER_NAME not in shown.viewer.layers
    shown.qtbot.keyClick(panel_of(shown).errors_box, Qt.Key.Key_Space)
    expected = classes_by_definition(shown.expected_mask(), label_of(shown))
    assert set(np.unique(expected)) == {int(kind) for kind in ErrorClass}
    for z in (0, 4, 8):
        shown.viewer.dims.set_current_step(0, z)
        np.testing.assert_array_equal(drawn_classes(shown), expected[z])
    np.testing.assert_array_equal(np.asarray(shown.viewer_session.errors.layer.data), expected)


def test_the_painted_errors_follow_the_sliders_and_the_fragment(shown):
    wait_until_scored(shown)
    shown.viewer_session.errors.show(True)
    drawn_classes(shown)
    z = shown.session.view.slice_index
    shown.press(shown.panel.knobs["quantile"].slider, Qt.Key.Key_Home)
    wait_until_scored(shown)
    expected = classes_by_definition(shown.expected_mask(), label_of(shown))
    np.testing.assert_array_equal(drawn_classes(shown), expected[z])
    shown.click(shown.panel.fragment_panel.next_button)
    wait_until_scored(shown)
    assert shown.viewer_session.errors.shown
    expected = classes_by_definition(shown.expected_mask(), label_of(shown))
    z = shown.session.view.slice_index
    np.testing.assert_array_equal(drawn_classes(shown), expected[z])
    assert shown.viewer_session.errors.layer.opacity == 1


def test_the_key_the_box_and_the_layer_list_agree_about_the_errors(shown):
    panel, errors = panel_of(shown), shown.viewer_session.errors

    def press_j():
        canvas = shown.viewer.window._qt_viewer.canvas.native
        QTest.keyClick(canvas, Qt.Key.Key_J)

    wait_until_scored(shown)
    assert not errors.shown
    assert not panel.legend.isVisible()
    press_j()
    assert errors.shown
    assert panel.errors_box.isChecked()
    assert panel.legend.isVisible()
    press_j()
    assert not errors.shown
    assert not panel.errors_box.isChecked()
    errors.layer.visible = True
    assert panel.errors_box.isChecked()
    shown.viewer.layers.remove(errors.layer)
    shown.wait_until(lambda: not panel.errors_box.isChecked())
    shown.qtbot.keyClick(panel.errors_box, Qt.Key.Key_Space)
    assert errors.shown
    assert [layer.name for layer in shown.viewer.layers].count(LAYER_NAME) == 1


def test_hidden_errors_stay_hidden_when_the_fragment_changes(opened):
    wait_until_scored(opened)
    opened.viewer_session.errors.show(True)
    opened.viewer_session.errors.show(False)
    opened.click(opened.panel.fragment_panel.next_button)
    wait_until_scored(opened)
    assert not opened.viewer_session.errors.shown
    assert not panel_of(opened).errors_box.isChecked()


# ---- closing -----------------------------------------------------------------------------------


def score_threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("nx46")]


@pytest.mark.parametrize("how", ["dock", "window", "other data"])
def test_closing_while_a_score_is_computed_ends_it_and_leaves_no_layer(
    opened, hold, how, one_fragment, qtbot, send_deferred_deletes, notifications
):
    follower = follower_of(opened)
    opened.viewer_session.errors.show(True)
    opened.wait_until(lambda: follower.scores.fragment.busy)
    if how == "dock":
        opened.viewer.window.remove_dock_widget(opened.dock)
    elif how == "window":
        opened.viewer.close()
        send_deferred_deletes()
    else:
        opened.dock.open_paths(one_fragment)
        assert LAYER_NAME not in opened.viewer.layers
        hold.set()
        wait_until_scored(opened)
        assert shown_numbers(opened) == texts_of(expected_score(opened))
        opened.viewer.window.remove_dock_widget(opened.dock)
    if how != "window":
        assert LAYER_NAME not in opened.viewer.layers
        assert "J" not in {str(key) for key in opened.viewer.keymap}
    qtbot.waitUntil(lambda: not score_threads(), timeout=PATIENCE)
    assert follower._closed
    assert follower.scores.fragment.result is None
    assert notifications() == []
