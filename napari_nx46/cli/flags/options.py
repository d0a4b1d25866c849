"""The arguments and options that commands share, and the sections of the help they stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.files.submission.mask_tiff import Compression, Profile
from napari_nx46.files.volumes.reading import Logits
from napari_nx46.setting import DEFAULT_BAND

DEFAULT_BAND_TEXT = f"{DEFAULT_BAND[0]}:{DEFAULT_BAND[1]}"

SETTING_SECTION = "Setting"
_MASK_SECTION = "Masks"
_DATA_SECTION = "Data"
_RESOURCE_SECTION = "Resources"

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA",
        help="A data folder; or one probability volume; or two of them, p3d and p2d.",
    ),
]
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
        help="Take every knob from a setting file (JSON). The flags below change single knobs.",
        rich_help_panel=SETTING_SECTION,
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
Tag = Annotated[
    str,
    typer.Option(
        "--tag",
        metavar="TEXT",
        envvar="NX46_RUN_TAG",
        help="Names the run in its manifest.",
        rich_help_panel=_MASK_SECTION,
    ),
]
PageCompression = Annotated[
    Compression,
    typer.Option(
        "--compression",
        help="Compression of the masks' pages.",
        rich_help_panel=_MASK_SECTION,
    ),
]
MaskProfile = Annotated[
    Profile,
    typer.Option(
        "--profile",
        help="Values of a mask: kaggle {0, 1} or nx47 {0, 255}.",
        rich_help_panel=_MASK_SECTION,
    ),
]
TargetBand = Annotated[
    str,
    typer.Option(
        "--band",
        metavar="LOW:HIGH",
        help="Density aimed at, outside of which there is a warning; 'none' for any density.",
        rich_help_panel=_MASK_SECTION,
    ),
]
P3dFolder = Annotated[
    str,
    typer.Option(
        "--p3d",
        metavar="NAME",
        help="Folder of the p3d volumes in DATA.",
        rich_help_panel=_DATA_SECTION,
    ),
]
P2dFolder = Annotated[
    str,
    typer.Option(
        "--p2d",
        metavar="NAME",
        help="Folder of the p2d volumes in DATA.",
        rich_help_panel=_DATA_SECTION,
    ),
]
ModelsFolder = Annotated[
    str,
    typer.Option(
        "--models",
        metavar="NAME",
        help="Folder in DATA that holds a folder of further probability volumes for each model.",
        rich_help_panel=_DATA_SECTION,
    ),
]
ImageFolder = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="NAME",
        help="Folder of the CT images in DATA.",
        show_default="test_images, train_images",
        rich_help_panel=_DATA_SECTION,
    ),
]
LabelFolder = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="NAME",
        help="Folder of the labels in DATA.",
        show_default="train_labels",
        rich_help_panel=_DATA_SECTION,
    ),
]
Channel = Annotated[
    int | None,
    typer.Option(
        "--channel",
        metavar="N",
        help="Channel of probability volumes that have several; -1 is the last.",
        show_default="the last",
        rich_help_panel=_DATA_SECTION,
    ),
]
AsLogits = Annotated[
    Logits | None,
    typer.Option(
        "--logits",
        help="Read logits, as probabilities: each channel's own, or its share among all.",
        rich_help_panel=_DATA_SECTION,
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
        rich_help_panel=_RESOURCE_SECTION,
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
        rich_help_panel=_RESOURCE_SECTION,
    ),
]
