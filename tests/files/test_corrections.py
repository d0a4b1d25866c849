"""Corrections are read back from files, and nothing is taken from a stranger's unchecked."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_nx46.files import corrections as corrections_module
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.corrections import corrections_bytes, read_corrections, write_corrections
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.voxels.test_corrections import label_volumes

LABELS = np.zeros((3, 4, 6), np.uint8)
LABELS[0, 1, 2:5], LABELS[2, 3], LABELS[2, 0, 0] = 1, 2, 1
SOME = Corrections.of(LABELS)
RUNS = [[0, 1, 2, 3, 1], [2, 0, 0, 1, 1], [2, 3, 0, 6, 2]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["a", "fragment_1", "1407735", "a.b", "scroll 4", "ä"]),
        label_volumes().map(Corrections.of),
        max_size=3,
    )
)
def test_an_npz_file_is_read_back(tmp_path, corrections):
    path = tmp_path / "corrections.npz"
    write_corrections(path, corrections)
    assert read_corrections(path) == corrections
    assert path.read_bytes() == corrections_bytes(dict(reversed(corrections.items())))


def test_an_npz_file_is_what_its_description_says(tmp_path):
    path = tmp_path / "corrections.npz"
    write_corrections(path, {"a": SOME})
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["a.runs", "a.shape"]
        np.testing.assert_array_equal(arrays["a.shape"], LABELS.shape)
        np.testing.assert_array_equal(arrays["a.runs"], RUNS)
    np.savez(path, **{"b.shape": np.array(LABELS.shape), "b.runs": np.array(RUNS)})
    assert read_corrections(path) == {"b": SOME}


@pytest.mark.parametrize("ending", [".tif", ".tiff"])
def test_a_tiff_of_labels_is_read_back_and_has_the_name_of_its_fragment(tmp_path, ending):
    path = tmp_path / f"fragment_0{ending}"
    write_corrections(path, {"fragment_0": SOME})
    np.testing.assert_array_equal(tifffile.imread(path), LABELS)
    assert read_corrections(path) == {"fragment_0": SOME}


def test_a_folder_of_volumes_is_read_whatever_their_formats(tmp_path):
    np.save(tmp_path / "a.npy", LABELS)
    write_corrections(tmp_path / "b.tif", {"b": SOME})
    (tmp_path / "notes.txt").write_text("not a volume")
    assert read_corrections(tmp_path) == {"a": SOME, "b": SOME}


def test_what_is_no_file_of_corrections_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "a.npy", np.full((2, 3, 4), 3, np.uint8))
    (tmp_path / "a.npz").write_bytes(b"no zip")
    for name, found in (
        ("empty", "no volume in this folder"),
        ("a.npy", "3"),
        ("a.npz", "damaged .npz file"),
        ("none.npz", "nothing at this path"),
        ("none.tif", "nothing at this path"),
    ):
        with pytest.raises(VolumeError, match=found):
            read_corrections(tmp_path / name)


def changed(runs):
    return {"a.shape": np.array(LABELS.shape), "a.runs": np.array(runs, np.int64)}


BAD = {
    "do not belong together": {"a.shape": np.array([3, 4, 6])},
    "no possible shape": {**changed(RUNS), "a.shape": np.array([3, 4, 1 << 40])},
    r"runs of shape \(1, 4\)": changed([[0, 1, 2, 3]]),
    r"runs of shape \(5,\)": changed(RUNS[0]),
    "neither 1 nor 2": changed([[0, 1, 2, 3, 3]]),
    "neither 1 nor 2, or": changed(RUNS[::-1]),
    "overlap": changed([RUNS[0], RUNS[0]]),
    "two parts": changed([[0, 1, 2, 1, 1], [0, 1, 3, 1, 1]]),
    "elements of type float64": {**changed(RUNS), "a.runs": np.array(RUNS, float)},
    "elements of type int32": {**changed(RUNS), "a.runs": np.array(RUNS, np.int32)},
    "in C order": {**changed(RUNS), "a.runs": np.asfortranarray(RUNS)},
    "the fragment": {"..shape": np.array([3, 4, 6]), "..runs": np.array(RUNS)},
}


@pytest.mark.parametrize("found", BAD)
def test_arrays_that_are_no_corrections_are_refused(tmp_path, found):
    np.savez(tmp_path / "bad.npz", **BAD[found])
    with pytest.raises(VolumeError, match=found):
        read_corrections(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    "run",
    [
        *([-1, 1, 2, 3, 1], [3, 1, 2, 3, 1], [0, 4, 2, 3, 1], [0, -1, 2, 3, 1]),
        *([0, 1, 6, 1, 1], [0, 1, 2, 5, 1], [0, 1, 2, 0, 1], [0, 1 << 62, 2, 1, 1]),
        [0, 1, 2, (1 << 63) - 1, 1],
    ],
)
def test_runs_outside_the_fragment_are_refused(tmp_path, run):
    np.savez(tmp_path / "bad.npz", **changed([run]))
    with pytest.raises(VolumeError, match="a run outside the shape"):
        read_corrections(tmp_path / "bad.npz")


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "bad.npz", **{"a.shape": np.array([{}], object), "a.runs": np.array(RUNS)})
    with pytest.raises(VolumeError, match="elements of type object"):
        read_corrections(tmp_path / "bad.npz")


def test_a_header_that_promises_more_than_there_is_allocates_nothing(tmp_path):
    header = io.BytesIO()
    shape = (1 << 40, 5)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<i8", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        archive.writestr("a.runs.npy", header.getvalue() + bytes(80))
    with pytest.raises(VolumeError, match=r"80 bytes in a\.runs"):
        read_corrections(tmp_path / "bad.npz")


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(corrections_module, "LARGEST_UNPACKED_BYTES", 1000)
    np.savez_compressed(tmp_path / "bomb.npz", **{"a.runs": np.zeros((1000, 5), np.int64)})
    with pytest.raises(VolumeError, match="at most 1000 together"):
        read_corrections(tmp_path / "bomb.npz")


def test_a_target_of_another_kind_is_refused_and_the_old_file_stays(tmp_path):
    with pytest.raises(WriteError, match=r"must end in \.npz"):
        write_corrections(tmp_path / "corrections.json", {"a": SOME})
    old = tmp_path / "old.tif"
    old.write_text("old")
    with pytest.raises(WriteError, match="a TIFF holds one fragment, found 2"):
        write_corrections(old, {"a": SOME, "b": SOME})
    assert old.read_text() == "old"
