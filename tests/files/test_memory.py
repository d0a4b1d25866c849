"""What a file has decoded in one piece is bounded by the memory, before anything is allocated."""

import struct
import zipfile

import numpy as np
import pytest
import tifffile
import zarr

from napari_nx46.data.fragments import open_data
from napari_nx46.files.memory import ALWAYS_READ, in_words, machine_memory
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from napari_nx46.run.pipelines import PipelineSet
from tests.command import nx46


def one_tile(path, page, tile, compression=8, bits=8):
    """Write a TIFF of one page and one tile, of square sizes, whose data are nothing."""
    entries = [
        *((256, 4, page), (257, 4, page), (258, 3, bits), (259, 3, compression), (262, 3, 1)),
        *((277, 3, 1), (322, 4, tile), (323, 4, tile), (324, 4, 200), (325, 4, 8)),
    ]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    head += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    path.write_bytes((head + struct.pack("<I", 0)).ljust(200, b"\0") + bytes(8))
    return path


def deflated_npz(path, shape):
    """Write an archive that declares an array of bytes, and has none of them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("probabilities.npy", "w") as member:
            described = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, described)
        (info,) = archive.infolist()
        info.file_size += int(np.prod(shape, dtype=object))
    return path


def zarr_array(path, **options):
    """Make a Zarr array of bytes whose first chunk is no chunk."""
    zarr.create_array(path, **{"shape": (4, 4, 4), "dtype": "u1", **options})
    chunk = path / "c/0/0/0"
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(bytes(8))
    return path


HUGE = {
    "a.tif": lambda path: one_tile(path, 8, 2**18, bits=64),
    "one.tif": lambda path: one_tile(path, 2**18, 2**18, bits=64),
    "a.npz": lambda path: deflated_npz(path, (1, 2**10, 2**12, 2**12)),
    "a.zarr": lambda path: zarr_array(path, chunks=(2**14, 2**14, 2**14)),
    "b.zarr": lambda path: zarr_array(path, chunks=(1, 1, 1), shards=(2**14, 2**14, 2**14)),
}
LARGE = {
    "a.tif": lambda path: one_tile(path, 8, 2**15),
    "one.tif": lambda path: one_tile(path, 2**15, 2**15),
    "zstd.tif": lambda path: one_tile(path, 2**15, 2**15, compression=50000),
    "a.npz": lambda path: deflated_npz(path, (1, 2**10, 2**10, 2**10)),
    "a.zarr": lambda path: zarr_array(path, chunks=(2**10, 2**10, 2**10)),
    "b.zarr": lambda path: zarr_array(path, chunks=(1, 1, 1), shards=(2**10, 2**8, 2**8)),
}


@pytest.mark.parametrize("name", HUGE)
def test_pieces_that_no_machine_holds_are_refused_at_opening(tmp_path, name):
    path = HUGE[name](tmp_path / name)
    with pytest.raises(VolumeError, match=r"GiB, decoded in one piece.*half of the memory"):
        open_volume(path, role=Role.IMAGE)


@pytest.mark.parametrize("name", LARGE)
def test_pieces_beyond_the_budget_are_refused_before_they_are_read(tmp_path, name):
    path = LARGE[name](tmp_path / name)
    dataset = open_data(path)
    PipelineSet(dataset)  # without a budget, the memory of the machine is what counts
    PipelineSet(dataset, memory_budget=2**30 + 4)  # a table of a shard has a checksum
    with pytest.raises(VolumeError, match=r"of 1 GiB.* 512 MiB allowed; give more") as raised:
        PipelineSet(dataset, memory_budget=2**29)
    assert str(path) in str(raised.value)


def test_pieces_that_every_machine_holds_are_read_whatever_the_budget(tmp_path):
    dataset = open_data(one_tile(tmp_path / "a.tif", 8, 2**14))
    assert dataset["a"].p3d._source.piece_bytes == ALWAYS_READ
    PipelineSet(dataset, memory_budget=0)


def test_the_command_refuses_what_its_memory_does_not_hold(tmp_path):
    path = one_tile(tmp_path / "v.tif", 2**15, 2**15)
    ended = nx46("run", str(path), "--memory", "0.5", "--dry-run", "--out", str(tmp_path / "o"))
    assert ended.returncode == 2
    assert "1 GiB" in ended.stderr
    assert "--memory" in ended.stderr


@pytest.mark.parametrize(("compression", "pixel"), [("zlib", 1), ("png", 1), ("jpegxl", 5)])
def test_what_a_decoder_takes_besides_counts(tmp_path, compression, pixel):
    voxels = np.zeros((2, 40, 40), np.uint8)
    options = {"photometric": "minisblack", "rowsperstrip": 16}
    tifffile.imwrite(tmp_path / "a.tif", voxels, compression=compression, **options)
    source = open_volume(tmp_path / "a.tif", role=Role.IMAGE)._source
    assert source.piece_bytes == 16 * 40 * pixel


def test_more_voxels_than_the_memory_holds_are_not_read_at_once(tmp_path):
    path = tmp_path / "a.zarr"
    zarr_array(path, shape=(2**12, 2**13, 2**13), chunks=(64, 64, 64))
    volume = open_volume(path, role=Role.IMAGE)
    with pytest.raises(VolumeError, match="256 GiB to be read at once"):
        volume.read()
    assert not volume[100, :9, 9].any()


def test_a_page_of_all_slices_is_a_piece(tmp_path):
    page = np.arange(32 * 16, dtype=np.uint16).reshape(32, 16)
    tifffile.imwrite(
        tmp_path / "a.tif",
        page,
        description='{"shape": [4, 8, 16]}',
        metadata=None,
        compression="zlib",
        rowsperstrip=1,
    )
    volume = open_volume(tmp_path / "a.tif", role=Role.IMAGE)
    np.testing.assert_array_equal(volume, page.reshape(4, 8, 16))
    assert volume._source.piece_bytes == page.nbytes


def test_the_memory_of_a_shell_counts(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _limit: (2**29, 2**30))
    assert machine_memory() == 2**29


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 MiB"),
        (2**20, "1 MiB"),
        (2**28, "256 MiB"),
        (2**31 + 2**30, "3 GiB"),
        (2**42, "4,096 GiB"),
    ],
)
def test_sizes_are_said_in_words(size, words):
    assert in_words(size) == words
