"""Work on layers is found again when the same data come again."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_nx46 import tune
from napari_nx46.files.workspace import Bookmark, default_workspace
from napari_nx46.setting import Setting
from napari_nx46.viewer.plugin.preferences import Preferences
from napari_nx46.viewer.sources.choice import LayerChoice
from napari_nx46.viewer.sources.kept import workspace_of_layers
from tests.viewer.sources.test_layers import Tuned, path

ENVIRONMENT = Preferences().environment


def as_layer(data, name="prob"):
    return Image(data, name=name, contrast_limits=(0, 1))


def work(window):
    """Do what is to be found again."""
    window.tuning.change(quantile=0.8)
    window.tuning.corrections.data_setitem((np.array([2]), np.array([3]), np.array([4])), 1)
    window.tuning.accept()
    window.tuning.change(blend=0.3)
    session = window.viewer_session
    session.bookmarks.add(Bookmark(image_id=window.session.fragment.image_id, z=1, y=2, x=3))
    window.wait_until(lambda: len(session.bookmarks.all) == 1)
    session.pin("A")


def check(window):
    """Check that it was found."""
    session = window.viewer_session
    session.bookmarks.read()
    window.wait_until(lambda: session.keeping.begun and len(session.bookmarks.all) == 1)
    image_id = window.session.fragment.image_id
    assert window.tuning.setting == Setting(quantile=0.8, blend=0.3)
    assert window.session.accepted == {image_id: Setting(quantile=0.8)}
    assert window.session.present_corrections.added == 1
    assert window.tuning.mask()[2, 3, 4] == 1
    assert [bookmark.image_id for bookmark in session.bookmarks.all] == [image_id]
    assert [pin.letter for pin in session.pins] == ["A"]


@pytest.fixture
def window_on(make_napari_viewer, qtbot, send_deferred_deletes):
    """Return a function that tunes a layer in a window, after the one before was closed."""
    windows = []

    def close():
        while windows:
            windows.pop().close()
            send_deferred_deletes()

    def tune_in_window(layer, **options):
        close()
        viewer = make_napari_viewer()
        windows.append(viewer)
        window = Tuned(viewer, qtbot, tune(viewer, layer, **options))
        window.wait_until(lambda: window.viewer_session.keeping.begun)
        return window

    yield tune_in_window
    close()


def test_an_array_is_known_by_its_content_whatever_the_layer_is_called(window_on):
    work(window_on(as_layer(path())))
    again = window_on(as_layer(path().copy(), "another name"))
    check(again)
    assert again.dock.layers.workspace_row.isHidden()
    other = window_on(as_layer(path(2)))
    assert other.tuning.setting == Setting()


def test_other_data_of_the_layer_are_kept_apart(window_on):
    window = window_on(as_layer(path()))
    first = window.viewer_session.workspace
    window.viewer.layers["prob"].data = path(2)
    window.wait_until(lambda: window.viewer_session.workspace != first)


def test_work_on_layers_that_cannot_be_known_is_saved_and_opened_by_hand(
    window_on, tmp_path, notifications
):
    data, target = da.from_array(path(), chunks=16), tmp_path / "work.sqlite"
    window = window_on(as_layer(data))
    row = window.dock.layers.workspace_row
    assert window.viewer_session.workspace is None
    assert not row.isHidden()
    work(window)
    row.saved.emit(target)
    check(window)
    assert row.isHidden()
    window.tuning.change(quantile=0.7)
    again = window_on(as_layer(data))
    assert again.tuning.setting == Setting()
    again.dock.layers.workspace_row.saved.emit(target)
    assert "choose another name" in notifications()[-1]
    again.dock.layers.workspace_row.opened.emit(target)
    assert again.tuning.setting == Setting(quantile=0.7, blend=0.3)
    again.tuning.change(quantile=0.8)
    check(again)
    assert window_on(as_layer(data), workspace=target).tuning.setting.quantile == 0.8


def test_a_layer_of_a_file_is_kept_where_the_file_is(tmp_path):
    from napari.layers._source import layer_source

    with layer_source(path=str(tmp_path / "a.tif")):
        layer = as_layer(path())
    found = workspace_of_layers(LayerChoice(p3d=layer), ENVIRONMENT)
    assert found == default_workspace(tmp_path / "a.tif", ENVIRONMENT)
    with layer_source(path="https://host/a.zarr"):
        address = as_layer(path())
    assert workspace_of_layers(LayerChoice(p3d=address), ENVIRONMENT) != found


def test_a_zarr_array_is_kept_where_it_is(tmp_path):
    import zarr

    stored = zarr.create_array(str(tmp_path / "a b.zarr"), shape=(2, 3, 4), dtype="f4")
    found = workspace_of_layers(LayerChoice(p3d=as_layer(stored)), ENVIRONMENT)
    assert found == default_workspace(tmp_path / "a b.zarr", ENVIRONMENT)
    inside = zarr.create_array(zarr.storage.MemoryStore(), shape=(2, 3, 4), dtype="f4")
    assert workspace_of_layers(LayerChoice(p3d=as_layer(inside)), ENVIRONMENT) is None
