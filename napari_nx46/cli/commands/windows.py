"""``nx46 tune`` and ``nx46 demo``, which open a window, and ``nx46 sample``, which gives data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.output.console import ExitCode, echo, fail, guarded
from napari_nx46.files.volumes.reading import ReadAs


@guarded
@with_flag_groups
def tune(data: DataFlags) -> None:
    """Tune the knobs in a window and see the masks change.

    A store that is larger than memory is opened with a map, on which boxes of it are chosen.
    """
    if _is_scroll(data):
        with _needing_qt():
            from napari_nx46.viewer.window.launch import tune_store

            tune_store(data.places, ReadAs(data.channel, data.logits))
        return
    dataset = data.opened()
    with _needing_qt():
        from napari_nx46.viewer.window.launch import tune as open_window

        open_window(dataset, data.places)


@guarded
def demo(
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DATA",
            help="A data folder, one volume, or two; the sample fragments if there is none.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for what the demo writes.")
    ] = Path("demo-output"),
    channel: flag.Channel = None,
    logits: flag.AsLogits = None,
) -> None:
    """Show the program.

    With a display in a window; without one the same session on a virtual display.
    """
    with _needing_qt():
        from napari_nx46.viewer.demo.script import show

        code = show(tuple(data or ()), out, ReadAs(channel, logits))
    raise typer.Exit(code)


@guarded
def sample(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Data folder; made if it is missing.")
    ],
) -> None:
    """Write the sample fragments as a data folder."""
    from napari_nx46.data.sample import write_sample

    image_ids = write_sample(folder)
    echo(f"wrote {len(image_ids)} fragments to {folder}: {', '.join(image_ids)}")


def _is_scroll(data: DataFlags) -> bool:
    from napari_nx46.live.scroll.store import scroll_of
    from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET

    return scroll_of(data.places, DEFAULT_MEMORY_BUDGET) is not None


@contextmanager
def _needing_qt() -> Iterator[None]:
    from napari_nx46.viewer.qt.display import DisplayError

    try:
        yield
    except DisplayError as error:
        fail(f"error: {error}", ExitCode.BAD_INPUT)
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        fail(
            f"error: the window cannot be opened ({reason}); it needs napari and a Qt binding: "
            'pip install "napari-nx46[all]"',
            ExitCode.BAD_INPUT,
        )
