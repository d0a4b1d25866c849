"""Traces of masks that were computed chunk by chunk are counted; those of exact ones are not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_nx46.files.volumes.opening import Role, open_volume
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.results.seams import FARTHEST, find_seams
from tests.command import nx46_here
from tests.scale.execute.stores import write_store

CHUNK = 20


@pytest.fixture(scope="module")
def exact():
    noise = ndimage.gaussian_filter(np.random.default_rng(4).random((60, 60, 60)), 2)
    return (noise > np.quantile(noise, 0.8)).astype(np.uint8)


@pytest.fixture(scope="module")
def chunked(exact):
    """Return a mask from which each chunk lost three layers at the faces to its neighbours."""
    mask = exact.copy()
    for axis in range(3):
        for face in range(CHUNK, 60, CHUNK):
            part = [slice(None)] * 3
            part[axis] = slice(face - 3, face + 3)
            mask[tuple(part)] = 0
    return mask


def test_an_exact_mask_has_no_seams(exact):
    seams = find_seams(exact, CHUNK, exact)
    assert seams.shell == 0
    assert seams.cut == 0
    assert seams.objects > 0
    assert sum(seams.missing) == sum(seams.added) == 0
    alone = find_seams(exact, CHUNK)
    assert abs(alone.share_cut - alone.middle_share_cut) < 0.1


def test_shells_and_cut_objects_are_counted(exact, chunked):
    seams = find_seams(chunked, CHUNK, exact)
    assert seams.shell == 3
    assert seams.cut == seams.objects > 0
    assert sum(seams.missing) == exact.sum() - chunked.sum()
    assert sum(seams.missing[:3]) == sum(seams.missing)
    assert find_seams(chunked, CHUNK).shell == 3


def test_every_voxel_is_counted_at_its_distance(exact):
    seams = find_seams(exact, CHUNK)
    faces = np.zeros((60, 60, 60), bool)
    for axis in range(3):
        for face in (19, 20, 39, 40):
            faces[tuple(face if n == axis else slice(None) for n in range(3))] = True
    distance = np.minimum(ndimage.distance_transform_cdt(~faces, "chessboard"), FARTHEST)
    assert seams.voxels == tuple(np.bincount(distance.ravel(), minlength=FARTHEST + 1))
    assert seams.foreground == tuple(
        np.bincount(distance[exact > 0], minlength=FARTHEST + 1).tolist()
    )


def test_what_does_not_go_together_is_refused(exact):
    with pytest.raises(ApplyError, match="several"):
        find_seams(exact, 60)
    with pytest.raises(ApplyError, match="shape"):
        find_seams(exact, CHUNK, exact[1:])


def test_chunks_that_are_absent_change_nothing(exact, chunked, tmp_path):
    sparse = {}
    for name, mask in (("mask", chunked), ("exact", exact)):
        sparse[name] = mask.copy()
        sparse[name][:45, :45] = 0
    sparse["mask"][45:, 45:, 45:] = 0
    volumes = {
        name: open_volume(write_store(tmp_path / f"{name}.zarr", mask, 15), role=Role.IMAGE)
        for name, mask in sparse.items()
    }
    assert len(list(volumes["mask"].layout.existing())) < 30  # of 64
    for chunk in (CHUNK, 15, 17):
        assert find_seams(*_given(volumes, chunk)) == find_seams(*_given(sparse, chunk))


def _given(masks, chunk):
    return masks["mask"], chunk, masks["exact"]


def test_a_chunk_that_no_memory_holds_is_refused():
    class Vast:
        shape = (2**20,) * 3

    with pytest.raises(ApplyError, match="at most 800"):
        find_seams(Vast(), 4096)


def test_the_command_prints_them(exact, chunked, tmp_path):
    mask = write_store(tmp_path / "mask.zarr", chunked * 255, CHUNK)
    right = write_store(tmp_path / "exact.zarr", exact, CHUNK)
    result = nx46_here("seams", mask, "--exact", right)
    assert result.exit_code == 0, result.output
    assert "shell: the 3 layers" in result.output
    found = json.loads(nx46_here("seams", mask, "--chunk", CHUNK, "--json").stdout)
    assert found["chunk"] == CHUNK
    assert found["missing"] is None
