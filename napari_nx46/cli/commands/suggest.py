"""``nx46 suggest``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags import options as flag
from napari_nx46.cli.flags.data import DataFlags
from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.flags.parsing import parse_band, parse_figure_weights
from napari_nx46.cli.output.console import (
    ExitCode,
    counting_bar,
    echo,
    fail,
    guarded,
    interruptible,
    note,
    print_table,
)

if TYPE_CHECKING:
    from napari_nx46.data.fragments import Fragment
    from napari_nx46.run.suggest.searching.search import Found
    from napari_nx46.run.suggest.suggest import Suggestion
    from napari_nx46.setting import Setting

_MINUTES = 5.0


@guarded
@with_flag_groups
def suggest(
    data: DataFlags,
    knobs: KnobFlags,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="The setting file to write (JSON): the best so far, at any time. Beside it "
            "FILE.journal keeps every score, so that the same command goes on where it ended.",
        ),
    ],
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="N",
            min=0.01,
            help="So long at most.",
            show_default="5, or as long as --evaluations take",
        ),
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(
            "--evaluations",
            metavar="N",
            min=1,
            help="Try so many settings. With a seed and no --minutes the result is the same every "
            "time.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--knobs",
            metavar="KNOBS",
            help="Vary these alone: NAME,NAME with their usual ranges, or NAME=LOW:HIGH, "
            "NAME=VALUE,VALUE; given again for more.",
            show_default="all that can matter",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            "--groups",
            metavar="FILE",
            help="CSV of image_id and group, such as the scroll: what is to be expected on "
            "fragments not seen follows from leaving out one group at a time.",
            show_default="each fragment by itself",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Of the search.")
    ] = 0,
    weigh: Annotated[
        str | None,
        typer.Option(
            "--weigh",
            metavar="NAME=WEIGHT,...",
            help="Without labels: how much tunnels, crumbs, thick, continuity, stability and "
            "density count.",
            show_default="1 each",
        ),
    ] = None,
    band: flag.TargetBand = flag.DEFAULT_BAND_TEXT,
    workers: flag.WorkerCount = None,
    memory: flag.Memory = 4.0,
) -> None:
    """Look for the best setting: by default over all knobs, for five minutes.

    The knobs' flags (--preset, --setting and single ones) give the start. Settings are tried on
    octants of the fragments first, and the promising ones on whole fragments, by their exact
    score; without any label by figures that need none. Of the best ones that is taken whose
    neighbours are good too. Ctrl-C ends the search and keeps what is best so far.
    """
    start = chosen_setting(knobs, os.environ, note)
    dataset = data.opened()

    from napari_nx46.cli.flags.suggest import chosen_space
    from napari_nx46.files.atomic import write_beside
    from napari_nx46.run.suggest.judging.folds import read_groups
    from napari_nx46.run.suggest.judging.report import write_report
    from napari_nx46.run.suggest.searching.space import default_space
    from napari_nx46.run.suggest.suggest import SuggestRequest, compared_of
    from napari_nx46.run.suggest.suggest import suggest as look_for
    from napari_nx46.run.suggest.trying.journal import journal_beside

    compared = compared_of(dataset)
    space = default_space(compared, start)
    if vary:
        space = chosen_space(vary, space)
    if minutes is None and evaluations is None:
        minutes = _MINUTES
    request = SuggestRequest(
        start,
        space,
        None if minutes is None else 60 * minutes,
        evaluations,
        seed,
        {} if groups is None else read_groups(groups, [one.image_id for one in compared]),
        {} if weigh is None else parse_figure_weights(weigh),
        parse_band(band),
        workers,
        int(memory * 2**30),
    )
    kept: list[Setting] = []

    def keep(setting: Setting) -> None:
        if kept[-1:] != [setting]:
            with write_beside(out) as partial:
                partial.write_text(setting.to_json(), "utf-8")
            kept.append(setting)

    with interruptible() as cancelled, counting_bar("reading the data") as update:

        def show(found: Found) -> None:
            keep(found.best)
            update(f"best {found.value:.6f}, settings tried", found.tried, evaluations or 0)

        found = look_for(
            compared, request, report=show, journal=journal_beside(out), cancelled=cancelled
        )
    keep(found.choice.setting)
    _print_found(found, compared)
    echo(f"wrote {out} and {write_report(found, out)}")
    if found.stopped:
        fail("stopped; the same command goes on", ExitCode.CANCELLED)


def _print_found(found: Suggestion, fragments: list[Fragment]) -> None:
    from napari_nx46.files.naming import plural
    from napari_nx46.run.suggest.judging.report import changed_knobs
    from napari_nx46.run.suggest.trying.label_free import FIGURES

    choice = found.choice
    echo(
        f"{plural(found.tried, 'setting')} tried, {found.whole} of them on all of "
        f"{plural(len(fragments), 'whole fragment')}"
    )
    what = "score" if found.with_label else "mean rank"
    echo(
        f"{what}: start {found.start_value:.6f}, taken {choice.value:.6f}, peak "
        f"{choice.peak_value:.6f}; {choice.around}"
    )
    columns = ("figure", "start", "taken")
    names = found.figures if found.with_label else FIGURES
    pair = (found.start_figures, found.figures)
    rows = [(name, *(f"{one[name]:.6f}" for one in pair)) for name in names]
    print_table(columns, rows)
    for one in found.findings.answers:
        echo(f"{one.question} {one.answer}")
    for sentence in found.sentences():
        echo(sentence)
    for name, old, new in changed_knobs(found):
        echo(f"  {name}: {old} -> {new}")
