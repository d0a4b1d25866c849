"""What is said where the library of a format is not installed."""

from __future__ import annotations

import sys

import pytest

from napari_nx46.files.volumes.opening import VolumeError, open_volume

LIBRARIES = {
    "a.h5": ("h5py", "formats"),
    "a.nii.gz": ("nibabel", "formats"),
    "https://127.0.0.1/a.zarr": ("obstore", "scale"),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_missing(tmp_path, monkeypatch, name):
    library, extra = LIBRARIES[name]
    for module in [one for one in sys.modules if one.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, library, None)
    path = name
    if "//" not in name:
        path = tmp_path / name
        path.touch()
    with pytest.raises(VolumeError) as error:
        open_volume(path)
    assert library in str(error.value)
    assert f'pip install "napari-nx46[{extra}]"' in str(error.value)
    assert "\n" not in str(error.value)
