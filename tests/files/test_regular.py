"""Pipes, devices and sockets where a file is expected: refused at once, whoever names them."""

from __future__ import annotations

import os
import socket
import sqlite3

import numpy as np
import pytest
import tifffile

from napari_nx46.files.regular import (
    NotRegularFileError,
    check_regular,
    open_regular,
    special_kind,
)
from napari_nx46.files.workspace import Workspace, WorkspaceError
from tests.command import nx46_here

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes"),
]


def make_pipe(path):
    os.mkfifo(path)


def link_device(path):
    path.symlink_to("/dev/zero")


def make_socket(path):
    # A socket's path has to be short: it is made in its folder.
    folder = os.open(path.parent, os.O_RDONLY)
    here = os.getcwd()
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)
        os.close(folder)


SPECIAL = {"named pipe": make_pipe, "device": link_device, "socket": make_socket}


@pytest.fixture(params=SPECIAL)
def kind(request):
    return request.param


def test_a_special_file_is_refused_without_waiting(tmp_path, kind):
    path = tmp_path / "a"
    SPECIAL[kind](path)
    for refuse in (open_regular, check_regular):
        with pytest.raises(NotRegularFileError, match=f"a {kind}, not a regular file"):
            refuse(path)
    assert special_kind(path) == f"a {kind}"


def test_files_are_opened_and_folders_are_not(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"content")
    with open_regular(path) as stream:
        assert stream.read() == b"content"
    assert check_regular(path).st_size == 7
    for refuse in (open_regular, check_regular):
        with pytest.raises(IsADirectoryError):
            refuse(tmp_path)
        with pytest.raises(FileNotFoundError):
            refuse(tmp_path / "missing")
    assert [special_kind(place) for place in (path, tmp_path, tmp_path / "missing")] == [None] * 3


def place_in(folder, name, kind):
    SPECIAL[kind](folder / name)
    probabilities = np.random.default_rng(0).random((2, 8, 8)).astype("float32")
    tifffile.imwrite(folder / "v.tif", probabilities, photometric="minisblack")
    return [str(folder / part) for part in ("v.tif", name)]


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".npz", ".zarr"])
def test_volumes(tmp_path, kind, suffix):
    good, special = place_in(tmp_path, "special" + suffix, kind)
    for command in (
        ["run", special, "--out", tmp_path / "o"],
        ["run", good, special, "--out", tmp_path / "o"],
        ["measure", special],
        ["measure", good, "--label", special],
        ["score", good, special],
        ["compare", special, good],
    ):
        ran = nx46_here(*command)
        assert ran.exit_code == 2, ran.output
        assert f"special{suffix}" in ran.output
        assert "a file that is not of a known format" in ran.output or kind in ran.output
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("folder", ["p3d", "models/m", "train_images", "train_labels"])
def test_volumes_in_a_data_folder(tmp_path, kind, folder):
    probabilities = np.random.default_rng(0).random((2, 8, 8)).astype("float32")
    for place in {"p2d", folder}:
        (tmp_path / "d" / place).mkdir(parents=True)
    tifffile.imwrite(tmp_path / "d/p2d/1.tif", probabilities, photometric="minisblack")
    SPECIAL[kind](tmp_path / "d" / folder / "1.tif")
    ran = nx46_here("run", tmp_path / "d", "--out", tmp_path / "o")
    assert ran.exit_code == 2, ran.output
    assert kind in ran.output


def test_archives_settings_and_matrices(tmp_path, kind):
    good, special = place_in(tmp_path, "s.zip", kind)
    SPECIAL[kind](tmp_path / "s.json")
    labels = tmp_path / "labels"
    labels.mkdir()
    tifffile.imwrite(labels / "v.tif", np.ones((2, 8, 8), "uint8"), photometric="minisblack")
    for command, status in (
        (["validate", special], 1),
        (["score", special, labels], 2),
        (["compare", special, good], 2),
        (["measure", special], 2),
        (["export", good, "--setting", tmp_path / "s.json", "--out", tmp_path / "o.zip"], 2),
        (["compare", tmp_path / "s.json", good, "--data", good], 2),
        (["campaign", "run", tmp_path / "s.json", good, "--work", tmp_path / "w"], 2),
        (["runs", "add", special, "--work", tmp_path / "w.sqlite"], 2),
    ):
        ran = nx46_here(*command)
        assert ran.exit_code == status, (command, ran.output)
        assert kind in ran.output or "no such file" in ran.output or "no file" in ran.output


def test_the_archive_of_a_kept_run(tmp_path, kind):
    good, _ = place_in(tmp_path, "unused.tif", kind)
    archive, work = tmp_path / "a.zip", tmp_path / "w.sqlite"
    assert nx46_here("export", good, "--out", archive, "--work", work).exit_code == 0
    archive.rename(tmp_path / "b.zip")
    SPECIAL[kind](archive)
    ran = nx46_here("compare", "run:1", tmp_path / "b.zip", "--work", work)
    assert ran.exit_code == 2, ran.output
    assert "a.zip" in ran.output


def test_targets_are_not_replaced(tmp_path, kind):
    good, target = place_in(tmp_path, "o.zip", kind)
    ran = nx46_here("export", good, "--out", target)
    assert ran.exit_code != 0
    assert kind in ran.output
    assert special_kind(target) == f"a {kind}"


@pytest.mark.parametrize("ending", ["", "-journal", "-wal", "-shm"])
def test_workspaces_and_what_lies_beside_them(tmp_path, kind, ending):
    path = tmp_path / "w.sqlite"
    if ending:
        Workspace.open(path).close()
        sqlite3.connect(path).close()
    SPECIAL[kind](tmp_path / f"w.sqlite{ending}")
    with pytest.raises(WorkspaceError, match=kind):
        Workspace.open(path)


def test_chunks_and_metadata_of_zarr(tmp_path, kind):
    for name in ("zarr.json", ".zarray", ".zgroup"):
        folder = tmp_path / f"{name}.zarr"
        folder.mkdir()
        SPECIAL[kind](folder / name)
        ran = nx46_here("run", folder, "--out", tmp_path / "o")
        assert ran.exit_code == 2, ran.output
