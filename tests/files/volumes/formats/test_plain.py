"""NIfTI, MetaImage and NRRD files as volumes."""

from __future__ import annotations

import bz2
import gzip
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import open_data
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from tests.files.volumes.written_volumes import voxels_of

SHAPE = (4, 6, 8)
NRRD_TYPES = {"uint8": "uchar", "uint16": "unsigned short", "int16": "short", "float32": "float"}
MET_TYPES = {
    **{"uint8": "MET_UCHAR", "uint16": "MET_USHORT", "int16": "MET_SHORT"},
    "float32": "MET_FLOAT",
}


def write_nifti(path, voxels, kind=nibabel.Nifti1Image, unit="micron", slope=None):
    """Write (Z, Y, X) or (C, Z, Y, X) voxels as ITK does: x is the fastest axis."""
    affine = np.diag([3.0, 2.0, 1.5, 1])
    affine[:3, 3] = 30, 20, 10
    image = kind(voxels.T, affine)
    image.header.set_xyzt_units(unit)
    if slope is not None:
        image.header.set_slope_inter(*slope)
    nibabel.save(image, path)
    return path


def met_header(voxels, data="LOCAL", channels=1, **more):
    sizes = voxels.shape[::-1][1 if channels > 1 else 0 :]
    fields = {
        "ObjectType": "Image",
        "NDims": len(sizes),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": voxels.dtype.byteorder == ">",
        "CompressedData": "False",
        "Offset": "30 20 10",
        "ElementSpacing": "3 2 1.5",
        "DimSize": " ".join(map(str, sizes)),
        "ElementNumberOfChannels": channels,
        "ElementType": MET_TYPES[voxels.dtype.name],
        **more,
        "ElementDataFile": data,
    }
    return "".join(f"{name} = {value}\n" for name, value in fields.items()).encode()


def write_mha(path, voxels, *, compressed=False, **more):
    content = voxels.tobytes()
    if compressed:
        content = zlib.compress(content)
        more["CompressedData"] = "True"
    path.write_bytes(met_header(voxels, **more) + content)
    return path


def nrrd_header(voxels, encoding="raw", **more):
    fields = {
        "type": NRRD_TYPES[voxels.dtype.name],
        "dimension": voxels.ndim,
        "sizes": " ".join(map(str, voxels.shape[::-1])),
        "space directions": "(3,0,0) (0,2,0) (0,0,1.5)",
        "space origin": "(30,20,10)",
        "space units": '"um" "um" "um"',
        "endian": "big" if voxels.dtype.byteorder == ">" else "little",
        "encoding": encoding,
        **more,
    }
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in fields.items()]
    return "\n".join(["NRRD0005", "# a comment", *lines, "key:=value", "", ""]).encode()


PACK = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}


def write_nrrd(path, voxels, encoding="raw", **more):
    path.write_bytes(nrrd_header(voxels, encoding, **more) + PACK[encoding](voxels.tobytes()))
    return path


WRITERS = {
    "nii": lambda folder, voxels: write_nifti(folder / "a.nii", voxels),
    "nii 2": lambda folder, voxels: write_nifti(folder / "a.nii", voxels, nibabel.Nifti2Image),
    "nii.gz": lambda folder, voxels: write_nifti(folder / "a.nii.gz", voxels),
    "mha": lambda folder, voxels: write_mha(folder / "a.mha", voxels),
    "mha zlib": lambda folder, voxels: write_mha(folder / "a.mha", voxels, compressed=True),
    "nrrd": lambda folder, voxels: write_nrrd(folder / "a.nrrd", voxels),
    "nrrd gzip": lambda folder, voxels: write_nrrd(folder / "a.nrrd", voxels, "gzip"),
    "nrrd bzip2": lambda folder, voxels: write_nrrd(folder / "a.nrrd", voxels, "bzip2"),
}


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
@pytest.mark.parametrize("writer", WRITERS)
def test_volumes_are_read_with_size_and_place(tmp_path, writer, dtype):
    voxels = voxels_of(np.dtype(dtype).newbyteorder("=").name, SHAPE).astype(dtype)
    volume = open_volume(WRITERS[writer](tmp_path, voxels))
    np.testing.assert_array_equal(volume.read(), voxels)
    np.testing.assert_array_equal(volume[1:4:2, ::-2, 3], voxels[1:4:2, ::-2, 3])
    assert volume.dtype == voxels.dtype.newbyteorder("=")
    assert volume.channels is None
    assert volume.placement.scale == (1.5, 2.0, 3.0)
    assert volume.placement.translate == (10.0, 20.0, 30.0)
    micrometres = (1500.0, 2000.0, 3000.0) if "mha" in writer else (1.5, 2.0, 3.0)
    assert volume.placement.micrometres == micrometres
    volume.release()
    np.testing.assert_array_equal(volume[2], voxels[2])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"])
def test_what_itk_writes_is_read(tmp_path, suffix, compressed, channels):
    voxels = voxels_of("float32", SHAPE if channels == 1 else (*SHAPE, channels))
    image = SimpleITK.GetImageFromArray(voxels, isVector=channels > 1)
    image.SetSpacing((3, 2, 1.5))
    image.SetOrigin((30, 20, 10))
    path = tmp_path / f"a{suffix}"
    SimpleITK.WriteImage(image, str(path), compressed)
    volume = open_volume(path, channel=None if channels == 1 else 1)
    np.testing.assert_array_equal(volume.read(), voxels if channels == 1 else voxels[..., 1])
    assert volume.placement.scale == (1.5, 2.0, 3.0)
    assert volume.placement.translate == (10.0, 20.0, 30.0)


def test_the_place_of_nifti_is_that_along_the_voxels(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    affine = np.diag([-3.0, -2.0, 1.5, 1])  # as ITK writes it
    affine[:3, 3] = -30, -20, 10
    nibabel.save(nibabel.Nifti1Image(voxels.T, affine), tmp_path / "a.nii")
    assert open_volume(tmp_path / "a.nii").placement.translate == (10.0, 20.0, 30.0)


def test_channels_are_chosen(tmp_path):
    voxels = voxels_of("float32", (3, *SHAPE))
    last = np.ascontiguousarray(np.moveaxis(voxels, 0, -1))
    kinds = {
        "kinds": "vector domain domain domain",
        "space_directions": "none (1,0,0) (0,1,0) (0,0,1)",
    }
    for path in (
        write_nifti(tmp_path / "a.nii", voxels),
        write_nifti(tmp_path / "a.nii.gz", voxels),
        write_mha(tmp_path / "a.mha", last, channels=3),
        write_mha(tmp_path / "b.mha", last, channels=3, compressed=True),
        write_nrrd(tmp_path / "a.nrrd", last, **kinds),
    ):
        volume = open_volume(path, channel=1)
        assert volume.channels == 3
        np.testing.assert_array_equal(volume.read(), voxels[1])


def test_scaled_numbers_of_nifti(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    path = write_nifti(tmp_path / "a.nii", voxels, slope=(1 / 255, 0))
    volume = open_volume(path)
    assert volume.dtype == np.float32
    expected = nibabel.load(path).get_fdata().T
    np.testing.assert_allclose(volume.read(), expected, rtol=1e-6)


def test_unmeasured_voxels_have_no_place(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    nibabel.save(nibabel.Nifti1Image(voxels.T, np.eye(4)), tmp_path / "a.nii")
    assert open_volume(tmp_path / "a.nii").placement is None
    path = write_mha(tmp_path / "a.mha", voxels, Offset="0 0 0", ElementSpacing="1 1 1")
    assert open_volume(path).placement is None
    path = write_nrrd(tmp_path / "a.nrrd", voxels, spacings="3 nan 3")
    assert open_volume(path).placement is None


def test_numbers_beside_their_header(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    (tmp_path / "a.raw").write_bytes(voxels.tobytes())
    (tmp_path / "a.mhd").write_bytes(met_header(voxels, "a.raw"))
    header = nrrd_header(voxels, data_file="a.raw")
    for content in (header, header.rstrip(b"\n")):
        (tmp_path / "a.nhdr").write_bytes(content)
        for name in ("a.mhd", "a.nhdr"):
            volume = open_volume(tmp_path / name)
            np.testing.assert_array_equal(volume.read(), voxels)
    before = volume.fingerprint()
    (tmp_path / "a.raw").write_bytes((voxels ^ 1).tobytes())
    with pytest.raises(VolumeError, match="changed or replaced"):
        volume.fingerprint()
    assert open_volume(tmp_path / "a.nhdr").fingerprint() != before


def test_numbers_beside_a_header_are_no_files_that_are_not_read(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    folder = tmp_path / "p3d"
    folder.mkdir()
    (folder / "a.raw").write_bytes(voxels.tobytes())
    (folder / "a.mhd").write_bytes(met_header(voxels, "a.raw"))
    data = open_data(tmp_path)
    assert data.image_ids == ("a",)
    assert data.notes == ()
    (folder / "b.raw").write_bytes(voxels.tobytes())
    assert "1 .raw" in " ".join(open_data(tmp_path).notes)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a.raw", "b/../../a.raw", "link.raw", "a%d.raw"]
)
def test_numbers_elsewhere_are_refused(tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    voxels = voxels_of("uint8", SHAPE)
    (tmp_path / "a.raw").write_bytes(voxels.tobytes())
    (folder / "link.raw").symlink_to(tmp_path / "a.raw")
    (folder / "a.mhd").write_bytes(met_header(voxels, name))
    (folder / "a.nhdr").write_bytes(nrrd_header(voxels, data_file=name))
    for header in ("a.mhd", "a.nhdr"):
        with pytest.raises(VolumeError, match="expected a file in the same folder"):
            open_volume(folder / header).read()


HEADERS = {
    "mha: text": lambda v: met_header(v, BinaryData="False"),
    "mha: type": lambda v: met_header(v, ElementType="MET_STRING"),
    "mha: sizes": lambda v: met_header(v, DimSize="4 x 5"),
    "mha: fewer sizes": lambda v: met_header(v, NDims=2),
    "mha: huge": lambda v: met_header(v, DimSize="100000 100000 100000"),
    "mha: longer than it is": lambda v: met_header(v, DimSize="8 6 5"),
    "mha: no end": lambda v: b"NDims = 3\n" * 10000,
    "mha: empty": lambda v: b"",
    "nrrd: text": lambda v: nrrd_header(v, "ascii"),
    "nrrd: type": lambda v: nrrd_header(v, type="block"),
    "nrrd: skip": lambda v: nrrd_header(v, byte_skip="-1"),
    "nrrd: huge": lambda v: nrrd_header(v, sizes="100000 100000 100000"),
    "nrrd: negative": lambda v: nrrd_header(v, sizes="-8 6 4"),
    "nrrd: magic": lambda v: b"PNG" + nrrd_header(v),
    "nrrd: cut": lambda v: nrrd_header(v)[:40],
}


@pytest.mark.parametrize("kind", HEADERS)
def test_headers_that_cannot_be(tmp_path, kind):
    voxels = voxels_of("uint8", SHAPE)
    path = tmp_path / f"a.{kind.partition(':')[0]}"
    path.write_bytes(HEADERS[kind](voxels) + voxels.tobytes())
    with pytest.raises(VolumeError, match=r"found .*expected"):
        open_volume(path)


@pytest.mark.parametrize("writer", ["nii.gz", "mha zlib", "nrrd gzip", "nrrd bzip2"])
@pytest.mark.parametrize("fault", ["cut", "longer", "flipped"])
def test_compressed_numbers_that_are_damaged(tmp_path, writer, fault):
    voxels = voxels_of("uint8", (8, 32, 32))
    path = WRITERS[writer](tmp_path, voxels)
    content = bytearray(path.read_bytes())
    if fault == "cut":
        del content[-40:]
    elif fault == "flipped":
        content[-20] ^= 255
    elif writer == "nii.gz":
        content = bytearray(gzip.compress(gzip.decompress(content) + b"1"))
    else:
        more = {"mha zlib": zlib.compress, "nrrd gzip": gzip.compress, "nrrd bzip2": bz2.compress}
        header = content[: content.index(more[writer](voxels.tobytes()))]
        content = header + more[writer](voxels.tobytes() + b"1")
    path.write_bytes(content)
    with pytest.raises(VolumeError, match="damaged compressed numbers"):
        open_volume(path).read()


def test_a_compressed_file_of_absurd_size_is_refused(tmp_path):
    voxels = voxels_of("uint8", SHAPE)
    path = write_nrrd(tmp_path / "a.nrrd", voxels, "gzip", sizes="6000 6000 6000")
    with pytest.raises(VolumeError, match=r"compressed array of .*in one piece"):
        open_volume(path)


@given(place=st.integers(0, 351), value=st.integers(0, 255))
def test_odd_nifti_headers_give_a_volume_error_or_a_volume(tmp_path_factory, place, value):
    path = tmp_path_factory.getbasetemp() / "odd.nii"
    write_nifti(path, voxels_of("uint8", SHAPE))
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content)
    try:
        volume = open_volume(path, role=Role.IMAGE, channel=0)
        assert volume[0].shape == volume.shape[1:]
    except VolumeError:
        return
