"""Data sets of arrays in memory: the same masks and the same checks as of files."""

from __future__ import annotations

import hashlib
import tracemalloc

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_nx46 import DataSet, FragmentError, VolumeError, make_mask, open_data, write_data_folder
from napari_nx46.files.volumes.notes import VolumeWarning
from napari_nx46.files.volumes.opening import LogitsError
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting

SHAPE = (6, 20, 24)


def probabilities(dtype=np.float32, shape=SHAPE, seed=46):
    values = np.random.default_rng(seed).random(shape)
    top = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(np.dtype(dtype), 1)
    return (values * top).astype(dtype)


def as_numpy(array, folder):
    return array


def as_fortran(array, folder):
    return np.asfortranarray(array)


def as_swapped(array, folder):
    return array.astype(array.dtype.newbyteorder())


def as_read_only(array, folder):
    array = array.copy()
    array.flags.writeable = False
    return array


def as_memory_map(array, folder):
    np.save(folder / "array.npy", array)
    return np.load(folder / "array.npy", mmap_mode="r")


def as_dask(array, folder):
    return da.from_array(array, chunks=(2, 7, 9))


def as_zarr(array, folder):
    stored = zarr.create_array(
        store=str(folder / "a.zarr"), shape=array.shape, chunks=(3, 8, 8), dtype=array.dtype
    )
    stored[:] = array
    return stored


def as_levels(array, folder):
    return [array, array[:, ::2, ::2], array[:, ::4, ::4]]


def as_napari_levels(array, folder):
    from napari.layers._multiscale_data import MultiScaleData

    return MultiScaleData([array, array[:, ::2, ::2]])


def as_nested_lists(array, folder):
    return array.tolist()


KINDS = (
    *(as_numpy, as_fortran, as_swapped, as_read_only, as_memory_map, as_dask, as_zarr),
    *(as_levels, as_napari_levels, as_nested_lists),
)


def volume_of(array, **options):
    return DataSet.from_arrays({"a": {"p3d": array}}, **options)["a"].p3d


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_any_kind_of_array_reads_as_the_array(kind, dtype, tmp_path):
    array = probabilities(dtype)
    volume = volume_of(kind(array, tmp_path))
    assert (volume.shape, volume.dtype) == (SHAPE, array.dtype)
    np.testing.assert_array_equal(volume.read(), array)
    np.testing.assert_array_equal(volume[1:5:2, ::-1, 3], array[1:5:2, ::-1, 3])
    assert volume[2, 3, 4] == array[2, 3, 4]


def test_nested_lists_are_an_array():
    assert volume_of(probabilities(np.float64).tolist()).shape == SHAPE


def test_what_is_read_belongs_to_the_caller():
    array = probabilities()
    before = array.copy()
    volume = volume_of(array)
    volume[1][:] = 0
    volume.read()[:] = 0
    np.testing.assert_array_equal(array, before)


def test_an_array_in_memory_is_not_copied_to_make_its_mask():
    array = probabilities(np.uint8, (64, 256, 256))
    pipelines = PipelineSet(DataSet.from_arrays({"a": {"p3d": array}}))
    pipelines.with_threshold("a", Setting())
    tracemalloc.start()
    pipelines.release()
    pipelines.loaded("a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < array.nbytes / 4
    cached = pipelines["a"].sources.p3d
    assert np.shares_memory(cached[0:1, 0:256, 0:256], array)


@pytest.mark.parametrize(
    ("array", "found", "expected"),
    [
        (np.zeros(SHAPE, np.int32), "int32 voxels", "uint8, uint16"),
        (np.zeros(SHAPE, complex), "elements of type complex128", "real numbers"),
        (np.full(SHAPE, "a"), "elements of type", "real numbers"),
        (np.zeros((3,), np.uint8), r"an array of shape \(3,\)", "three axes"),
        (np.zeros((0, 4, 4), np.uint8), "an empty axis", "at least one voxel"),
        (np.zeros((7, 7, 7, 7), np.uint8), "ambiguous which axis is of channels", "channels"),
        ([np.zeros((4, 4))] * 2, "a list of 2 arrays", "numpy.stack"),
    ],
)
def test_an_array_that_is_no_volume_is_refused_by_its_name(array, found, expected):
    with pytest.raises(
        VolumeError, match=rf"array p3d \(fragment a\): found .*{found}.*{expected}"
    ):
        volume_of(array)


@pytest.mark.parametrize("kind", [as_numpy, as_dask])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.nan, VolumeError, "found NaN at"),
        (1.5, LogitsError, "if these are logits"),
        (200.0, VolumeError, "found value 200"),
    ],
)
def test_values_that_are_no_probabilities_are_refused_by_the_arrays_name(
    kind, value, error, message, tmp_path
):
    array = probabilities()
    array[3, 4, 5] = value
    volume = volume_of(kind(array, tmp_path))
    volume[2]
    with pytest.raises(error, match=rf"array p3d .*{message}"):
        volume[3]


@pytest.mark.parametrize("kind", [as_numpy, as_dask])
def test_masked_voxels_are_refused_and_a_mask_that_hides_nothing_is_none(kind, tmp_path):
    array = probabilities()
    for hidden in (False, True):
        masked = np.ma.masked_array(array, np.zeros(SHAPE, bool))
        masked[3, 4, 5] = np.ma.masked if hidden else array[3, 4, 5]
        volume = volume_of(kind(masked, tmp_path))
        np.testing.assert_array_equal(volume[2], array[2])
        if hidden:
            with pytest.raises(VolumeError, match=r"array p3d .*masked voxels.*fill them"):
                volume[3]
        else:
            np.testing.assert_array_equal(volume.read(), array)


def test_an_array_that_cannot_be_read_is_an_error_with_its_name():
    def fail(block):
        raise KeyError("no such chunk")

    array = da.zeros(SHAPE, dtype=np.float32, chunks=SHAPE).map_blocks(
        fail, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32)
    )
    with pytest.raises(VolumeError, match=r"array p3d .*cannot be read .*no such chunk"):
        volume_of(array)[0]


def test_one_slice_is_a_volume_of_one_slice():
    plane = probabilities(shape=(20, 24))
    volume = volume_of(plane)
    assert volume.shape == (1, 20, 24)
    np.testing.assert_array_equal(volume[0], plane)


@pytest.mark.parametrize(("channel", "taken"), [(None, 1), (0, 0), (-2, 0)])
@pytest.mark.parametrize("last", [False, True])
def test_a_channel_is_chosen(channel, taken, last):
    array = probabilities(shape=(2, 6, 20, 24))
    given_array = np.moveaxis(array, 0, -1) if last else array
    volume = volume_of(given_array, channel=channel)
    assert volume.channels == 2
    np.testing.assert_array_equal(volume.read(), array[taken])


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("kind", [as_numpy, lambda array, folder: da.from_array(array, chunks=5)])
def test_the_axis_of_channels_is_chosen(kind, axis, tmp_path):
    array = probabilities(shape=(7, *SHAPE))
    given_array = kind(np.ascontiguousarray(np.moveaxis(array, 0, axis)), tmp_path)
    entry = {"p3d": given_array, "image": array[0]}
    data = DataSet.from_arrays({"a": entry}, channel=2, channel_axis=axis)
    assert data["a"].shape == SHAPE
    np.testing.assert_array_equal(data["a"].p3d.read(), array[2])
    assert data.read_as.recorded() == {"channel": 2, "channel_axis": axis}


@pytest.mark.filterwarnings("ignore:array p3d. channel 19")
def test_an_axis_of_channels_that_leaves_another_shape_is_refused():
    arrays = {"p3d": probabilities(shape=(6, 2, 20, 24)), "p2d": probabilities()}
    with pytest.raises(FragmentError, match="equal shapes"):
        DataSet.from_arrays({"a": arrays}, channel_axis=2)
    with pytest.raises(VolumeError, match=r"array p3d .*from 0 to 3; 4 was chosen"):
        make_mask(**arrays, channel_axis=4)
    expected = make_mask(arrays["p3d"][:, 1], arrays["p2d"])
    np.testing.assert_array_equal(make_mask(**arrays, channel_axis=1), expected)


def test_which_of_many_channels_is_read_is_noted():
    with pytest.warns(VolumeWarning, match="array p3d: channel 2, the last of 3"):
        volume_of(probabilities(shape=(3, 6, 20, 24)))


def test_logits_are_read_as_probabilities():
    logits = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    volume = volume_of(logits, logits="sigmoid")
    np.testing.assert_allclose(volume.read(), 1 / (1 + np.exp(-logits)), rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.83])
def test_a_probability_is_reached_where_its_logit_is(threshold):
    logits = np.random.default_rng(2).normal(scale=3, size=(2, *SHAPE)).astype(np.float32)
    least = np.log(threshold / (1 - threshold))
    alone = volume_of(logits[1], logits="sigmoid").read()
    np.testing.assert_array_equal(alone > threshold, logits[1] > least)
    both = volume_of(logits, logits="softmax", channel=1).read()
    np.testing.assert_array_equal(both > threshold, logits[1].astype(float) - logits[0] > least)


def test_all_arrays_of_a_fragment_find_their_places():
    p3d, p2d, label = probabilities(), probabilities(np.uint8), np.zeros(SHAPE, np.int64)
    image, model = np.zeros(SHAPE, np.int16), probabilities(np.uint16)
    entry = {"p3d": p3d, "p2d": p2d, "image": image, "label": label, "models": {"m_1": model}}
    data = DataSet.from_arrays({"b": entry, "a": {"p2d": p2d}})
    assert (data.name, data.root, data.image_ids) == ("arrays", None, ("a", "b"))
    fragment = data["b"]
    assert list(fragment.sources) == ["p3d", "p2d", "m_1"]
    assert fragment.models["m_1"].name == "array models/m_1"
    assert data["a"].p3d is data["a"].p2d
    assert all(volume.path is None for volume in fragment.volumes)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"p4d": probabilities()}, "found 'p4d' among its arrays; expected any of p3d, p2d"),
        ({}, "no volume to make a score from"),
        ({"p3d": probabilities(), "p2d": probabilities(shape=(5, 20, 24))}, "equal shapes"),
        ({"models": {"p3d": probabilities()}}, "a model named 'p3d'"),
        ({"p3d": probabilities(), "scale": (1, 2)}, "expected three numbers"),
        ({"p3d": probabilities(), "scale": (1, 2, 0)}, "expected numbers above 0"),
        ({"p3d": probabilities(), "units": ("um", "um")}, "expected three names"),
    ],
)
def test_arrays_that_form_no_fragment_are_refused(entry, message):
    with pytest.raises(FragmentError, match=message):
        DataSet.from_arrays({"a": entry})


def test_a_data_set_needs_a_fragment_and_plain_names():
    with pytest.raises(FragmentError, match="found no fragment"):
        DataSet.from_arrays({})
    with pytest.raises(FragmentError, match="image_id 'a/b'"):
        DataSet.from_arrays({"a/b": {"p3d": probabilities()}})


def test_labels_have_the_values_of_labels():
    label = np.zeros(SHAPE, np.int32)
    label[2, 3, 4] = 3
    data = DataSet.from_arrays({"a": {"p3d": probabilities(), "label": label}})
    with pytest.raises(VolumeError, match=r"array label \(fragment a\): found value 3 .*labels 0"):
        data["a"].label.read()


def test_volumes_of_files_and_arrays_can_stand_together(tmp_path):
    write_data_folder(tmp_path, "a", {"p3d": probabilities()})
    opened = open_data(tmp_path)["a"].p3d
    data = DataSet.from_arrays({"a": {"p3d": opened, "p2d": probabilities(np.uint8)}})
    assert data["a"].p3d is opened


def test_a_fingerprint_says_what_was_read():
    array = probabilities()
    expected = hashlib.sha256(f"{SHAPE} <f4".encode() + array.tobytes()).hexdigest()
    assert volume_of(array).fingerprint() == expected
    assert volume_of(as_swapped(array, None)).fingerprint() == expected
    assert volume_of(as_dask(array, None)).fingerprint() == expected
    assert volume_of(array.reshape(6, 24, 20)).fingerprint() != expected
    assert volume_of(array, channel=None).record() == {
        "array": "array p3d",
        "shape": list(SHAPE),
        "dtype": "float32",
        "sha256": expected,
    }


def test_the_grid_is_known_and_must_be_one(tmp_path):
    grid = {"scale": (8, 4, 4), "translate": (1, 2, 3), "units": "um"}
    fragment = DataSet.from_arrays({"a": {"p3d": probabilities(), **grid}})["a"]
    assert fragment.placement.micrometres == (8, 4, 4)
    assert fragment.placement.units == ("um",) * 3
    other = DataSet.from_arrays({"b": {"p2d": probabilities(), "scale": (8, 4, 5), "units": "um"}})
    with pytest.raises(
        FragmentError, match=r"voxels of \(8, 4, 4\) um .*but voxels of \(8, 4, 5\)"
    ):
        DataSet.from_arrays({"a": {"p3d": fragment.p3d, "p2d": other["b"].p2d}})


@given(
    array=hnp.arrays(
        np.float32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.floats(0, 1, width=32)
    ),
    data=st.data(),
)
def test_any_index_reads_what_numpy_reads(array, data):
    index = data.draw(hnp.basic_indices(array.shape))
    np.testing.assert_array_equal(volume_of(array)[index], array[index])
