"""Files of named arrays: what is read is what was written, and damage is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from napari_nx46.files.frames import FramesError, encode_frames, read_frames

SHAPES = st.tuples(*[st.integers(0, 5)] * 3)


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(np.uint8, SHAPES, elements=st.integers(0, 1)),
    arrays.arrays(np.int32, SHAPES),
    arrays.arrays(np.float64, st.integers(0, 9), elements=st.floats(-1, 1)),
)
def test_arrays_read_back_as_they_were_written(tmp_path_factory, mask, faces, sizes):
    path = tmp_path_factory.mktemp("frames") / "file"
    path.write_bytes(encode_frames({"mask": mask, "faces": faces, "sizes": sizes}, bits=["mask"]))
    found = read_frames(path)
    for name, array in {"mask": mask, "faces": faces, "sizes": sizes}.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
        assert np.array_equal(read_frames(path, [name])[name], array)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(encode_frames({"a": np.arange(99, dtype=np.int64)}))
    return path


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other", "huge"])
def test_damage_is_found(written, damage):
    content = written.read_bytes()
    changed = {
        "cut": content[:-3],
        "bit": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "empty": b"",
        "other": b"PK\3\4" + content,
        "huge": content.replace(b'"shape": [99]', b'"shape": [9999999999999]'),
    }
    written.write_bytes(changed[damage])
    with pytest.raises(FramesError, match="restart"):
        read_frames(written)


def test_a_name_that_is_not_there_is_an_error(written):
    with pytest.raises(FramesError, match="no array b"):
        read_frames(written, ["b"])


def test_objects_are_not_written():
    with pytest.raises(ValueError, match="expected one of"):
        encode_frames({"a": np.array([object()])})
