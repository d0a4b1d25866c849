"""Commands on stores of a server that fails now and then, or for good."""

from __future__ import annotations

import json

import pytest

from tests.command import nx46_here
from tests.files.stores.server import BUCKET, served
from tests.scale.execute.stores import SETTING, scores, write_store

QUICK = {"NX46_TRIES": "4", "NX46_TIMEOUT": "0.3", "NX46_CACHE_DISK": "0"}
FLAGS = ("--tile", 16, "--chunk", 8, "--levels", 2, "--threads", 2)
FOR_A_WHILE = (503, "cut", "hang", 429, "short", "empty", 500)


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    write_store(folder / "p.zarr", scores())
    (tmp_path / "setting.json").write_text(SETTING.to_json())
    with served(folder) as running:
        yield running


def address(server, way):
    """Return the store's URL and what flags it takes."""
    if way == "http":
        return (f"{server.url}/p.zarr",)
    return (f"s3://{BUCKET}/p.zarr", "--endpoint", server.url)


def applied(server, way, folder, *, name="mask.zarr"):
    """Apply the setting, and return how the command ended."""
    folder.mkdir(exist_ok=True)
    setting = folder.parent / "setting.json"
    more = ("--setting", setting, "--out", folder / name)
    return nx46_here("apply", *address(server, way), *more, *FLAGS, **QUICK)


def content(folder):
    """Return all files of a folder, by their path in it."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def chunks(server):
    folder = server.folder / "p.zarr"
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("0/*/*/*") if path.is_file()
    )


@pytest.mark.parametrize("way", ["http", "s3"])
def test_faults_that_pass_change_no_byte(server, tmp_path, way):
    calm = applied(server, way, tmp_path / "calm")
    assert calm.exit_code == 0, calm.output
    for number, name in enumerate(chunks(server)[::5]):
        fault = FOR_A_WHILE[number % len(FOR_A_WHILE)]
        server.faults[f"p.zarr/{name}"] = [fault] if fault in ("short", "empty") else [fault] * 2
    shaken = applied(server, way, tmp_path / "shaken")
    assert shaken.exit_code == 0, shaken.output
    assert not any(server.faults.values())
    assert content(tmp_path / "shaken") == content(tmp_path / "calm")


@pytest.mark.parametrize(
    ("way", "fault", "key"),
    [("http", 503, "0/2/2/1"), ("s3", "cut", "0/4/4/3"), ("http", "short", "0/3/1/0")],
)
def test_what_fails_for_good_is_named_and_the_run_goes_on_later(server, tmp_path, way, fault, key):
    calm = applied(server, way, tmp_path / "calm")
    server.always[f"p.zarr/{key}"] = fault
    failed = applied(server, way, tmp_path / "mask")
    assert failed.exit_code == 1, failed.output
    assert key.removeprefix("0/") in failed.output
    assert "p.zarr" in failed.output
    assert "all others are done" in failed.output
    left = sorted(path.name for path in (tmp_path / "mask").iterdir())
    assert left == ["mask.zarr.partial", "mask.zarr.work"]
    server.always.clear()
    server.asked.clear()
    mended = applied(server, way, tmp_path / "mask")
    assert mended.exit_code == 0, mended.output
    again = [name for name in chunks(server) if any(one.endswith(name) for one in server.asked)]
    assert len(again) < len(chunks(server)) / 3
    assert calm.exit_code == 0
    assert content(tmp_path / "mask") == content(tmp_path / "calm")


def test_boxes_are_chosen_of_a_store_that_fails_now_and_then(server, tmp_path):
    asked = ("--count", 2, "--side", 16, "--out", tmp_path / "boxes.json")
    calm = nx46_here("boxes", *address(server, "http"), *asked, **QUICK)
    assert calm.exit_code == 0, calm.output
    for number, name in enumerate(chunks(server)):
        server.faults[f"p.zarr/{name}"] = [FOR_A_WHILE[number % 2]]
    shaken = nx46_here("boxes", *address(server, "http"), *asked, **QUICK)
    assert (shaken.exit_code, shaken.stdout) == (0, calm.stdout)
    assert len(json.loads((tmp_path / "boxes.json").read_text())["boxes"]) == 2
    (tmp_path / "boxes.json").unlink()
    server.always["p.zarr/0/2/2/1"] = 503
    failed = nx46_here("boxes", *address(server, "http"), *asked, **QUICK)
    assert failed.exit_code == 2, failed.output
    assert "no answer to 0/2/2/1, asked for 4 times (503" in failed.output
    assert not (tmp_path / "boxes.json").exists()
