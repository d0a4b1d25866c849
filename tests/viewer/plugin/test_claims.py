"""What the reader claims by a file's header, and what it leaves to napari's other readers."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46.viewer.plugin.readers import (
    get_reader,
    open_archives,
    read_layers,
    refuse_together,
)

SHAPE = (4, 12, 14)
FLOATS = np.random.default_rng(46).random(SHAPE, dtype=np.float32)
BYTES = (255 * FLOATS).astype(np.uint8)


def tiff(voxels, **options):
    options = {"photometric": "minisblack", "metadata": None, **options}
    return lambda path: tifffile.imwrite(path.with_suffix(".tif"), voxels, **options)


def npy(voxels):
    return lambda path: np.save(path.with_suffix(".npy"), voxels)


def archive(*names):
    def write(path):
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as file:
            for name in names:
                file.writestr(name, b"")

    return write


def as_zarr(path):
    zarr.create_array(path.with_suffix(".zarr"), data=FLOATS, chunks=(2, 8, 8))


OURS = {
    "float TIFF": tiff(FLOATS),
    "byte TIFF": tiff(BYTES, compression="zlib"),
    "16-bit TIFF of tifffile": tiff(BYTES.astype(np.uint16), metadata={}),
    "npy": npy(FLOATS),
    "npz": lambda path: np.savez(path.with_suffix(".npz"), probabilities=np.stack([FLOATS] * 2)),
    "zarr": as_zarr,
    "archive": archive("123.tif", "45.tif"),
}
OTHERS = {
    "photo": tiff(np.zeros((30, 40, 3), np.uint8), photometric="rgb"),
    "RGB stack": tiff(np.zeros((4, 30, 40, 3), np.uint8), photometric="rgb"),
    "plane": tiff(FLOATS[0]),
    "ImageJ": tiff(BYTES, imagej=True, metadata={"axes": "ZYX"}),
    "OME": tiff(BYTES, ome=True, metadata={"axes": "ZYX"}),
    "labels of 32 bits": tiff(BYTES.astype(np.int32)),
    "npy photo": npy(np.zeros((30, 40, 3), np.uint8)),
    "npy plane": npy(FLOATS[0]),
    "npz of others": lambda path: np.savez(path.with_suffix(".npz"), weights=FLOATS[0]),
    "zip of others": archive("readme.txt", "folder/1.tif"),
    "damaged TIFF": lambda path: path.with_suffix(".tif").write_bytes(b"II*\0" + bytes(9)),
    "damaged zip": lambda path: path.with_suffix(".zip").write_bytes(b"PK"),
}


def written(folder, write):
    write(folder / "one")
    (path,) = folder.glob("one.*")
    return str(path)


@pytest.mark.parametrize("kind", OURS)
def test_volumes_and_archives_are_claimed(tmp_path, kind):
    expected = open_archives if kind == "archive" else read_layers
    assert get_reader(written(tmp_path, OURS[kind])) is expected


@pytest.mark.parametrize("kind", OTHERS)
def test_pictures_and_what_others_write_are_left_to_others(tmp_path, kind):
    assert get_reader(written(tmp_path, OTHERS[kind])) is None


@pytest.mark.parametrize("folder", ["p3d", "train_labels", "models/first"])
@pytest.mark.parametrize("kind", ["plane", "damaged TIFF", "ImageJ"])
def test_what_lies_in_a_data_folder_is_claimed_whatever_it_is(tmp_path, folder, kind):
    (tmp_path / folder).mkdir(parents=True)
    assert get_reader(written(tmp_path / folder, OTHERS[kind])) is read_layers


def test_several_files_opened_as_one_give_a_message_of_our_own(tmp_path):
    paths = [tmp_path / f"{number}.npy" for number in range(3)]
    for path in paths:
        np.save(path, FLOATS)
    archive("1.tif")(tmp_path / "masks")
    names = [str(path) for path in paths]
    with pytest.raises(ValueError, match=r"found 3 paths; expected one data folder, one volume"):
        get_reader(names)(names)
    mixed = [names[0], str(tmp_path / "masks.zip")]
    assert get_reader(mixed) is refuse_together
    with pytest.raises(ValueError, match=r"0\.npy, masks\.zip: volumes and submission archives"):
        refuse_together(mixed)
    assert get_reader([names[0], str(tmp_path / "photo.png")]) is None
    np.save(tmp_path / "wide.npy", FLOATS[:, :, :-1])
    pair = [names[0], str(tmp_path / "wide.npy")]
    with pytest.raises(ValueError, match=r"0\.npy but .* in .*wide\.npy; expected equal shapes"):
        get_reader(pair)(pair)
