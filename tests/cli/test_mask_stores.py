"""Masks and labels in stores, by path and by URL: measured, scored and compared as files are."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy import ndimage

from tests.command import nx46_here
from tests.files.stores.server import BUCKET, served
from tests.scale.execute.stores import write_store

SHAPE = (20, 24, 32)
BOXES = ("2:18,4:20,0:16", "0:16,8:24,16:32")
WAYS = ("path", "http", "s3")


def blobs(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(SHAPE), 1.5)
    return (noise > np.quantile(noise, 0.7)).astype(np.uint8)


def cut(voxels, box):
    return voxels[tuple(slice(*map(int, part.split(":"))) for part in box.split(","))]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    label = blobs(0)
    write_store(folder / "mask.zarr", 255 * blobs(1))
    write_store(folder / "other.zarr", 255 * blobs(2))
    write_store(folder / "label.zarr", label)
    for number, box in enumerate(BOXES):
        for name, seed in (("mask", 1), ("other", 2), ("label", 0)):
            (folder / name).mkdir(exist_ok=True)
            np.save(folder / name / f"{number}.npy", cut(blobs(seed), box))
    with served(folder) as running:
        yield running


def store(server, way, name, *boxes):
    """Return the address of a store, or of boxes of it, and what the environment has to say."""
    base = {"path": str(server.folder), "http": server.url, "s3": f"s3://{BUCKET}"}[way]
    chosen = "&".join(f"box={box}" for box in boxes)
    return f"{base}/{name}.zarr" + (f"#{chosen}" if chosen else "")


def run(server, way, *arguments):
    result = nx46_here(*arguments, **({"NX46_S3_ENDPOINT": server.url} if way == "s3" else {}))
    assert result.exit_code == 0, result.output
    return result


def figures(records):
    return [
        {name: value for name, value in record.items() if name not in ("file", "fragment")}
        for record in records
    ]


@pytest.mark.parametrize("way", WAYS)
def test_boxes_are_measured_as_files_are(server, way):
    folder = server.folder
    of_files = run(server, way, "measure", folder / "mask", "--label", folder / "label", "--json")
    boxes = [store(server, way, name, *BOXES) for name in ("mask", "label")]
    of_boxes = run(server, way, "measure", boxes[0], "--label", boxes[1], "--json")
    expected, found = json.loads(of_files.stdout), json.loads(of_boxes.stdout)
    # By their names the second box comes before the first.
    assert figures(found) == figures(reversed(expected))
    assert found[0]["fragment"] == "mask_z0-16_y8-24_x16-32"
    assert found[0]["file"].endswith("mask.zarr")


@pytest.mark.parametrize("way", WAYS)
def test_boxes_are_scored_as_files_are(server, way, tmp_path):
    of_files = run(server, way, "score", server.folder / "mask", server.folder / "label", "--json")
    boxes = [store(server, way, name, *BOXES) for name in ("mask", "label")]
    table = tmp_path / "scores.csv"
    of_boxes = run(server, way, "score", *boxes, "--json", "--csv", table)
    expected, found = json.loads(of_files.stdout), json.loads(of_boxes.stdout)
    assert found["mean"]["score"] == pytest.approx(expected["mean"]["score"])
    assert list(found["fragments"].values()) == list(expected["fragments"].values())[::-1]
    with table.open() as stream:
        assert next(csv.DictReader(stream))["fragment"] == "mask_z0-16_y8-24_x16-32"


def test_a_whole_store_is_explained_and_compared(server, tmp_path):
    np.save(tmp_path / "mask.npy", blobs(1))
    np.save(tmp_path / "label.npy", blobs(0))
    files = [tmp_path / "mask.npy", tmp_path / "label.npy"]
    stores = [store(server, "http", name) for name in ("mask", "label")]
    of_files = json.loads(run(server, "http", "errors", *files, "--json").stdout)
    of_stores = json.loads(run(server, "http", "errors", *stores, "--json").stdout)
    assert list(of_stores["fragments"].values()) == list(of_files["fragments"].values())
    out = tmp_path / "report.csv"
    sides = (store(server, "http", "mask"), store(server, "path", "other"))
    compared = run(server, "http", "compare", *sides, "--label", stores[1], "--out", out)
    assert f"{server.url}/mask.zarr" in compared.stdout
    assert "Dice" in compared.stdout
    assert f"{server.url}/mask.zarr" in out.read_text()
    alone = json.loads(run(server, "http", "errors", stores[0], "--json").stdout)
    assert len(alone["fragments"]) == 1


def test_boxes_of_two_stores_are_compared(server):
    sides = [store(server, "http", name, *BOXES) for name in ("mask", "other")]
    compared = run(server, "http", "compare", *sides)
    assert "mask_z2-18_y4-20_x0-16" in compared.stdout


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("gone.zarr", "found no Zarr metadata"),
        ("mask.zarr#box=0:99,0:8,0:8", "expected one within"),
        ("mask.zarr#level=7", "no array at level 7"),
    ],
)
@pytest.mark.parametrize("command", ["measure", "score", "errors", "compare"])
def test_what_is_not_there_is_refused(server, command, chosen, words):
    label = () if command in ("measure", "errors") else (store(server, "path", "label"),)
    result = nx46_here(command, f"{server.url}/{chosen}", *label)
    assert result.exit_code == 2, result.output
    assert words in result.output
