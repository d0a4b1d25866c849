"""Stores, and boxes of them, as fragments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.data.fragments import (
    FragmentError,
    StorePlace,
    open_data,
    open_readable,
    place_of,
    workspace_key,
)
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.files.workspace import default_workspace
from tests.data.test_boxes import BOXES

SHAPE = (12, 16, 20)
BOX, OTHER = Box.parse("2:8,0:8,4:20"), Box.parse("0:12,8:16,0:10")


def write_image(path, seed, dtype="uint8", scale=2.0):
    """Write an OME-Zarr image of two levels; return its voxels."""
    voxels = np.random.default_rng(seed).integers(0, 3 if seed == 9 else 255, SHAPE).astype(dtype)
    group = zarr.create_group(path, zarr_format=2)
    for level, part in enumerate((voxels, voxels[::2, ::2, ::2])):
        group.create_array(str(level), data=part, chunks=(4, 8, 8))
    steps = [
        {"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [k, k, k]}]}
        for n, k in enumerate((scale, 2 * scale))
    ]
    axes = [{"name": name, "unit": "micrometer"} for name in "zyx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": steps}]
    return voxels


@pytest.fixture
def store(tmp_path):
    return write_image(tmp_path / "scroll.zarr", 1)


PLACES = st.builds(
    StorePlace,
    store=st.sampled_from(["https://host/a.zarr", "s3://b/a b#c.zarr", "/x/a&b.zarr"]),
    level=st.none() | st.text(min_size=1, max_size=5),
    boxes=st.lists(BOXES, max_size=3).map(tuple),
    label=st.none() | st.sampled_from(["labels.zarr", "s3://b/l.zarr#level=2"]),
    image=st.none() | st.text(min_size=1, max_size=5),
    endpoint=st.none() | st.just("http://127.0.0.1:9000"),
    signed=st.booleans(),
    absent_on_403=st.booleans(),
)


@given(PLACES)
def test_a_place_is_read_back_from_its_text(place):
    chosen = str(place) != place.store
    assert place_of(str(place)) == (place if chosen or "://" in place.store else Path(place.store))
    assert place_of(place) is place


@pytest.mark.parametrize(
    "text",
    ["ftp://host/a", "a.zarr#box=1", "a.zarr#level=1&level=2", "a.zarr#level=", "a#level=1&b=2"],
)
def test_texts_that_are_no_places(text):
    with pytest.raises(FragmentError, match=r"found|expected"):
        place_of(text)


def test_boxes_are_fragments(tmp_path, store):
    place = StorePlace(str(tmp_path / "scroll.zarr"), boxes=(BOX, OTHER))
    data = open_data(place)
    assert data.image_ids == ("scroll_z0-12_y8-16_x0-10", "scroll_z2-8_y0-8_x4-20")
    fragment = data["scroll_z2-8_y0-8_x4-20"]
    np.testing.assert_array_equal(fragment.p3d.read(), store[BOX.slices])
    np.testing.assert_array_equal(fragment.p3d[-1, ::3, 2], store[BOX.slices][-1, ::3, 2])
    assert fragment.p3d is fragment.p2d
    assert fragment.placement.translate == (4.0, 0.0, 8.0)
    assert open_data(str(place)).image_ids == data.image_ids
    assert open_readable(place, only=data.image_ids[:1])[0].image_ids == data.image_ids[:1]
    with pytest.raises(FragmentError, match="no fragment b"):
        open_data(place, only=["b"])


def test_a_level_label_and_image_of_boxes(tmp_path, store):
    labels = write_image(tmp_path / "labels.zarr", 9)
    image = write_image(tmp_path / "ct.zarr", 3)
    p2d = write_image(tmp_path / "p2d.zarr", 4)
    box = Box.parse("1:5,0:8,2:10")
    first = StorePlace(
        str(tmp_path / "scroll.zarr"),
        "1",
        (box,),
        str(tmp_path / "labels.zarr"),
        f"{tmp_path / 'ct.zarr'}#level=1",
    )
    (fragment,) = open_data(first, StorePlace(str(tmp_path / "p2d.zarr"), "1"))
    halved = (slice(None, None, 2),) * 3
    for volume, voxels in (
        (fragment.p3d, store),
        (fragment.p2d, p2d),
        (fragment.label, labels),
        (fragment.image, image),
    ):
        np.testing.assert_array_equal(volume.read(), voxels[halved][box.slices])
    assert fragment.placement.translate == (4.0, 0.0, 8.0)
    assert fragment.p3d.record()["level"] == "1"
    assert fragment.image_id == "scroll_level-1_z1-5_y0-8_x2-10"
    assert open_data(StorePlace(first.store, "1")).image_ids == ("scroll_level-1",)
    with pytest.raises(FragmentError, match="expected stores of one grid"):
        open_data(first, StorePlace(str(tmp_path / "p2d.zarr")))
    with pytest.raises(FragmentError, match="expected one within 0:6,0:8,0:10"):
        open_data(StorePlace(first.store, "1", (OTHER,)))


def test_the_fingerprint_of_a_box_is_that_of_its_voxels(tmp_path, store):
    def fingerprints():
        return {
            one.image_id: one.p3d.fingerprint()
            for one in open_data(StorePlace(str(path), boxes=(BOX, OTHER)))
        }

    path = tmp_path / "scroll.zarr"
    before = fingerprints()
    assert before == fingerprints()
    assert len(set(before.values())) == 2
    zarr.open_group(path)["0"][0, 15, 0] = store[0, 15, 0] ^ 1  # in one of them
    after = fingerprints()
    assert before["scroll_z2-8_y0-8_x4-20"] == after["scroll_z2-8_y0-8_x4-20"]
    assert before["scroll_z0-12_y8-16_x0-10"] != after["scroll_z0-12_y8-16_x0-10"]
    record = open_data(StorePlace(str(path), boxes=(BOX,))).fragments[0].p3d.record()
    assert record["store"] == "scroll.zarr"
    assert record["box"] == str(BOX)
    assert record["sha256"] == before["scroll_z2-8_y0-8_x4-20"]


def test_a_whole_store_is_one_fragment_unless_it_is_a_scroll(tmp_path, store):
    (fragment,) = open_data(f"{tmp_path / 'scroll.zarr'}#level=1")
    assert fragment.image_id == "scroll_level-1"
    assert open_data(f"{tmp_path / 'scroll.zarr'}#level=0").image_ids == ("scroll",)
    np.testing.assert_array_equal(fragment.p3d.read(), store[::2, ::2, ::2])
    path = tmp_path / "large.zarr"
    array = zarr.create_array(path, shape=(2**13,) * 3, chunks=(64,) * 3, dtype="uint8")
    array[:64, :64, :64] = 1
    with pytest.raises(FragmentError, match="choose boxes of it"):
        open_data(path)
    (fragment,) = open_data(StorePlace(str(path), boxes=(Box.parse("60:70,60:70,0:10"),)))
    assert fragment.p3d.read().sum() == 4 * 4 * 10


def test_campaigns_open_boxes_by_their_text(tmp_path, store, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = StorePlace("scroll.zarr", "0", (BOX,))
    source = DataSource.of(place)
    again = DataSource.model_validate(source.as_json())
    monkeypatch.chdir("/")
    data, faults = again.opened()
    assert not faults
    np.testing.assert_array_equal(data.fragments[0].p3d.read(), store[BOX.slices])


def test_the_workspace_is_that_of_store_and_level(tmp_path):
    def workspace(place):
        return default_workspace(workspace_key(place), {"NX46_WORKSPACES_DIR": str(tmp_path)})

    url = "https://host/scroll.zarr"
    assert workspace(StorePlace(url, boxes=(BOX,))) == workspace(StorePlace(url, label="b.zarr"))
    assert workspace(StorePlace(url, "1")) != workspace(StorePlace(url))
    assert workspace(StorePlace(url)).parent.name.startswith("scroll.zarr-")
    assert workspace(tmp_path / "a") != workspace(tmp_path / "b")
