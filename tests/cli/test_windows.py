"""The commands that open a window, and what a terminal is shown."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import qtpy

from napari_nx46.cli.output.console import print_table, progress_bar
from napari_nx46.data.fragments import write_data_folder
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.run import pipelines
from tests.command import nx46_here
from tests.live.scroll.stores import waves, write_image


@pytest.fixture
def data(tmp_path):
    """Return a data folder with one fragment."""
    volume = np.full((2, 3, 4), 0.5, np.float32)
    write_data_folder(tmp_path / "data", "a", {"p3d": volume, "p2d": volume})
    return tmp_path / "data"


def test_tune_and_demo_hand_over_to_the_window(data, tmp_path, monkeypatch):
    opened = []

    def demo(paths, out, read_as):
        opened.append((paths, out, read_as))
        return 1

    def tune(dataset, paths):
        opened.append((dataset, paths))

    launch = types.SimpleNamespace(tune=tune)
    monkeypatch.setitem(sys.modules, "napari_nx46.viewer.window.launch", launch)
    demonstration = types.SimpleNamespace(show=demo)
    monkeypatch.setitem(sys.modules, "napari_nx46.viewer.demo.script", demonstration)
    volumes = [data / "p3d" / "a.tif", data / "p2d" / "a.tif"]
    assert nx46_here("tune", *volumes).exit_code == 0
    ((dataset, paths),) = opened
    assert paths == tuple(volumes)
    assert dataset.image_ids == ("a",)
    assert dataset["a"].p2d.path == data / "p2d" / "a.tif"
    flags = ("--channel", "1", "--logits", "softmax")
    assert nx46_here("demo", data, "--out", tmp_path / "shown", *flags).exit_code == 1
    assert opened[1] == ((data,), tmp_path / "shown", ReadAs(1, Logits.SOFTMAX))


def test_tune_opens_a_store_that_is_larger_than_memory_box_by_box(tmp_path, monkeypatch):
    write_image(tmp_path / "a.zarr", waves((16, 16, 16)), levels=2)
    opened = []
    launch = types.SimpleNamespace(
        tune=lambda dataset, places: opened.append(dataset.image_ids),
        tune_store=lambda places, read_as: opened.append((places, read_as)),
    )
    monkeypatch.setitem(sys.modules, "napari_nx46.viewer.window.launch", launch)
    arguments = ("tune", tmp_path / "a.zarr", "--channel", "1")
    monkeypatch.setattr(pipelines, "DEFAULT_MEMORY_BUDGET", 16**3 - 1)
    assert nx46_here(*arguments).exit_code == 0
    assert opened == [((tmp_path / "a.zarr",), ReadAs(1))]
    # A box of it is a fragment like any other.
    assert nx46_here("tune", tmp_path / "a.zarr", "--box", "0:8,0:8,0:8").exit_code == 0
    assert opened[1] == ("a_z0-8_y0-8_x0-8",)


@pytest.mark.parametrize("arguments", [("tune", "data"), ("demo",)])
def test_without_a_qt_binding_the_user_is_reported_what_to_install(data, monkeypatch, arguments):
    def no_binding(*_):
        raise qtpy.QtBindingsNotFoundError

    launch = types.SimpleNamespace(tune=no_binding)
    monkeypatch.setitem(sys.modules, "napari_nx46.viewer.window.launch", launch)
    demonstration = types.SimpleNamespace(show=no_binding)
    monkeypatch.setitem(sys.modules, "napari_nx46.viewer.demo.script", demonstration)
    monkeypatch.chdir(data.parent)
    result = nx46_here(*arguments)
    assert result.exit_code == 2
    assert 'pip install "napari-nx46[all]"' in result.stderr


def test_a_terminal_is_shown_whole_values_and_the_progress(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar("writing", 4) as progress:
        progress("[red]a", 1, 2)
        progress("[red]a", 2, 2)
        progress("b", 1, 2)
    print_table(("fragment", "density"), [("[bold]", "0.060000"), ("b", "0.1")])
    shown = capsys.readouterr()
    assert "writing b" in shown.err
    assert "3/4" in shown.err
    assert "[bold]" in shown.out
    assert "0.060000" in shown.out
    assert "─" in shown.out


def test_where_nobody_looks_the_progress_is_silent_and_tables_are_plain(capsys):
    with progress_bar("writing", 2) as progress:
        progress("a", 1, 2)
    print_table(("fragment", "density"), [("a" * 200, "0.06"), ("b", "")])
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.splitlines() == [
        "fragment" + " " * 194 + "density",
        "a" * 200 + "  0.06",
        "b",
    ]
