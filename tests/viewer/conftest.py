"""Windows on small data sets; what they keep goes to folders of the test."""

from __future__ import annotations

import gc
import importlib
import shutil
from functools import partial
from inspect import unwrap

import numpy as np
import pytest
from napari.utils._testsupport import mock_app_model
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtWidgets import QColorDialog, QFileDialog, QMessageBox

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.files.workspace import WORKSPACES_VARIABLE
from napari_nx46.viewer.qt.garbage import collect_in_gui_thread
from napari_nx46.viewer.window.launch import add_dock
from tests.viewer.one_window import OneWindow, send_deferred_deletes
from tests.viewer.windows import SHAPES, Opened

VOLUMES = ("p3d", "p2d", "test_images", "train_labels")
MODAL_DIALOGS = (
    (QMessageBox, "question"),
    (QFileDialog, "getExistingDirectory"),
    (QFileDialog, "getOpenFileName"),
    (QFileDialog, "getOpenFileNames"),
    (QFileDialog, "getSaveFileName"),
    (QColorDialog, "getColor"),
)


def _unexpected(*arguments, **options):
    pytest.fail(f"an unexpected dialog was opened: {arguments}")


def _volumes(shape, seed):
    """Return two probability volumes that differ, with smooth and noisy parts, and the rest."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(0, 1, length) for length in shape), indexing="ij")
    sheets = 0.5 + 0.5 * np.sin(12 * (x + 0.4 * y) + 3 * z)
    p3d = np.clip(0.7 * sheets + 0.3 * rng.random(shape), 0, 1).astype(np.float32)
    p2d = (255 * np.clip(0.5 * sheets + 0.5 * rng.random(shape), 0, 1)).astype(np.uint8)
    return {
        "p3d": p3d,
        "p2d": p2d,
        "test_images": rng.integers(0, 256, shape, dtype=np.uint8),
        "train_labels": (sheets > 0.8).astype(np.uint8) + (rng.random(shape) > 0.99),
    }


@pytest.fixture(scope="session", autouse=True)
def _quick_collections():
    """Leave what imports have made out of garbage collections: napari begins one for each layer."""
    for module in ("napari._qt.qt_main_window", "napari._vispy.canvas", "numba", "zarr"):
        importlib.import_module(module)
    # Once and for all tests: what later tests import is little.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _garbage(qapp):
    """Collect it as a window does: what a test leaves behind would end in the next one's thread."""
    collect_in_gui_thread()


@pytest.fixture(autouse=True)
def _kept_apart(tmp_path, monkeypatch):
    """Let windows write into the test's folder, and forget the notifications of other tests."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv(WORKSPACES_VARIABLE, str(tmp_path / "workspaces"))
    # A modal dialog would wait for ever; a test that expects one puts its own answer here.
    for dialog, method in MODAL_DIALOGS:
        monkeypatch.setattr(dialog, method, _unexpected)
    notification_manager.records.clear()
    yield
    # Else what a window leaves would still follow the keys that the next one sets up.
    send_deferred_deletes()
    notification_manager.records.clear()
    # What napari keeps of a window is not looked through again for each of the next one's layers.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _manifests_are_read_once():
    """Have npe2 read the plugins' manifests for the first window alone: there are no new ones."""
    manifests = list(PluginManifest.discover())
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(PluginManifest, "discover", lambda paths=(): iter(manifests))
        yield


@pytest.fixture
def notifications():
    """Return a function that gives the messages of all notifications so far."""
    return lambda: [record.message for record in notification_manager.records]


@pytest.fixture(scope="session")
def _folders_written(tmp_path_factory):
    """Return a function that copies a data folder, which is written at its first use alone."""
    written = {}

    def copied_to(root, names, wanted):
        if (names, wanted) not in written:
            folder = written[names, wanted] = tmp_path_factory.mktemp("written") / "data"
            for seed, image_id in enumerate(names):
                volumes = _volumes(SHAPES[image_id], seed)
                write_data_folder(folder, image_id, {name: volumes[name] for name in wanted})
        return shutil.copytree(written[names, wanted], root)

    return copied_to


@pytest.fixture
def data_folder(tmp_path, request, _folders_written):
    """Return a data folder of three fragments, each with image, p3d, p2d and label.

    A module that needs no more than some of them names these in its `VOLUMES`.
    """
    wanted = getattr(request.module, "VOLUMES", VOLUMES)
    return _folders_written(tmp_path / "data", tuple(SHAPES), wanted)


@pytest.fixture
def one_fragment(tmp_path, request, _folders_written):
    """Return a data folder with one fragment, of the volumes that `data_folder` has."""
    wanted = getattr(request.module, "VOLUMES", VOLUMES)
    return _folders_written(tmp_path / "single", ("a",), wanted)


_application_of_module = pytest.fixture(scope="module")(unwrap(mock_app_model))
"""napari's own fixture, for as long as the window of a module."""


@pytest.fixture(scope="module")
def _window_of_module(_application_of_module):
    with pytest.MonkeyPatch.context() as monkeypatch:
        windows = OneWindow(monkeypatch)
        yield windows
        windows.close()


@pytest.fixture
def _lent_window(_window_of_module, qtbot, request):
    yield partial(_window_of_module.lend, qtbot)
    _window_of_module.put_back(failed=request.node.rep_call.failed)


@pytest.fixture
def make_viewer(request):
    """Return a function that makes a window, or lends that of a module with `ONE_WINDOW`."""
    one = getattr(request.module, "ONE_WINDOW", False)
    return request.getfixturevalue("_lent_window" if one else "make_napari_viewer")


@pytest.fixture
def open_viewer_session(make_viewer, qtbot):
    """Return a function that opens data in a window and waits for its exact figures."""

    def open_in_window(*paths, show=False, **viewer_options):
        viewer = make_viewer(show=show, **viewer_options)
        dock = add_dock(viewer)
        dock.show_data_set(open_data(*paths), tuple(paths))
        opened = Opened(viewer, dock, qtbot)
        opened.wait_until_exact()
        return opened

    return open_in_window


@pytest.fixture
def opened(open_viewer_session, data_folder):
    """Return a hidden window on three fragments."""
    return open_viewer_session(data_folder)


@pytest.fixture
def shown(open_viewer_session, data_folder):
    """Return a window on three fragments that is really drawn."""
    return open_viewer_session(data_folder, show=True)


@pytest.fixture(name="send_deferred_deletes")
def _send_deferred_deletes():
    """Return a function that lets Qt delete what was marked for it."""
    return send_deferred_deletes
