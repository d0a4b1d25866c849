"""Uncompressed voxels: every layout against NumPy's own view, and files that others cut off."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_nx46.files.volumes.opening import Role, open_volume
from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError
from napari_nx46.files.volumes.strided_reader import StridedReader

PADDINGS = [0, 7, 2**13 - 8, 2**13, 2**14]
"""Bytes between the slices or rows: few enough to be read along, and too many."""


@st.composite
def layouts(draw):
    """Draw a stored array with gaps, the order of its axes in the file, and a box of it."""
    dtype = np.dtype(draw(st.sampled_from(["u1", "<u2", ">u2", "<f4", ">f8"])))
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3))
    order = draw(st.permutations(range(3)))
    strides, step = [0, 0, 0], dtype.itemsize
    for axis in order:
        strides[axis] = step
        step = step * shape[axis] + draw(st.sampled_from(PADDINGS))
    box = []
    for size in shape:
        start = draw(st.integers(0, size - 1))
        box.append(slice(start, draw(st.integers(start + 1, size)), draw(st.integers(1, 3))))
    return dtype, shape, tuple(strides), tuple(box)


@settings(max_examples=300)
@given(layout=layouts(), offset=st.integers(0, 99))
def test_every_box_of_every_layout_is_what_numpy_reads(tmp_path_factory, layout, offset):
    dtype, shape, strides, box = layout
    reach = sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    content = np.random.default_rng(1).integers(0, 255, offset + reach + 8, np.uint8)
    path = tmp_path_factory.mktemp("layout") / "v"
    path.write_bytes(content.tobytes())
    source = StridedReader(FileStamp.of(Origin(path)), dtype, shape, offset, strides)
    found = source.read_box(box)
    expected = np.ndarray(shape, dtype, content, offset, strides)[box]
    assert found.dtype == dtype.newbyteorder("=")
    assert found.flags.c_contiguous
    assert found.flags.owndata
    np.testing.assert_array_equal(found, expected)
    path.unlink()


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_boxes_larger_than_one_read_are_whole(tmp_path, order, step):
    voxels = np.arange(40 * 300 * 301, dtype="<u2").reshape(40, 300, 301)
    np.save(tmp_path / "a.npy", np.asarray(voxels, order=order))
    volume = open_volume(tmp_path / "a.npy", role=Role.IMAGE)
    np.testing.assert_array_equal(volume[::step, 1:, ::step], voxels[::step, 1:, ::step])
    np.testing.assert_array_equal(volume[:, 7], voxels[:, 7])
    np.testing.assert_array_equal(volume[..., 5], voxels[..., 5])


CUT_OFF = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    import numpy as np
    from napari_nx46.files.volumes.origin import FileStamp, Origin, VolumeError
    from napari_nx46.files.volumes.strided_reader import StridedReader

    class CutOff(FileStamp):
        '''The stamp of a file that is cut off right after it was found unchanged.'''
        def check(self):
            os.truncate(self.origin.path, int(sys.argv[2]))

    path = Path(sys.argv[1])
    stamp = CutOff.of(Origin(path))
    source = StridedReader(stamp, np.dtype(sys.argv[3]), (64, 64, 64), 0, (4096 * 4, 256, 4))
    try:
        source.read_box((slice(0, 64, 1), slice(0, 64, int(sys.argv[4])), slice(0, 64, 1)))
    except VolumeError as error:
        print(error)
""")


@pytest.mark.parametrize("left", [0, 5000, 64**3 * 4 - 1])
@pytest.mark.parametrize(("dtype", "step"), [("<f4", 1), (">f4", 1), ("<f4", 3)])
def test_a_file_that_is_cut_off_while_it_is_read_is_an_error_not_a_crash(
    tmp_path, left, dtype, step
):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(64**3 * 4))
    command = [sys.executable, "-c", CUT_OFF, str(path), str(left), dtype, str(step)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert str(path) in ended.stdout
    assert "cut off" in ended.stdout


def test_a_layout_that_reaches_beyond_the_file_is_refused(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(99))
    stamp = FileStamp.of(Origin(path))
    with pytest.raises(VolumeError, match="at least 100: the file is cut off"):
        StridedReader(stamp, np.dtype("u1"), (1, 10, 10), 0, (100, 10, 1))
