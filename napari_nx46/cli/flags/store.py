"""The flags that say which volumes of a store are read, and how a mask's image is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.files.mask_store.layout import StoreAxes
from napari_nx46.files.volumes.content import Content
from napari_nx46.voxels.halving import Pyramid

if TYPE_CHECKING:
    from napari_nx46.scale.plan.plan import OutputOptions
    from napari_nx46.scale.plan.sources import StoreAddress, StoreSources

_OUTPUT_SECTION = "Image"


@dataclass(frozen=True)
class StoreFlags(FlagGroup):
    """The volumes that a score is made from.

    Parameters
    ----------
    store : str
        Path or URL.
    level : str, optional
        Path of an array in it.
    channel : int, optional
    logits : Logits, optional
    content : Content
        What the values are, where it is not said by `logits`.
    p2d, ct : str, optional
        Further volumes, of the same level.
    model : list of str, optional
        ``NAME=STORE`` each.
    box : str, optional
        The part that is read.
    endpoint : str, optional
    signed, absent_on_403 : bool
        How a store on the net is reached.
    """

    store: Annotated[
        str, typer.Argument(metavar="STORE", help="Probabilities: a Zarr store, a file or a URL.")
    ]
    level: flag.Level = None
    channel: flag.Channel = None
    logits: flag.AsLogits = None
    content: Annotated[
        Content,
        typer.Option(
            "--content",
            help="What the values are; by default floats beyond [0, 1] are taken for logits.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = Content.AUTO
    p2d: Annotated[
        str | None,
        typer.Option(
            "--p2d",
            metavar="STORE",
            help="Probabilities of the 2D path.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = None
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME=STORE",
            help="A further probability volume; may be given again.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = None
    ct: Annotated[
        str | None,
        typer.Option(
            "--ct", metavar="STORE", help="The CT image.", rich_help_panel=flag.DATA_SECTION
        ),
    ] = None
    box: Annotated[
        str | None,
        typer.Option(
            "--box",
            metavar="Z0:Z1,Y0:Y1,X0:X1",
            help="Only this part, in voxels of the level.",
            rich_help_panel=flag.DATA_SECTION,
        ),
    ] = None
    endpoint: flag.Endpoint = None
    signed: flag.Signed = False
    absent_on_403: flag.AbsentOn403 = False

    def sources(self) -> StoreSources:
        """Return where the volumes are.

        Raises
        ------
        typer.BadParameter
            If a flag cannot be parsed.
        """
        from napari_nx46.scale.plan.sources import StoreSources

        models = {}
        for entry in self.model or ():
            name, separator, store = entry.partition("=")
            if not (name and separator and store):
                raise typer.BadParameter(
                    f"found {entry!r}, expected NAME=STORE", param_hint="--model"
                )
            models[name] = self._address(store)
        return StoreSources(
            p3d=self._address(self.store),
            p2d=None if self.p2d is None else self._address(self.p2d),
            models=models,
            image=None if self.ct is None else self._address(self.ct, is_image=True),
            box=self._extents(),
        )

    def _address(self, store: str, *, is_image: bool = False) -> StoreAddress:
        from napari_nx46.files.volumes.content import logits_of
        from napari_nx46.files.volumes.roles import Role
        from napari_nx46.scale.plan.sources import StoreAddress

        address = StoreAddress.of(store)
        far = {
            "endpoint": self.endpoint,
            "signed": self.signed,
            "absent_on_403": self.absent_on_403,
        }
        address = address.model_copy(update={"level": self.level, **far})
        if is_image:
            return address
        logits = self.logits or logits_of(
            address.model_copy(update={"channel": -1}).open(Role.IMAGE), self.content
        )
        return address.model_copy(update={"channel": self.channel, "logits": logits})

    def _extents(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None:
        if self.box is None:
            return None
        from napari_nx46.data.fragments.boxes import Box

        try:
            z, y, x = Box.parse(self.box).slices
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--box") from error
        return (z.start, z.stop), (y.start, y.stop), (x.start, x.stop)


@dataclass(frozen=True)
class ImageFlags(FlagGroup):
    """How a mask's image is written.

    Parameters
    ----------
    values : int
    chunk : int
    levels : int
    pyramid : Pyramid, optional
    layout : StoreAxes
    """

    values: Annotated[
        str,
        typer.Option(
            "--values",
            metavar="255|1",
            help="What foreground is written as.",
            rich_help_panel=_OUTPUT_SECTION,
        ),
    ] = "255"
    chunk: Annotated[
        int,
        typer.Option(
            "--chunk",
            metavar="N",
            min=2,
            help="Side of the chunks.",
            rich_help_panel=_OUTPUT_SECTION,
        ),
    ] = 128
    levels: Annotated[
        int,
        typer.Option(
            "--levels",
            metavar="N",
            min=1,
            max=16,
            help="Resolutions, the full one included.",
            rich_help_panel=_OUTPUT_SECTION,
        ),
    ] = 6
    pyramid: Annotated[
        Pyramid | None,
        typer.Option(
            "--pyramid",
            help="What the coarser ones are made of.",
            show_default="mean, of values 1 majority",
            rich_help_panel=_OUTPUT_SECTION,
        ),
    ] = None
    layout: Annotated[
        StoreAxes,
        typer.Option(
            "--layout",
            help="Axes (Z, Y, X), or (1, Z, Y, X) as villa's tools write them.",
            rich_help_panel=_OUTPUT_SECTION,
        ),
    ] = StoreAxes.ZYX

    def output(self) -> OutputOptions:
        """Return how the image is written.

        Raises
        ------
        typer.BadParameter
            If the values are neither 255 nor 1.
        """
        from napari_nx46.scale.plan.plan import OutputOptions

        value = _VALUES.get(self.values)
        if value is None:
            raise typer.BadParameter(
                f"found {self.values!r}, expected 255 or 1", param_hint="--values"
            )
        return OutputOptions(value, self.chunk, self.levels, self.pyramid, self.layout)


_VALUES: dict[str, Literal[1, 255]] = {"1": 1, "255": 255}
