"""What a user prefers in napari's Preferences takes effect, and what cannot be used is said."""

from __future__ import annotations

from importlib import resources

import pytest
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.settings import get_plugin_settings
from npe2 import PluginManifest
from qtpy.QtWidgets import QCheckBox, QLineEdit

from napari_nx46.files.volumes.opening import VolumeError
from napari_nx46.files.workspace import WORKSPACES_VARIABLE
from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET
from napari_nx46.viewer.plugin.preferences import PLUGIN, Preferences, read_preferences
from napari_nx46.viewer.window.launch import add_dock
from tests.files.test_memory import one_tile

VOLUMES = ("p3d", "p2d")
GIB = 2**30


@pytest.fixture
def settings(plugin_settings, npe2pm):
    """Return the plugin's settings as napari has them, kept in the test's folder."""
    with resources.as_file(resources.files("napari_nx46") / "napari.yaml") as path:
        npe2pm.register(PluginManifest.from_file(path))
    return get_plugin_settings(PLUGIN)


@pytest.mark.usefixtures("settings")
def test_the_defaults_of_the_manifest_are_those_of_the_program():
    assert read_preferences() == Preferences()


@pytest.mark.usefixtures("plugin_settings")
def test_without_the_plugin_the_defaults_hold():
    assert read_preferences() == Preferences()


def test_valid_ones_are_read(settings, tmp_path):
    settings.computing.memory = 0.5
    settings.computing.threads = 3
    settings.computing.workspace_folder = str(tmp_path / "kept")
    settings.mask.lowest_density = 1.5
    settings.mask.color = "Red"
    settings.mask.outline = True
    assert read_preferences() == Preferences(
        GIB // 2, 3, tmp_path / "kept", (0.015, 0.12), "#ff0000", True
    )


@pytest.mark.parametrize(
    ("category", "name", "value", "words"),
    [
        ("computing", "workspace_folder", "kept/here", "expected a full path"),
        ("computing", "workspace_folder", __file__, "is a file, expected a folder"),
        ("mask", "color", "oragne", "'oragne', expected a name such as orange, or #rrggbb"),
        ("mask", "lowest_density", 20.0, "20 % to 12 %, expected the lowest density first"),
    ],
)
def test_what_cannot_be_used_is_said_once(
    settings, open_viewer_session, one_fragment, notifications, category, name, value, words
):
    setattr(getattr(settings, category), name, value)
    preferences = read_preferences()
    assert words in preferences.message
    assert preferences == Preferences(problems=preferences.problems)

    opened = open_viewer_session(one_fragment)
    assert opened.session.band == Preferences().band
    assert opened.viewer_session.overlay.color == Preferences().mask_color
    settings.mask.outline = True
    opened.wait_until(lambda: opened.viewer_session.overlay.has_outline)
    assert [message for message in notifications() if words in message] == [preferences.message]


def test_memory_threads_and_folder_hold_from_the_next_opening(
    settings, open_viewer_session, one_fragment, tmp_path, monkeypatch
):
    monkeypatch.delenv(WORKSPACES_VARIABLE)
    settings.computing.workspace_folder = str(tmp_path / "kept")
    opened = open_viewer_session(one_fragment)
    assert opened.session.workers.count == 2
    assert opened.session.pipelines.memory_budget == DEFAULT_MEMORY_BUDGET
    assert opened.viewer_session.keeping.path.is_relative_to(tmp_path / "kept")

    settings.computing.memory = 0.5
    settings.computing.threads = 1
    opened.dock.open_paths(one_fragment)
    session = opened.session
    assert session.workers.count == opened.viewer_session.profiles.workers.count == 1
    assert session.pipelines.memory_budget == GIB // 2
    opened.wait_until_exact()

    monkeypatch.setenv(WORKSPACES_VARIABLE, str(tmp_path / "named"))
    path = opened.dock.workspace_of((one_fragment,))
    assert path.is_relative_to(tmp_path / "named")  # the environment is the stronger


def test_what_is_open_stays_open_if_other_data_need_more_memory(
    settings, open_viewer_session, one_fragment, tmp_path
):
    opened = open_viewer_session(one_fragment)
    before = opened.viewer_session
    settings.computing.memory = 0.25
    with pytest.raises(
        VolumeError, match=r"256 MiB allowed; give more \(--memory, or Preferences\)"
    ):
        opened.dock.open_paths(one_tile(tmp_path / "large.tif", 8, 2**15))
    assert opened.viewer_session is before
    assert opened.dock.panel.isVisibleTo(opened.dock)


def test_napari_shows_them_and_those_of_the_mask_hold_at_once(
    settings, make_napari_viewer, qtbot, one_fragment
):
    viewer = make_napari_viewer()
    dock = add_dock(viewer)
    dock.open_paths(one_fragment)
    overlay, session = dock.viewer_session.overlay, dock.viewer_session.session
    dialog = PreferencesDialog(viewer.window._qt_window)
    qtbot.addWidget(dialog)
    pages = [dialog._list.item(row).text() for row in range(dialog._list.count())]
    page = dialog._stack.widget(pages.index("NX46"))
    (color,) = [edit for edit in page.findChildren(QLineEdit) if edit.text() == overlay.color]
    (outline,) = page.findChildren(QCheckBox)
    color.setText("cyan")
    outline.setChecked(True)
    settings.mask.highest_density = 20.0
    qtbot.waitUntil(lambda: overlay.has_outline, timeout=20_000)
    assert overlay.color == "#00ffff"
    assert session.band == (0.06, 0.2)
    assert "cyan" in settings.config_path.read_text()

    dialog.reject()
    qtbot.waitUntil(lambda: not overlay.has_outline, timeout=20_000)
    assert overlay.color == Preferences().mask_color
    assert session.band == Preferences().band
