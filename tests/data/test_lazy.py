"""Fragments of a data folder that are opened when they are asked for."""

from __future__ import annotations

import pytest

from napari_nx46.data.fragments import (
    FragmentError,
    VolumeError,
    open_data,
    open_lazily,
)


def damage(root, image_id):
    (root / "p3d" / f"{image_id}.tif").write_bytes(b"no TIFF")


def test_only_the_first_fragment_is_opened_and_the_others_are_the_same_when_asked_for(data_folder):
    eager, lazy = open_data(data_folder), open_lazily(data_folder)
    assert lazy.image_ids == eager.image_ids == ("100", "20", "a-b_c.d")
    assert [one.image_id for one in lazy.opened] == ["100"]
    assert (lazy.name, lazy.root, lazy.notes) == (eager.name, eager.root, eager.notes)
    assert lazy["20"] is lazy["20"]
    assert (lazy["20"].p3d[1] == eager["20"].p3d[1]).all()
    assert [one.image_id for one in lazy.opened] == ["100", "20"]
    assert lazy.is_open("20")
    assert not lazy.is_open("a-b_c.d")
    assert [one.shape for one in lazy] == [one.shape for one in eager]
    assert [one.image_id for one in lazy.fragments[1:]] == ["20", "a-b_c.d"]


def test_chosen_fragments_and_the_view_by_image_id_open_no_other(data_folder):
    lazy = open_lazily(data_folder)
    assert list(lazy.by_id) == list(lazy.image_ids)
    assert len(lazy.by_id) == 3
    assert [one.image_id for one in lazy.chosen({"a-b_c.d", "unknown"})] == ["a-b_c.d"]
    assert not lazy.is_open("20")
    assert lazy.by_id["20"] is lazy["20"]


def test_a_faulty_fragment_costs_no_other_and_is_reported_each_time(data_folder):
    damage(data_folder, "100")
    lazy = open_lazily(data_folder)
    assert [one.image_id for one in lazy.opened] == ["20"]
    for _ in range(2):
        with pytest.raises(VolumeError, match=r"100\.tif"):
            lazy["100"]
    with pytest.raises(VolumeError):
        list(lazy)


def test_where_no_fragment_can_be_opened_all_faults_are_listed(data_folder):
    for image_id in ("100", "20", "a-b_c.d"):
        damage(data_folder, image_id)
    with pytest.raises(FragmentError, match=r"3 faults:\n.*100\.tif.*\n.*20\.tif"):
        open_lazily(data_folder)


def test_names_that_are_not_there_are_refused(data_folder):
    with pytest.raises(FragmentError, match="no fragment 7"):
        open_lazily(data_folder, only=["7"])
    with pytest.raises(KeyError, match="no fragment '7'"):
        open_lazily(data_folder)["7"]
    assert open_lazily(data_folder, only=["20"]).image_ids == ("20",)


def test_single_volumes_are_opened_as_ever(data_folder):
    volume = data_folder / "p3d" / "20.tif"
    lazy = open_lazily(volume)
    assert lazy.opened == tuple(lazy) == (lazy["20"],)
