"""Masks as OME-Zarr images: what other readers see, and what a fault leaves behind."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.mask_store.chunks import ChunkFiles
from napari_nx46.files.mask_store.layout import StoreAxes, StoreLayout
from napari_nx46.files.mask_store.writing import check_image, replace_folder, write_mask_store
from napari_nx46.files.volumes.opening import open_volume
from napari_nx46.files.volumes.placement import Placement
from napari_nx46.files.volumes.roles import Role
from napari_nx46.voxels.halving import Pyramid, halved


def _mask(shape=(21, 18, 13), seed=0):
    mask = (np.random.default_rng(seed).random(shape) > 0.6).astype(np.uint8)
    mask[:, :8, :8] = 0  # some chunks are empty
    return mask


def _written(folder, layout, mask):
    (folder / "staging").mkdir()
    slabs = (mask[z : z + 5] for z in range(0, len(mask), 5))
    return write_mask_store(folder / "out.zarr", folder / "staging", layout, slabs, nx46={"a": 1})


def _plainly_halved(voxels, pyramid):
    """Return the definition of a coarser level, voxel by voxel."""
    padded = np.pad(voxels, [(0, n % 2) for n in voxels.shape], mode="edge").astype(int)
    z, y, x = (n // 2 for n in padded.shape)
    eight = padded.reshape(z, 2, y, 2, x, 2).transpose(0, 2, 4, 1, 3, 5).reshape(z, y, x, 8)
    if pyramid is Pyramid.MEAN:
        return eight.sum(-1) // 8
    least = 4 if pyramid is Pyramid.MAJORITY else 1
    return np.where((eight > 0).sum(-1) >= least, eight.max(-1), 0)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(1, 6)] * 3), st.integers(0, 99), st.sampled_from(Pyramid))
def test_a_coarser_level_is_what_its_definition_says(shape, seed, pyramid):
    voxels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    voxels[np.random.default_rng(seed + 1).random(shape) > 0.5] = 0
    assert np.array_equal(halved(voxels, pyramid), _plainly_halved(voxels, pyramid))


@pytest.mark.parametrize("axes", StoreAxes)
@pytest.mark.parametrize("value", [1, 255])
def test_every_level_reads_back_by_zarr(tmp_path, axes, value):
    mask = _mask()
    layout = StoreLayout(mask.shape, value, chunk=8, levels=4, axes=axes)
    _written(tmp_path, layout, mask)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    expected = mask * value
    for level, shape in enumerate(layout.shapes):
        array = group[str(level)]
        lead = (1,) if axes is StoreAxes.VILLA else ()
        assert (array.shape, array.chunks) == ((*lead, *shape), (*lead, 8, 8, 8))
        assert np.array_equal(array[...].reshape(shape), expected)
        expected = halved(expected.astype(np.uint8), layout.kind)
    assert group.metadata.zarr_format == 2
    assert group.attrs["nx46"] == {"a": 1}
    assert group.attrs["multiscales"][0]["type"] == ("mean" if value == 255 else "majority")


def test_our_own_reader_finds_voxels_sizes_and_places(tmp_path):
    mask = _mask()
    placement = Placement((4.8, 2.4, 2.4), (48.0, 0.0, 7.2), ("micrometer",) * 3)
    layout = StoreLayout(mask.shape, chunk=8, placement=placement)
    _written(tmp_path, layout, mask)
    volume = open_volume(tmp_path / "out.zarr", role=Role.IMAGE)
    assert np.array_equal(volume[...], mask * 255)
    assert volume.placement == placement
    image = json.loads((tmp_path / "out.zarr/.zattrs").read_text())["multiscales"][0]
    scale, translation = image["datasets"][2]["coordinateTransformations"]
    assert scale["scale"] == [19.2, 9.6, 9.6]
    assert translation["translation"] == pytest.approx([48 + 4.8 * 1.5, 2.4 * 1.5, 7.2 + 2.4 * 1.5])


def test_napari_takes_the_levels_for_one_multiscale_image(tmp_path):
    from napari.layers import Image, Labels

    mask = _mask()
    layout = StoreLayout(mask.shape, 1, chunk=8, levels=3)
    _written(tmp_path, layout, mask)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    levels = [group[str(number)] for number in range(3)]
    for layer in (Image(levels, multiscale=True), Labels(levels, multiscale=True)):
        assert layer.multiscale
        assert [tuple(shape) for shape in layer.level_shapes] == list(layout.shapes)
        assert np.array_equal(np.asarray(layer.data[0][4]), mask[4])


def test_chunks_without_foreground_have_no_file(tmp_path):
    mask = _mask()
    layout = StoreLayout(mask.shape, chunk=8, levels=3)
    written = _written(tmp_path, layout, mask)
    on_disk = {
        path.relative_to(tmp_path / "out.zarr").as_posix()
        for path in (tmp_path / "out.zarr").rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != "metadata.json"
    }
    assert on_disk == {layout.key(chunk.level, chunk.index) for chunk in written}
    assert "0/0/0/0" not in on_disk
    assert list((tmp_path / "staging").iterdir()) == []


def test_metadata_that_villa_reads_says_shape_and_chunks(tmp_path):
    mask = _mask()
    _written(tmp_path, StoreLayout(mask.shape, chunk=8, axes=StoreAxes.VILLA), mask)
    found = json.loads((tmp_path / "out.zarr/metadata.json").read_text())
    assert (found["shape"], found["chunk_size"], found["level"]) == ([21, 18, 13], [8, 8, 8], 0)


@pytest.mark.parametrize("slabs", [[(3, 5, 5)], [(4, 5, 5), (2, 5, 5)], [(5, 5, 4)]])
def test_slabs_of_another_shape_are_refused(tmp_path, slabs):
    layout = StoreLayout((5, 5, 5), chunk=8)
    (tmp_path / "staging").mkdir()
    with pytest.raises(ValueError, match="found"):
        write_mask_store(
            *(tmp_path / "out.zarr", tmp_path / "staging", layout),
            (np.ones(shape, np.uint8) for shape in slabs),
        )


@pytest.mark.parametrize("damage", ["cut", "gone", "other", "metadata"])
def test_a_store_that_was_damaged_does_not_pass_the_check(tmp_path, damage):
    mask = _mask()
    layout = StoreLayout(mask.shape, chunk=8, levels=2)
    written = _written(tmp_path, layout, mask)
    files = ChunkFiles(layout, tmp_path / "out.zarr", tmp_path / "staging")
    check_image(files, written)
    chunk = files.root / layout.key(0, (1, 1, 1))
    match damage:
        case "cut":
            chunk.write_bytes(chunk.read_bytes()[:-1])
        case "gone":
            chunk.unlink()
        case "other":
            chunk.write_bytes((files.root / layout.key(0, (0, 1, 1))).read_bytes())
        case "metadata":
            (files.root / "0/.zarray").write_text("{}")
    with pytest.raises(WriteError):
        check_image(files, written)


def test_a_damaged_chunk_is_no_voxels(tmp_path):
    mask = _mask()
    layout = StoreLayout(mask.shape, chunk=8, levels=1)
    _written(tmp_path, layout, mask)
    files = ChunkFiles(layout, tmp_path / "out.zarr", tmp_path / "staging")
    path = files.root / layout.key(0, (1, 1, 1))
    for content in (b"", b"short", path.read_bytes()[:-3]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged chunk"):
            files.read(0, (1, 1, 1))


def test_a_folder_is_replaced_whole(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    replace_folder(tmp_path / "new", tmp_path / "old")
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "new"]


@pytest.mark.parametrize(
    "wrong", [{"value": 2}, {"chunk": 7}, {"chunk": 0}, {"levels": 0}, {"shape": (0, 4, 4)}]
)
def test_layouts_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="found"):
        StoreLayout(**{"shape": (4, 4, 4), **wrong})
