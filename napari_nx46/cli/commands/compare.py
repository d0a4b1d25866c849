"""``nx46 compare``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.workspaces import WorkspaceFile, opened_workspace, workspace_file
from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import held_pipelines, shared_workers
from napari_nx46.cli.output.console import (
    echo,
    guarded,
    interruptible,
    note,
    print_table,
    share_bar,
)

if TYPE_CHECKING:
    from napari_nx46.data.fragments import DataSet
    from napari_nx46.run.compare.comparison import ComparisonReport
    from napari_nx46.run.compare.mask_sets import MaskSet
    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.setting import Setting
    from napari_nx46.voxels.corrections.corrections import Corrections

RUN_PREFIX = "run:"
_SIDE_HELP = (
    "a submission archive; a folder of nx46 run; a mask; a store by path or URL; a "
    "setting file (.json) or a preset, whose masks are computed from --data; or run:ID, run:TAG "
    "or run:baseline of the workspace."
)


@guarded
def compare(
    side_a: Annotated[str, typer.Argument(metavar="A", help=f"One side: {_SIDE_HELP}")],
    side_b: Annotated[str, typer.Argument(metavar="B", help="The other side, likewise.")],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="A data folder, one probability volume, or two of them (give it twice): what "
            "masks are computed from. Its labels are used where it has any.",
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            metavar="LABEL",
            help="A label; or a folder of labels, a data folder or boxes of a store, with one for "
            "each fragment.",
        ),
    ] = None,
    fragment: Annotated[
        list[str] | None,
        typer.Option(
            "--fragment", metavar="ID", help="Compare this fragment only; may be given again."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the tables too; the name ends in .md, .csv, .html."
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(
            "--corrections",
            metavar="FILE",
            help="Correct the masks that are computed by hand, last of all: a file that "
            "'nx46 corrections' saved. Archives and mask files stay as they are.",
        ),
    ] = None,
    work: WorkspaceFile = None,
    channel: flag.Channel = None,
    logits: flag.AsLogits = None,
    workers: flag.WorkerCount = None,
    memory: flag.Memory = 4.0,
) -> None:
    """Compare two archives, runs, masks or settings: knobs, figures, and where masks differ.

    With labels each side gets its leaderboard score. Deltas are B - A.
    """
    _check_ending(out)
    from napari_nx46.data.fragments import open_data, path_of, place_of
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.files.corrections import read_corrections
    from napari_nx46.run.compare.comparison import compare_sides
    from napari_nx46.run.compare.pairing import find_labels, pair_sides
    from napari_nx46.run.compare.report import REPORT_FORMATS, check_report_target

    places = [place_of(one) for one in data or ()]
    with ExitStack() as stack:
        cancelled = stack.enter_context(interruptible())
        threads = stack.enter_context(shared_workers(workers))
        opener = _Opener(
            stack.enter_context(
                held_pipelines(
                    open_data(*places, channel=channel, logits=logits) if places else None,
                    threads,
                    memory,
                )
            ),
            workspace_file(work, path_of(places[0]) if places else None),
            fragment or (),
            cancelled,
            None if corrections is None else read_corrections(corrections),
        )
        sides = opener.side(side_a), opener.side(side_b)
        pairing = pair_sides(*sides, opener.fragments)
        labels = find_labels(
            pairing.pairs, None if label is None else place_of(label), opener.dataset
        )
        partial = None
        if out is not None:
            check_report_target(out, sides, labels, opener.volumes)
            partial = stack.enter_context(write_beside(out))
        progress = stack.enter_context(share_bar("comparing"))
        report = compare_sides(
            pairing, labels, workers=threads, progress=progress, cancelled=cancelled
        )
        if partial is not None and out is not None:
            partial.write_bytes(REPORT_FORMATS[out.suffix.lower()](report))
    _print_report(report)
    if out is not None:
        note(f"wrote {out}")


@dataclass(frozen=True)
class _Opener:
    """Finds out what a side is, and opens it.

    Parameters
    ----------
    pipelines : PipelineSet, optional
        Of the data, if some were given.
    workspace : Path
        The workspace file; opened only for a run of it.
    fragments : sequence of str
        The image_ids that are to be compared; all if there is none.
    cancelled : callable
    corrections : mapping of str to Corrections, optional
        By image_id, of masks that are computed.
    """

    pipelines: PipelineSet | None
    workspace: Path
    fragments: Sequence[str]
    cancelled: Callable[[], bool]
    corrections: Mapping[str, Corrections] | None = None

    @property
    def dataset(self) -> DataSet | None:
        """The data, if some were given."""
        return None if self.pipelines is None else self.pipelines.dataset

    @property
    def volumes(self) -> list[Path]:
        """Every file of the data."""
        dataset = self.dataset
        paths = (volume.path for one in dataset or () for volume in one.volumes)
        return [path for path in paths if path is not None]

    def side(self, text: str) -> MaskSet:
        """Open a side.

        Raises
        ------
        FragmentError, VolumeError, SettingError, OSError
            If it is nothing that can be compared; says what was expected.
        """
        from napari_nx46.data.fragments import StorePlace, place_of
        from napari_nx46.run.compare.mask_sets import open_masks

        if text.startswith(RUN_PREFIX):
            return self._run(text.removeprefix(RUN_PREFIX))
        path = place_of(text)
        if isinstance(path, StorePlace):
            return open_masks(path, with_record=True, cancelled=self.cancelled)
        if not path.exists():
            return self._preset(text)
        if path.suffix.lower() == ".json" and not path.is_dir():
            return self._setting_file(path)
        return open_masks(path, with_record=True, cancelled=self.cancelled)

    def _run(self, reference: str) -> MaskSet:
        from napari_nx46.run.compare.setting_sides import run_side
        from napari_nx46.run.judge.kept_runs import as_frozen, find_run

        with opened_workspace(self.workspace) as workspace:
            kept = as_frozen(workspace, find_run(workspace, reference))
        side = run_side(kept.run, self.pipelines, self.cancelled)
        changes = (f"{side.name}: {change}" for change in kept.changes)
        return replace(side, notes=(*side.notes, *changes))

    def _setting_file(self, path: Path) -> MaskSet:
        from napari_nx46.files.settings import read_setting

        return self._setting(path.name, read_setting(path), path)

    def _preset(self, name: str) -> MaskSet:
        from napari_nx46.data.fragments import FragmentError
        from napari_nx46.files.presets import default_store, find_preset
        from napari_nx46.setting import SettingError

        try:
            setting = find_preset(name, default_store(os.environ))
        except SettingError as error:
            raise FragmentError(
                f"{name}: found nothing at this path, and {error}; expected {_SIDE_HELP}"
            ) from error
        return self._setting(name, setting)

    def _setting(self, name: str, setting: Setting, file: Path | None = None) -> MaskSet:
        from napari_nx46.run.compare.setting_sides import setting_side

        if self.pipelines is None:
            raise typer.BadParameter(
                f"expected DATA to compute the masks of the setting {name} from",
                param_hint="--data",
            )
        image_ids = self.pipelines.dataset.image_ids
        wanted = [image_id for image_id in image_ids if image_id in self.fragments]
        settings = dict.fromkeys(wanted or image_ids, setting)
        side = setting_side(name, settings, self.pipelines, file)
        return side if self.corrections is None else side.corrected(self.corrections)


def _check_ending(out: Path | None) -> None:
    from napari_nx46.run.compare.report import REPORT_FORMATS

    if out is not None and out.suffix.lower() not in REPORT_FORMATS:
        raise typer.BadParameter(
            f"found {str(out)!r}, expected a name that ends in {', '.join(REPORT_FORMATS)}",
            param_hint="--out",
        )


def _print_report(report: ComparisonReport) -> None:
    from napari_nx46.run.compare.report import comparison_tables

    for number, table in enumerate(comparison_tables(report)):
        echo(("\n" if number else "") + table.title)
        print_table(table.columns, table.rows)
    for line in report.notes:
        note(f"note: {line}")
