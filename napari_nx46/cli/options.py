"""The arguments and options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.files.masks import Compression, Profile
from napari_nx46.setting import DEFAULT_BAND, Domain

DEFAULT_BAND_TEXT = f"{DEFAULT_BAND[0]}:{DEFAULT_BAND[1]}"

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA",
        help="A data folder; or one probability volume; or two of them, p3d and p2d.",
    ),
]
PresetName = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="Take every knob from a preset.")
]
SettingFile = Annotated[
    Path | None,
    typer.Option("--setting", metavar="FILE", help="Take every knob from a setting file (JSON)."),
]
Quantile = Annotated[
    float | None,
    typer.Option(
        "--quantile",
        metavar="Q",
        help="Share of voxels below the threshold, 0 to 1  [env var: NX46_THRESHOLD_QUANTILE]",
    ),
]
Blend = Annotated[
    float | None,
    typer.Option(
        "--blend",
        metavar="W",
        help="Weight of p3d in the score, 0 to 1  [env var: NX46_SCORE_BLEND_3D_WEIGHT]",
    ),
]
ZRadius = Annotated[
    int | None,
    typer.Option(
        "--z-radius",
        metavar="R",
        help="Slices averaged on either side, 0 to 8  [env var: NX46_Z_SMOOTHING_RADIUS]",
    ),
]
QuantileDomain = Annotated[
    Domain | None,
    typer.Option("--domain", help="Where the quantile is taken.", show_default="fragment"),
]
Block = Annotated[
    str | None,
    typer.Option(
        "--block",
        metavar="z0:z1,y0:y1,x0:x1",
        help="Take the quantile over this block, in voxels.",
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
Tag = Annotated[
    str,
    typer.Option(
        "--tag", metavar="TEXT", envvar="NX46_RUN_TAG", help="Names the run in its manifest."
    ),
]
PageCompression = Annotated[
    Compression, typer.Option("--compression", help="Compression of the masks' pages.")
]
MaskProfile = Annotated[
    Profile, typer.Option("--profile", help="Values of a mask: kaggle {0, 1} or nx47 {0, 255}.")
]
TargetBand = Annotated[
    str,
    typer.Option(
        "--band",
        metavar="LOW:HIGH",
        help="Density aimed at; outside it there is a warning.",
    ),
]
P3dFolder = Annotated[
    str, typer.Option("--p3d", metavar="NAME", help="Folder of the p3d volumes in DATA.")
]
P2dFolder = Annotated[
    str, typer.Option("--p2d", metavar="NAME", help="Folder of the p2d volumes in DATA.")
]
ImageFolder = Annotated[
    str | None,
    typer.Option(
        "--images",
        metavar="NAME",
        help="Folder of the CT images in DATA.",
        show_default="test_images, train_images",
    ),
]
LabelFolder = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="NAME",
        help="Folder of the labels in DATA.",
        show_default="train_labels",
    ),
]
Channel = Annotated[
    int,
    typer.Option(
        "--channel", metavar="N", help="Channel of volumes that have several; -1 is the last."
    ),
]
WorkerCount = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Threads.", show_default="one a processor"),
]
Memory = Annotated[
    float,
    typer.Option(
        "--memory",
        metavar="GIB",
        min=0.0,
        max=2.0**20,
        help="GiB that a fragment may take; what is larger is streamed.",
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
