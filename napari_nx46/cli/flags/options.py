"""The arguments and options that commands share, and the sections of the help they stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.files.stores.access import ENDPOINT_VARIABLE
from napari_nx46.files.submission.mask_tiff import MaskValues
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.setting import DEFAULT_BAND

DEFAULT_BAND_TEXT = f"{DEFAULT_BAND[0]}:{DEFAULT_BAND[1]}"

SETTING_SECTION = "Setting"
MASK_SECTION = "Masks"
STORE_SECTION = "Zarr stores"
DATA_SECTION = "Data"
RESOURCE_SECTION = "Resources"

PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Take every knob from a preset, published or yours; 'nx46 presets' lists them.",
        rich_help_panel=SETTING_SECTION,
    ),
]
SettingFile = Annotated[
    Path | None,
    typer.Option(
        "--setting",
        metavar="FILE",
        help="Take every knob from a setting file (JSON), or from the manifest of an export. "
        "The flags below change single knobs.",
        rich_help_panel=SETTING_SECTION,
    ),
]
CorrectionsFile = Annotated[
    Path | None,
    typer.Option(
        "--corrections",
        metavar="FILE",
        help="Correct the masks by hand last of all: an .npz file that the window or "
        "'nx46 corrections' saved, ID.tif of labels 0, 1 (add) and 2 (erase), or a folder.",
        rich_help_panel=MASK_SECTION,
    ),
]
FragmentIds = Annotated[
    list[str] | None,
    typer.Option(
        "--fragment",
        metavar="ID",
        help="Write this fragment only; may be given again. The domain 'dataset' keeps to all.",
    ),
]
SkipFaulty = Annotated[
    bool,
    typer.Option(
        "--skip-faulty",
        help="Leave out fragments that cannot be opened, and write the others; the exit status is "
        "1 then.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run/--no-dry-run",
        envvar="NX46_DRY_RUN",
        help="Check everything, voxels included, and write a preflight report only.",
    ),
]
MaskProfile = Annotated[
    MaskValues,
    typer.Option(
        "--profile",
        help="Values of a mask: kaggle {0, 1} or nx47 {0, 255}.",
        rich_help_panel=MASK_SECTION,
    ),
]
TargetBand = Annotated[
    str,
    typer.Option(
        "--band",
        metavar="LOW:HIGH",
        help="Density aimed at, outside of which there is a warning; 'none' for any density.",
        rich_help_panel=MASK_SECTION,
    ),
]
Channel = Annotated[
    int | None,
    typer.Option(
        "--channel",
        metavar="N",
        help="Channel of probability volumes that have several; -1 is the last.",
        show_default="the last",
        rich_help_panel=DATA_SECTION,
    ),
]
AsLogits = Annotated[
    Logits | None,
    typer.Option(
        "--logits",
        help="Read logits, as probabilities: each channel's own, its share among all, or that of "
        "all but the first. Or signed distances in voxels, negative inside.",
        rich_help_panel=DATA_SECTION,
    ),
]
Level = Annotated[
    str | None,
    typer.Option(
        "--level",
        metavar="PATH",
        help="Path of a level in a Zarr store, such as 2; the full resolution without it.",
        rich_help_panel=STORE_SECTION,
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option(
        "--box",
        metavar="Z0:Z1,Y0:Y1,X0:X1",
        help="Box of a store, in voxels of the level: a fragment of its own; given again for each.",
        rich_help_panel=STORE_SECTION,
    ),
]
BoxFile = Annotated[
    Path | None,
    typer.Option(
        "--boxes",
        metavar="FILE",
        help="Boxes of a store, and their level, as 'nx46 boxes' writes them.",
        rich_help_panel=STORE_SECTION,
    ),
]
LabelStore = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="STORE",
        help="Store of labels, of the same shape.",
        rich_help_panel=STORE_SECTION,
    ),
]
CtStore = Annotated[
    str | None,
    typer.Option(
        "--ct",
        metavar="STORE",
        help="Store of the CT, of the same shape.",
        rich_help_panel=STORE_SECTION,
    ),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        metavar="URL",
        envvar=ENDPOINT_VARIABLE,
        help="Server of s3:// addresses, if it is not Amazon's own.",
        rich_help_panel=STORE_SECTION,
    ),
]
Signed = Annotated[
    bool,
    typer.Option(
        "--signed",
        help="Sign requests, with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        rich_help_panel=STORE_SECTION,
    ),
]
AbsentOn403 = Annotated[
    bool,
    typer.Option(
        "--absent-on-403",
        help="Take chunks that a server refuses for absent, as buckets answer that may not be "
        "listed.",
        rich_help_panel=STORE_SECTION,
    ),
]
WorkerCount = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Threads.",
        show_default="one a processor",
        rich_help_panel=RESOURCE_SECTION,
    ),
]
Memory = Annotated[
    float,
    typer.Option(
        "--memory",
        metavar="GIB",
        min=0.0,
        max=2.0**20,
        help="GiB that a fragment may take; what is larger is streamed, and no strip, tile or "
        "chunk may be larger.",
        rich_help_panel=RESOURCE_SECTION,
    ),
]
