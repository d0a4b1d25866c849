"""``nx46 runs``: what was exported, the scores that the competition returned, go or no-go."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.commands.workspaces import WorkspaceFlags, opened_workspace
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.output.console import ExitCode, echo, guarded, interruptible, note, print_table
from napari_nx46.cli.output.help import SectionedCommand
from napari_nx46.cli.output.reporting import shown_knobs

if TYPE_CHECKING:
    from napari_nx46.files.workspace import SavedRun, Workspace
    from napari_nx46.run.judge.verdict import ListedRun, Verdict
    from napari_nx46.setting import Setting

RunReference = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's id; or its tag; or 'baseline' for the one that is frozen."
    ),
]
Score = float | None

runs = typer.Typer(
    name="runs",
    help="Keep runs with their scores, and judge them: list, add, score, freeze, verdict.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@runs.command("list", cls=SectionedCommand)
@guarded
@with_flag_groups
def list_runs(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
    place: WorkspaceFlags,
) -> None:
    """List the runs, oldest first; the best scored one and the baseline are marked."""
    from napari_nx46.run.judge.kept_runs import list_runs as listed_runs

    with opened_workspace(place.path()) as workspace:
        kept = listed_runs(workspace).runs
        if as_json:
            echo(json.dumps([_record(listed) for listed in kept], indent=2))
        elif kept:
            print_table(_LIST_COLUMNS, [_row(listed) for listed in kept])
        else:
            note(f"{workspace.path}: no run is kept yet")


@runs.command("add", cls=SectionedCommand)
@guarded
@with_flag_groups
def add_run(
    archive: Annotated[
        Path,
        typer.Argument(metavar="ARCHIVE", help="A submission.zip with its manifest beside it."),
    ],
    place: WorkspaceFlags,
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TEXT", help="Names the run.", show_default="the manifest's"),
    ] = None,
) -> None:
    """Keep an exported archive as a run: its SHA-256, settings and metrics."""
    from napari_nx46.run.judge.kept_runs import add_archive
    from napari_nx46.run.judge.verdict import run_name
    from napari_nx46.voxels.workers import Workers

    with opened_workspace(place.path(), create=True) as workspace, interruptible() as cancelled:
        workers = Workers(os.cpu_count() or 1)
        try:
            run = add_archive(workspace, archive, tag=tag, workers=workers, cancelled=cancelled)
        finally:
            workers.close()
        echo(f"kept as {run_name(run)} in {workspace.path}")


@runs.command("score", cls=SectionedCommand)
@guarded
@with_flag_groups
def score_run(
    run: RunReference,
    place: WorkspaceFlags,
    public: Annotated[
        float | None,
        typer.Option("--public", metavar="SCORE", help="Public leaderboard score, 0 to 1."),
    ] = None,
    private: Annotated[
        float | None,
        typer.Option("--private", metavar="SCORE", help="Private leaderboard score, 0 to 1."),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Forget both scores first, given by mistake.")
    ] = False,
) -> None:
    """Give a run the scores that the competition returned; what is not given stays."""
    _check_score("--public", public)
    _check_score("--private", private)
    if public is None and private is None and not clear:
        raise typer.BadParameter("expected --public, --private or --clear")
    from napari_nx46.run.judge.kept_runs import find_run
    from napari_nx46.run.judge.verdict import run_name

    with opened_workspace(place.path()) as workspace, workspace.transaction():
        number = _id(find_run(workspace, run))
        if clear:
            workspace.clear_scores(number)
        workspace.set_scores(number, public, private)
        scored = workspace.run(number)
        echo(
            f"{run_name(scored)}: public score {_score(scored.public_score) or 'none'}, "
            f"private score {_score(scored.private_score) or 'none'}"
        )


@runs.command("freeze", cls=SectionedCommand)
@guarded
@with_flag_groups
def freeze_run(run: RunReference, place: WorkspaceFlags) -> None:
    """Freeze a run as the baseline: its archive's SHA-256, settings and metrics.

    The archive must be there, unchanged and valid; else the exit code is 1.
    """
    from napari_nx46.run.judge.kept_runs import FreezeError, find_run
    from napari_nx46.run.judge.kept_runs import freeze_run as freeze
    from napari_nx46.run.judge.verdict import run_name

    with opened_workspace(place.path()) as workspace, interruptible() as cancelled:
        found = find_run(workspace, run)
        try:
            baseline = freeze(workspace, found, cancelled)
        except FreezeError as error:
            for fault in error.faults:
                note(f"error: {run_name(found)}: {fault}")
            raise typer.Exit(int(ExitCode.CHECK_FAILED)) from None
        echo(f"{run_name(found)} is the baseline: {baseline.archive}")
        echo(f"SHA-256 {baseline.archive_sha256}")


@runs.command("verdict", cls=SectionedCommand)
@guarded
@with_flag_groups
def judge_run(
    run: RunReference,
    place: WorkspaceFlags,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="RUN",
            help="The run to compare with.",
            show_default="the frozen one",
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept/--no-accept",
            help="Make the settings of the best run the accepted ones.",
        ),
    ] = True,
) -> None:
    """Say GO, exit code 0, or NO-GO, exit code 1, with the reasons.

    It is a GO only if the run's public score is above the baseline's, and its archive is unchanged
    and valid. Either way the settings of the best scored run are the accepted ones.
    """
    from napari_nx46.run.judge.kept_runs import find_run, give_verdict
    from napari_nx46.run.judge.verdict import run_name

    with opened_workspace(place.path()) as workspace, interruptible() as cancelled:
        judged = find_run(workspace, run)
        against = None if baseline is None else find_run(workspace, baseline)
        verdict = give_verdict(workspace, judged, against, cancelled)
        echo(f"{run_name(judged)}: {'GO' if verdict.go else 'NO-GO'}")
        _print_verdict(verdict)
        _print_best(workspace, verdict.best_run, accept=accept)
    if not verdict.go:
        raise typer.Exit(int(ExitCode.CHECK_FAILED))


# ---- what is printed -----------------------------------------------------------------------

_LIST_COLUMNS = (
    *("id", "time (UTC)", "tag", "fragments", "density", "public", "private"),
    *("mark", "archive"),
)


def _row(listed: ListedRun) -> tuple[str, ...]:
    from napari_nx46.files.naming import printable

    run, density = listed.run, listed.means.get("density")
    return (
        str(run.id),
        f"{run.time:%Y-%m-%d %H:%M}",
        printable(run.tag),
        str(len(run.settings)),
        "" if density is None else f"{density:.6f}",
        _score(run.public_score),
        _score(run.private_score),
        ", ".join(listed.marks),
        "" if run.archive is None else str(run.archive),
    )


def _record(listed: ListedRun) -> dict[str, object]:
    run = listed.run
    return {
        "id": run.id,
        "time": run.time.isoformat(),
        "tag": run.tag,
        "note": run.note,
        "archive": None if run.archive is None else str(run.archive),
        "archive_sha256": run.archive_sha256,
        "public_score": run.public_score,
        "private_score": run.private_score,
        "best": listed.best,
        "baseline": listed.baseline,
        "fragments": {
            image_id: {
                "setting": setting.model_dump(mode="json"),
                "metrics": dict(run.metrics.get(image_id, {})),
            }
            for image_id, setting in run.settings.items()
        },
    }


def _print_verdict(verdict: Verdict) -> None:
    from napari_nx46.run.compare.report import figure_text
    from napari_nx46.run.judge.verdict import run_name

    for reason in verdict.reasons:
        echo(f"  {reason}")
    for run in verdict.unscored:
        note(f"note: give {run_name(run)} its score with: nx46 runs score {run.id} --public SCORE")
    for line in verdict.notes:
        note(f"warning: {line}")
    if verdict.deltas:
        print_table(
            ("figure", "run", "baseline", "delta"),
            [
                (
                    one.name,
                    figure_text(one.name, one.value),
                    figure_text(one.name, one.baseline),
                    figure_text(one.name, one.delta, signed=True),
                )
                for one in verdict.deltas
            ],
        )


def _print_best(workspace: Workspace, best: SavedRun | None, *, accept: bool) -> None:
    from napari_nx46.files.naming import first_few
    from napari_nx46.run.judge.kept_runs import accept_best
    from napari_nx46.run.judge.verdict import run_name

    if best is None:
        echo("no run that counts has a public score: the accepted settings stay as they are")
        return
    echo(f"best: {run_name(best)}, public score {_score(best.public_score)}")
    if accept:
        replaced = accept_best(workspace, best)
        echo(f"accepted: the settings of {run_name(best)} for {first_few(list(best.settings))}")
        _notify_replaced(replaced)


def _notify_replaced(replaced: Mapping[str, Setting]) -> None:
    """Describe which accepted settings were others, so that they can be had again."""
    for image_id, setting in replaced.items():
        note(f"note: accepted before for {image_id}: {shown_knobs(setting) or 'defaults'}")


# ---- small ---------------------------------------------------------------------------------


def _check_score(flag: str, score: Score) -> None:
    if score is not None and not (math.isfinite(score) and 0.0 <= score <= 1.0):
        raise typer.BadParameter(f"found {score}, expected a score from 0 to 1", param_hint=flag)


def _score(score: Score) -> str:
    return "" if score is None else f"{score:g}"


def _id(run: SavedRun) -> int:
    if run.id is None:
        raise RuntimeError("a run of a workspace has an id")
    return run.id
