"""One rule for the axes of all formats, against plain indexing of the array that was stored."""

import itertools
import json
import struct
import warnings

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, special

from napari_nx46.files.volumes.axes import find_axes
from napari_nx46.files.volumes.opening import (
    Logits,
    LogitsError,
    Role,
    VolumeError,
    VolumeWarning,
    open_volume,
)
from napari_nx46.files.volumes.origin import Origin

ORIGIN = Origin("a")
SHAPE = (5, 8, 9)
"""Of the volumes here, (Z, Y, X)."""

WITHOUT_CHANNELS = ["zyx", "1zyx", "11zyx", "zyx1", "1zyx1", "z1yx", "1z1yx"]
WITH_CHANNELS = ["czyx", "1czyx", "c1zyx", "zyxc", "czyx1", "1zyxc"]


def arranged(order, channels=2, dtype="float32"):
    """Return an array with its axes in an order, e.g. ``"1czyx"``, and its channels."""
    rng = np.random.default_rng(5)
    volume = rng.random((channels, *SHAPE)) if "c" in order else rng.random(SHAPE)
    if np.dtype(dtype).kind == "u":
        volume *= np.iinfo(dtype).max
    volume = volume.astype(dtype)
    named = order.replace("1", "")
    axes = ("czyx" if "c" in order else "zyx", named)
    stored = np.einsum(f"{axes[0]}->{axes[1]}", volume)
    shape = iter(stored.shape)
    stored = stored.reshape([1 if axis == "1" else next(shape) for axis in order])
    return np.ascontiguousarray(stored), volume if "c" in order else volume[None]


def npy(path, array):
    np.save(path / "a.npy", array)
    return path / "a.npy"


def npy_fortran(path, array):
    np.save(path / "a.npy", np.asfortranarray(array))
    return path / "a.npy"


def tif(path, array, **options):
    tifffile.imwrite(path / "a.tif", array, photometric="minisblack", **options)
    return path / "a.tif"


def tif_zlib(path, array):
    return tif(path, array, compression="zlib")


def tif_first_page_described(path, array):
    return tif(path, array, truncate=True)


def zarr_2(path, array):
    stored = zarr.create_array(path / "a.zarr", shape=array.shape, dtype=array.dtype, zarr_format=2)
    stored[...] = array
    return path / "a.zarr"


WRITERS = [npy, npy_fortran, tif, tif_zlib, tif_first_page_described, zarr_2]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", WITHOUT_CHANNELS)
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_axes_of_size_1_are_dropped_in_every_format(tmp_path, write, order, dtype):
    stored, (voxels,) = arranged(order, dtype=dtype)
    volume = open_volume(write(tmp_path, stored))
    assert (volume.shape, volume.channels) == (SHAPE, None)
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[::2, 3, 1:7:2], voxels[::2, 3, 1:7:2])


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("order", WITH_CHANNELS)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_channel_is_chosen_in_every_format(tmp_path, write, order, dtype):
    stored, channels = arranged(order, dtype=dtype)
    path = write(tmp_path, stored)
    for channel in (None, 0, 1, -1, -2):
        volume = open_volume(path, channel=channel)
        voxels = channels[-1 if channel is None else channel]
        assert (volume.shape, volume.channels, volume.notes) == (SHAPE, 2, ())
        np.testing.assert_array_equal(volume.read(), voxels)
        np.testing.assert_array_equal(volume[4:1:-2, 2:7:3, -1], voxels[4:1:-2, 2:7:3, -1])
    for channel in (2, -3):
        with pytest.raises(VolumeError, match=r"found 2 channel\(s\).*counted from 0"):
            open_volume(path, channel=channel)


@pytest.mark.parametrize("order", ["czyx", "zcyx", "zycx", "zyxc", "1zycx", "zc1yx", "zycx1"])
@pytest.mark.parametrize("by", ["number", "from the end", "name"])
def test_the_axis_of_channels_may_be_chosen(order, by):
    stored, channels = arranged(order, channels=7)
    place, names = order.index("c"), [f"a{axis}" for axis in range(len(order))]
    chosen = {"number": place, "from the end": place - len(order), "name": names[place]}[by]
    axes = find_axes(ORIGIN, stored.shape, names, channel=chosen)
    assert (axes.shape, axes.channels) == (SHAPE, 7)
    for channel in range(7):
        found = stored[axes.index(channel, (slice(None),) * 3)]
        np.testing.assert_array_equal(found, channels[channel])


@pytest.mark.parametrize(
    ("shape", "names", "chosen", "message"),
    [
        ((5, 2, 8, 9), None, 4, "4 axes, shape .* a channel axis from 0 to 3; 4 was chosen"),
        ((5, 2, 8, 9), None, -5, "from 0 to 3; -5 was chosen"),
        ((5, 2, 8, 9), None, "c", "without names, of shape .* one named 'c'"),
        ((5, 2, 8, 9), ["z", "net", "y", "x"], "c", "named z, net, y, x, .* one named 'c'"),
        ((5, 2, 8, 9), ["a", "a", "y", "x"], "a", "one named 'a'"),
        ((5, 2, 8, 9, 3), None, 1, r"4 axes of shape \(5, 8, 9, 3\) beside .* axis 1"),
    ],
)
def test_an_axis_that_leaves_no_volume_is_refused(shape, names, chosen, message):
    with pytest.raises(VolumeError, match=message):
        find_axes(ORIGIN, shape, names, channel=chosen)


def test_arrays_of_three_axes_have_none_of_channels_whatever_is_chosen():
    assert find_axes(ORIGIN, SHAPE, channel=1) == find_axes(ORIGIN, SHAPE)


@pytest.mark.parametrize(
    ("kind", "order"),
    [*itertools.product(["ome", "shaped"], ["ZCYX", "CZYX", "TZCYX", "TCZYX"]),
     ("imagej", "ZCYX"), ("imagej", "TZCYX")],
)  # fmt: skip
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_named_axes_of_tiff_are_those_read(tmp_path, order, kind, compression):
    stored, channels = arranged(order.lower().replace("t", "1"), channels=3, dtype="uint8")
    options = {} if kind == "shaped" else {kind: True}
    tifffile.imwrite(
        tmp_path / "a.tif", stored, metadata={"axes": order}, compression=compression,
        photometric="minisblack", **options,
    )  # fmt: skip
    for channel in range(3):
        volume = open_volume(tmp_path / "a.tif", channel=channel)
        np.testing.assert_array_equal(volume.read(), channels[channel])
        np.testing.assert_array_equal(volume[1:5:2, 2], channels[channel][1:5:2, 2])


@pytest.mark.parametrize(
    "order", ["czyx", "zcyx", "zyxc", "tczyx", "btczyx", "tzyx", "zyxs", "zyx", "yx"]
)
@pytest.mark.parametrize("metadata", ["dimension_names", "_ARRAY_DIMENSIONS", "multiscales"])
def test_named_axes_of_zarr_are_those_read(tmp_path, order, metadata):
    voxels = np.random.default_rng(1).integers(0, 255, (4, *SHAPE), np.uint8)
    sizes = {"c": 4, "t": 1, "b": 1, "s": 1, **dict(zip("zyx", SHAPE, strict=True))}
    if "z" not in order:
        voxels = voxels[:, :1]
    stored = np.einsum(
        f"czyx->{''.join(axis for axis in order if sizes[axis] > 1)}",
        voxels if "c" in order else voxels[:1],
    ).reshape([sizes[axis] for axis in order])
    zarr_format = 2 if metadata == "_ARRAY_DIMENSIONS" else 3
    names = list(order) if metadata == "dimension_names" else None
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=zarr_format)
    array = group.create_array("0", data=stored, dimension_names=names)
    path = tmp_path / "a.zarr" / "0"
    if metadata == "_ARRAY_DIMENSIONS":
        array.attrs[metadata] = list(order)
    elif metadata == "multiscales":
        image = {"axes": [{"name": name} for name in order], "datasets": [{"path": "0"}]}
        group.attrs["ome"] = {"multiscales": [image]}
        path = tmp_path / "a.zarr"
    for channel in range(4 if "c" in order else 1):
        volume = open_volume(path, channel=channel)
        np.testing.assert_array_equal(volume.read(), voxels[channel])


@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=6).map(tuple),
    channel=st.integers(0, 3),
)
def test_strides_and_planes_agree_with_the_index(sizes, channel):
    try:
        axes = find_axes(ORIGIN, sizes)
    except VolumeError:
        return
    channel %= axes.channels or 1
    array = np.arange(np.prod(sizes), dtype=np.int32).reshape(sizes)
    box = tuple(slice(0, size, 1) for size in axes.shape)
    chosen = array[axes.index(channel, box)].reshape(axes.shape)
    offset, strides = axes.strided(array.strides, channel)
    strided = np.ndarray(axes.shape, np.int32, array.tobytes(), offset, strides)
    np.testing.assert_array_equal(strided, chosen)
    if axes.has_whole_planes:
        planes = array.reshape(-1, *sizes[-2:])[list(axes.planes(channel))]
        np.testing.assert_array_equal(planes, chosen)


@pytest.mark.parametrize(
    ("shape", "names", "found"),
    [
        ((8, 2, 9, 9), None, "ambiguous"),
        ((9, 9, 9, 9), None, "ambiguous"),
        ((8, 9, 9, 5), None, "ambiguous"),
        ((2, 9, 9, 2), None, "ambiguous"),
        ((2, 3, 9, 9, 9), None, "5 axes"),
        ((2, 3, 9, 9, 9), "tczyx", "2 along t"),
        ((2, 9, 9, 9), "bzyx", "2 along batch"),
        ((9, 9, 9), "xyz", "in this order"),
        ((3, 9, 9), "cyx", "in this order"),
        ((2, 2, 9, 9, 9), "cczyx", "at most one c"),
        ((0, 9, 9, 9), None, "empty axis"),
        ((2**20, 2**20, 2**20), None, "at most"),
        ((9,), None, "three axes"),
        ((1,) * 40, None, "three axes"),
    ],
)
def test_what_is_no_volume_or_ambiguous_is_refused(shape, names, found):
    with pytest.raises(VolumeError, match=found):
        find_axes(ORIGIN, shape, names)


def test_more_than_two_channels_without_a_choice_are_noted(tmp_path):
    np.savez(tmp_path / "a.npz", softmax=arranged("czyx", 3)[0])
    with pytest.warns(VolumeWarning, match=r"a\.npz: channel 2, the last of 3 channels"):
        volume = open_volume(tmp_path / "a.npz")
    assert len(volume.notes) == 1
    assert not open_volume(tmp_path / "a.npz", channel=-1).notes


def test_a_choice_without_an_axis_of_channels_is_noted(tmp_path):
    np.save(tmp_path / "a.npy", arranged("zyx")[0])
    with pytest.warns(VolumeWarning, match="no axis of channels"):
        open_volume(tmp_path / "a.npy", channel=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_volume(tmp_path / "a.npy", channel=0)


@pytest.mark.parametrize("role", [Role.LABEL, Role.IMAGE])
def test_a_mask_label_or_image_of_several_channels_is_refused_without_a_choice(tmp_path, role):
    stored, channels = arranged("czyx", dtype="uint8")
    np.save(tmp_path / "a.npy", stored % 3)
    with pytest.raises(VolumeError, match="found 2 channels; expected one channel"):
        open_volume(tmp_path / "a.npy", role=role)
    volume = open_volume(tmp_path / "a.npy", role=role, channel=0)
    np.testing.assert_array_equal(volume.read(), channels[0] % 3)


def test_a_file_cut_off_within_another_channel_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", arranged("czyx")[0])
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-1])
    with pytest.raises(VolumeError, match="cut off"):
        open_volume(tmp_path / "a.npy", channel=0)


# Logits


def logits_of(order, dtype, channels=3):
    stored, voxels = arranged(order, channels, "float64")
    return ((stored - 0.5) * 20).astype(dtype), ((voxels - 0.5) * 20).astype(dtype)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=0).astype(np.float64))
    return powers / powers.sum(axis=0)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["czyx", "zyxc"])
def test_logits_become_probabilities_in_every_format(tmp_path, write, dtype, order):
    stored, logits = logits_of(order, dtype, channels=2)
    path = write(tmp_path, stored)
    with pytest.raises(LogitsError, match=r"expected probabilities in \[0, 1\].*--logits sigmoid"):
        open_volume(path).read()
    expected = {
        Logits.SIGMOID: 1 / (1 + np.exp(-logits.astype(np.float64))),
        Logits.SOFTMAX: softmax(logits),
    }
    expected[Logits.FOREGROUND] = 1 - np.stack([expected[Logits.SOFTMAX][0]] * 2)
    expected[Logits.DISTANCE] = 1 / (1 + np.exp(np.clip(logits.astype(np.float64), -100, 5)))
    for kind, probabilities in expected.items():
        for channel in (0, 1):
            volume = open_volume(path, logits=kind, channel=channel)
            read = volume.read()
            assert volume.dtype == read.dtype == np.float32
            np.testing.assert_allclose(read, probabilities[channel], rtol=2e-7)
            np.testing.assert_array_equal(volume[3:1:-1, 1:6:2], read[3:1:-1, 1:6:2])


def test_the_ends_of_logits_are_probabilities(tmp_path):
    ends = np.array([-np.inf, -1e30, -800, -90, 0, 90, 800, 1e30, np.inf])
    np.save(tmp_path / "a.npy", ends.reshape(1, 1, 9))
    read = open_volume(tmp_path / "a.npy", logits=Logits.SIGMOID)[0, 0]
    np.testing.assert_array_equal(read[[0, 1, 2, 4, 5, 6, 7, 8]], [0, 0, 0, 0, 1, 1, 1, 1])
    assert 0 < read[3] < 1e-38
    np.save(
        tmp_path / "b.npy",
        np.stack([ends[::-1], ends])[:, None, None].repeat(3, axis=1).repeat(3, axis=2),
    )
    read = open_volume(tmp_path / "b.npy", logits=Logits.SOFTMAX)[0, 0]
    np.testing.assert_array_equal(read[[0, 1, 2, 4, 5, 6, 7, 8]], [0, 0, 0, 0, 1, 1, 1, 1])


def test_logits_that_cannot_be_are_refused(tmp_path):
    np.save(tmp_path / "int.npy", np.zeros((2, *SHAPE), np.uint8))
    np.save(tmp_path / "one.npy", np.zeros(SHAPE, np.float32))
    np.save(tmp_path / "nan.npy", np.full((2, *SHAPE), np.nan, np.float32))
    np.save(tmp_path / "inf.npy", np.full((2, *SHAPE), np.inf, np.float32))
    with pytest.raises(VolumeError, match="uint8 voxels, to be read as logits"):
        open_volume(tmp_path / "int.npy", logits=Logits.SIGMOID)
    with pytest.raises(VolumeError, match="at least two channels"):
        open_volume(tmp_path / "one.npy", logits=Logits.SOFTMAX)
    for kind in Logits:
        with pytest.raises(VolumeError, match="found NaN"):
            open_volume(tmp_path / "nan.npy", logits=kind)[0]
    for kind in (Logits.SOFTMAX, Logits.FOREGROUND):
        with pytest.raises(VolumeError, match="found NaN"):
            open_volume(tmp_path / "inf.npy", logits=kind)[0]


def test_signed_distances_are_cut_off_and_half_at_the_surface(tmp_path):
    inside = np.zeros((5, 9, 9), bool)
    inside[2:4, 2:7, 2:7] = True
    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    np.save(tmp_path / "a.npy", distance.astype(np.float32))
    read = open_volume(tmp_path / "a.npy", logits=Logits.DISTANCE).read()
    np.testing.assert_array_equal(read >= 0.5, inside)
    np.save(tmp_path / "b.npy", np.array([-np.inf, -1e9, -100, 5, 6, np.inf]).reshape(1, 1, 6))
    ends = open_volume(tmp_path / "b.npy", logits=Logits.DISTANCE)[0, 0]
    np.testing.assert_array_equal(ends[:3], 1)
    np.testing.assert_array_equal(ends[3:], np.float32(special.expit(-5)))


def test_grey_values_in_floats_are_not_said_to_be_logits(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(360, dtype=np.float32).reshape(SHAPE) % 256)
    with pytest.raises(VolumeError, match="save values of 0 to 255 as uint8") as refused:
        open_volume(tmp_path / "a.npy").read()
    assert not isinstance(refused.value, LogitsError)


# Headers of npy


def npy_bytes(header, data=bytes(4096)):
    text = (header.ljust(117) + "\n").encode("latin1", "replace")
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


HEADER_PARTS = [
    *("True", "False", "None", "0", "1", "2", "8", "-1", "-8", "2**63", "9" * 30, "1.0", "1j"),
    *("'<f4'", "'|u1'", "'>f2'", "'O'", "'|b1'", "'S3'", "'<M8[s]'", "'<f16'", "'V4'", "''"),
    *("[('a', '<f4')]", "('<f4', (2,))", "[]", "()", "(8,)", "(True, 8, 8)", "(8, 8, False)"),
    *("(2**40, 2**40, 2)", "(8, -8, 8)", "((8, 8), 8)", "(8.0, 8, 8)", "{}", "b'x'", "[8, 8, 8]"),
    *(
        "(" + "1," * 70 + ")",
        "(0, 8, 8)",
        "(2, 4, 4, 4)",
        "'\\x00'",
        "(8, 8, 8L)",
        "...",
        "(" * 300,
    ),
]


@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # NumPy, of headers by Python 2
@given(
    descr=st.sampled_from(HEADER_PARTS) | st.text(max_size=6).map(repr),
    order=st.sampled_from(HEADER_PARTS),
    shape=st.sampled_from(HEADER_PARTS)
    | st.lists(st.sampled_from(HEADER_PARTS), max_size=5).map(lambda sizes: f"({','.join(sizes)})"),
    flip=st.none() | st.tuples(st.integers(0, 127), st.integers(0, 255)),
)
def test_odd_npy_headers_give_a_volume_error_or_a_volume(
    tmp_path_factory, descr, order, shape, flip
):
    content = npy_bytes(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}")
    if flip is not None:
        place, value = flip
        content = content[:place] + bytes([value]) + content[place + 1 :]
    path = tmp_path_factory.mktemp("header") / "a.npy"
    path.write_bytes(content)
    try:
        volume = open_volume(path, role=Role.IMAGE)
    except VolumeError:
        return
    assert volume[0].shape == volume.shape[1:]


def test_a_shape_with_a_truth_value_is_refused(tmp_path):
    header = json.dumps({"descr": "|u1", "fortran_order": 0, "shape": 1})
    header = header.replace(": 0", ": False").replace(": 1", ": (True, 8, 8)")
    (tmp_path / "a.npy").write_bytes(npy_bytes(header))
    with pytest.raises(VolumeError, match="expected integers that are not negative"):
        open_volume(tmp_path / "a.npy")
