"""TIFF codings: one answer for masks in archives and as files, and names for what is not read."""

from __future__ import annotations

import contextlib
import json
import struct
import zipfile

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_nx46.files.submission.validation import validate_submission
from napari_nx46.files.volumes.opening import Role, VolumeError, open_volume
from napari_nx46.files.volumes.tiff.coding import COMPRESSIONS, compression_name

SHAPE = (4, 40, 48)
LOSSLESS = ("none", "lzw", "deflate", "adobe_deflate", "packbits", "lzma", "zstd", "pixtiff")
PREDICTABLE = ("lzw", "deflate", "adobe_deflate", "lzma", "zstd")
LAYOUTS = ({}, {"rowsperstrip": 7}, {"tile": (16, 32)})
OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>'
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="48" '
    'SizeY="40" SizeZ="{z}" SizeC="{c}" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
    "{data}</Pixels></Image></OME>"
)


def some_mask(shape=SHAPE):
    return (np.random.default_rng(4).random(shape) < 0.3).astype(np.uint8)


def write(path, voxels, compression="none", **options):
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(path, voxels, compression=compression, metadata=None, **options)
    return path


def valid(path):
    """Return whether a mask is valid as a member of an archive."""
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as written:
        written.write(path, "1.tif")
    return validate_submission(archive, band=(0, 1)).ok


def assert_read_alike(path, voxels):
    np.testing.assert_array_equal(open_volume(path, role=Role.IMAGE).read(), voxels)
    assert valid(path)


def refusal(path):
    """Return why a file is not read, which is not valid as a member of an archive either."""
    with pytest.raises(VolumeError) as refused:
        open_volume(path, role=Role.IMAGE).read()
    assert not valid(path)
    return str(refused.value)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("compression", LOSSLESS)
def test_lossless_compressions_are_read_as_files_and_in_archives(tmp_path, compression, layout):
    assert_read_alike(write(tmp_path / "1.tif", some_mask(), compression, **layout), some_mask())


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("compression", PREDICTABLE)
def test_predictors_are_undone(tmp_path, compression, layout):
    path = write(tmp_path / "1.tif", some_mask(), compression, predictor=True, **layout)
    assert_read_alike(path, some_mask())
    floats = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    path = write(tmp_path / "f.tif", floats, compression, predictor=True, **layout)
    np.testing.assert_array_equal(open_volume(path).read(), floats)


@pytest.mark.parametrize("compression", [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_palette_is_passed_over(tmp_path, compression):
    pages = [Image.fromarray(page) for page in some_mask()]
    for page in pages:
        page.putpalette([0, 0, 0, 255, 0, 0] + [0] * 762)
    path = tmp_path / "1.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    assert_read_alike(path, some_mask())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_packbits_volumes_are_read(tmp_path, dtype):
    volume = (np.random.default_rng(1).random(SHAPE) * (1 if dtype == "float32" else 200)).astype(
        dtype
    )
    path = write(tmp_path / "1.tif", volume, "packbits")
    np.testing.assert_array_equal(open_volume(path).read(), volume)


@pytest.mark.parametrize("compression", [None, "group3", "group4", "packbits", "tiff_lzw"])
def test_pages_of_one_bit_are_refused_in_words(tmp_path, compression):
    pages = [Image.fromarray(page > 0) for page in some_mask()]
    path = tmp_path / "1.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    assert "1 bits" in refusal(path) or "CCITT" in refusal(path)


IMAGES = {
    "png": ("u1", "u2"),
    "jpegxl": ("u1", "u2", "f2", "f4"),
    "jpeg2000": ("u1", "i1", "u2", "i2"),
    "lerc": ("u1", "i1", "u2", "i2", "i4", "f4", "f8"),
    "jpeg": ("u1", "u2"),
}
"""Compressions that make an image of every strip or tile, and what they keep without loss."""
KEPT = {"jpeg": {"lossless": True}, "jpeg2000": {"codecformat": "J2K"}}
LOST = {
    "jpegxl": {"distance": 2.0},
    "jpeg2000": {"level": 40},
    "jpeg": {"level": 90},
}


def numbers(dtype, shape=SHAPE):
    """Return numbers over the whole range of a type, as far as images have it."""
    found = np.random.default_rng(2).random(shape)
    if np.dtype(dtype).kind == "f":
        return found.astype(dtype)
    limits = np.iinfo(dtype)
    return (limits.min + found * (float(limits.max) - limits.min)).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize(
    ("compression", "dtype"), [(name, dtype) for name in IMAGES for dtype in IMAGES[name]]
)
def test_lossless_images_are_read(tmp_path, compression, dtype, layout):
    voxels = numbers(dtype)
    args = dict(KEPT.get(compression, {}))
    if compression == "jpeg":
        args["bitspersample"] = 8 * np.dtype(dtype).itemsize
    path = write(tmp_path / "1.tif", voxels, compression, compressionargs=args, **layout)
    np.testing.assert_array_equal(open_volume(path, role=Role.IMAGE).read(), voxels)


@pytest.mark.parametrize("compression", IMAGES)
def test_masks_of_lossless_images_are_valid_too(tmp_path, compression):
    path = write(
        tmp_path / "1.tif", some_mask(), compression, compressionargs=KEPT.get(compression)
    )
    assert_read_alike(path, some_mask())


def test_jpeg_2000_with_boxes_is_read(tmp_path):
    path = write(
        tmp_path / "1.tif", some_mask(), "jpeg2000", compressionargs={"codecformat": "JP2"}
    )
    assert_read_alike(path, some_mask())


@pytest.mark.parametrize("compression", LOST)
def test_lossy_images_are_refused_by_name(tmp_path, compression):
    path = write(
        tmp_path / "1.tif", some_mask() * 90, compression, compressionargs=LOST[compression]
    )
    name = compression_name(int(tifffile.COMPRESSION[compression.upper()]))
    reason = refusal(path)
    assert f"found lossy {name} compression" in reason
    assert "lossless PNG, JPEG 2000" in reason


def test_lerc_with_errors_or_compressed_once_more_is_refused(tmp_path):
    lossy = write(tmp_path / "1.tif", numbers("f4"), "lerc", compressionargs={"level": 0.1})
    assert "lossy LERC compression (errors up to" in refusal(lossy)
    twice = write(tmp_path / "2.tif", some_mask(), "lerc", compressionargs={"compression": "zstd"})
    assert "compressed once more" in refusal(twice)


@pytest.mark.parametrize("compression", ["jpegxr", "webp"])
def test_other_compressions_are_refused_by_name(tmp_path, compression):
    path = write(tmp_path / "1.tif", some_mask(), "zlib")
    number = int(tifffile.COMPRESSION[compression.upper()])
    entry = struct.pack("<HHLL", 259, 3, 1, 8)
    path.write_bytes(path.read_bytes().replace(entry, struct.pack("<HHLL", 259, 3, 1, number)))
    assert f"found {compression_name(number)} compression" in refusal(path)


@pytest.mark.parametrize("compression", IMAGES)
def test_images_of_another_size_than_their_strip_are_not_decoded(tmp_path, compression):
    path = tmp_path / "1.tif"
    args = KEPT.get(compression)
    voxels = numbers("u1", (1, 256, 256))
    write(path, voxels, compression, compressionargs=args, rowsperstrip=256)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for tag, value in ((256, 64), (257, 64), (278, 64)):
            tiff.pages[0].tags[tag].overwrite(value)
    found = r"an image of 256 x 256 voxels of uint8 in page 0; expected 64 x 64 of uint8"
    with pytest.raises(VolumeError, match=found):
        open_volume(path, role=Role.IMAGE)


@pytest.mark.parametrize("compression", IMAGES)
@settings(max_examples=60)
@given(place=st.floats(0, 1), content=st.binary(min_size=0, max_size=4))
def test_damaged_images_are_voxels_or_volume_errors(tmp_path_factory, compression, place, content):
    path = tmp_path_factory.mktemp("damage") / "1.tif"
    args = KEPT.get(compression)
    write(path, numbers("u1", (2, 24, 24)), compression, compressionargs=args)
    whole = bytearray(path.read_bytes())
    start = int(place * (len(whole) - len(content)))
    whole[start : start + len(content)] = content
    path.write_bytes(whole)
    with contextlib.suppress(VolumeError):
        assert open_volume(path, role=Role.IMAGE).read().dtype.kind in "uif"
    path.unlink()


def test_every_compression_that_the_library_knows_has_a_name():
    numbers = [int(number) for number in tifffile.COMPRESSION]
    assert all(str(number) not in compression_name(number) for number in COMPRESSIONS)
    unnamed = [number for number in numbers if "unknown" in compression_name(number)]
    assert not {7, 34712, 34887, 34933, 50001, 50002}.intersection(unnamed)
    assert "12345" in compression_name(12345)


def test_a_predictor_that_readers_take_differently_is_refused(tmp_path):
    path = write(tmp_path / "1.tif", some_mask(), "zlib", predictor=True)
    entry = struct.pack("<HHLL", 259, 3, 1, 8)
    assert entry in path.read_bytes()
    packbits = struct.pack("<HHLL", 259, 3, 1, 32773)
    path.write_bytes(path.read_bytes().replace(entry, packbits))
    assert "predictor 2 with PackBits" in refusal(path)


def test_tiles_several_slices_deep_are_refused_in_words(tmp_path):
    path = write(tmp_path / "1.tif", some_mask((20, 40, 40)), tile=(16, 16, 16), volumetric=True)
    assert "tiles 16 slices deep" in refusal(path)


def ome(path, pages, *, z=4, c=1, data="<TiffData/>", uuid=""):
    """Write pages with the metadata of an OME-TIFF."""
    text = OME.format(z=z, c=c, data=data, uuid=uuid and f' UUID="{uuid}"')
    return write(path, pages, description=text)


def planes(*names, uuids=True):
    """Return which file each plane of an OME-TIFF is in."""
    return "".join(
        f'<TiffData FirstZ="{z}" IFD="{names[:z].count(name)}" PlaneCount="1"><UUID '
        f'FileName="{name}">{"urn:uuid:" + name if uuids else ""}</UUID></TiffData>'
        for z, name in enumerate(names)
    )


@pytest.mark.parametrize("own", ["", "urn:uuid:1.ome.tif"])
@pytest.mark.parametrize("uuids", [True, False])
def test_a_file_of_a_set_names_the_others(tmp_path, own, uuids):
    data = planes("1.ome.tif", "1.ome.tif", "b.ome.tif", "c.ome.tif", uuids=uuids)
    if own and not uuids:
        data = data.replace('1.ome.tif">', f'1.ome.tif">{own}')
    message = refusal(ome(tmp_path / "1.ome.tif", some_mask()[:2], data=data, uuid=own))
    assert "b.ome.tif, c.ome.tif" in message
    assert "1.ome.tif," not in message


def test_a_companion_file_is_named(tmp_path):
    text = '<OME><BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:2"/></OME>'
    assert "set.companion.ome" in refusal(write(tmp_path / "1.tif", some_mask(), description=text))


@pytest.mark.parametrize(("z", "c"), [(8, 1), (4, 2), (10**9, 1)])
def test_ome_metadata_of_more_slices_than_there_are_pages_are_refused(tmp_path, z, c):
    assert f"{z * c} slices" in refusal(ome(tmp_path / "1.tif", some_mask(), z=z, c=c))


@pytest.mark.parametrize("name", ["1.ome.tif", "renamed.tif"])
@pytest.mark.parametrize("uuid", ["", "urn:uuid:1.ome.tif"])
def test_a_whole_ome_tiff_is_read_under_any_name(tmp_path, name, uuid):
    path = ome(tmp_path / name, some_mask(), data=planes(*["1.ome.tif"] * 4), uuid=uuid)
    assert_read_alike(path, some_mask())


@pytest.mark.parametrize(
    "sizes", ["images=8\nslices=8\n", "slices=8\n", "channels=2\nslices=4\n", "frames=5\n"]
)
@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_an_imagej_stack_that_lacks_slices_is_refused(tmp_path, sizes, compression):
    text = f"ImageJ=1.54f\n{sizes}loop=false\n"
    for pages in (some_mask(), some_mask()[:1]):
        path = write(tmp_path / "1.tif", pages, compression, description=text)
        assert "slices" in refusal(path)


@pytest.mark.parametrize("text", ['{"shape": [8, 40, 48]}', '{"shape": [2, 4, 40, 48]}'])
def test_a_described_shape_of_more_slices_than_there_are_pages_is_refused(tmp_path, text):
    path = write(tmp_path / "1.tif", some_mask(), description=text)
    assert str(tuple(json.loads(text)["shape"])) in refusal(path)


def test_a_metamorph_stack_in_one_page_is_not_taken_for_a_slice(tmp_path):
    path = write(tmp_path / "1.tif", some_mask()[0], extratags=[(33629, 5, 12, [0] * 24, True)])
    assert "12 slices" in refusal(path)


MODULO = (
    '</Image><StructuredAnnotations><XMLAnnotation ID="A" '
    'Namespace="openmicroscopy.org/omero/dimension/modulo"><Value><Modulo>'
    '<ModuloAlongZ Start="0" End="1e9"/></Modulo></Value></XMLAnnotation></StructuredAnnotations>'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('SizeX="48"', 'SizeX="1000000000"'),
        ('SizeY="40"', 'SizeY="1000000000"'),
        ('SizeZ="4"', 'SizeZ="-4"'),
        ("<TiffData/>", '<TiffData IFD="0" PlaneCount="1000000000"/>'),
        ("<TiffData/>", '<TiffData NumPlanes="1000000000"/>'),
        ("<TiffData/>", '<TiffData IFD="1000000000"/>'),
        ("<TiffData/>", "<TiffData/>" * 6),
        ("</Image>", MODULO),
    ],
    ids=lambda text: text[:40],
)
def test_numbers_in_ome_metadata_stand_for_no_more_than_the_file_has(tmp_path, old, new):
    text = OME.format(z=4, c=1, data="<TiffData/>", uuid="")
    path = tmp_path / "1.tif"
    write(path, some_mask(), "zlib", description=text)
    np.testing.assert_array_equal(open_volume(path, role=Role.IMAGE), some_mask())
    assert old in text
    write(path, some_mask(), "zlib", description=text.replace(old, new))
    with pytest.raises(VolumeError, match="found OME metadata of"):
        open_volume(path, role=Role.IMAGE)
