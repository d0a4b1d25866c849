"""The commands of ``nx46`` put together."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from napari_nx46.cli.commands.apply import apply
from napari_nx46.cli.commands.boxes import boxes
from napari_nx46.cli.commands.campaign.app import campaign
from napari_nx46.cli.commands.compare import compare
from napari_nx46.cli.commands.corrections import corrections
from napari_nx46.cli.commands.errors import errors
from napari_nx46.cli.commands.freeze import freeze
from napari_nx46.cli.commands.kit import kit
from napari_nx46.cli.commands.measure import measure
from napari_nx46.cli.commands.presets import presets
from napari_nx46.cli.commands.runs import runs
from napari_nx46.cli.commands.score import score
from napari_nx46.cli.commands.seams import seams
from napari_nx46.cli.commands.suggest import suggest
from napari_nx46.cli.commands.thickness import thickness
from napari_nx46.cli.commands.validate import validate
from napari_nx46.cli.commands.warm_up import compiling_noted, warm_up
from napari_nx46.cli.commands.windows import demo, sample, tune
from napari_nx46.cli.commands.write import export, run
from napari_nx46.cli.output.console import echo
from napari_nx46.cli.output.help import SectionedCommand

EXIT_CODES = (
    "Exit codes: 0 done, 1 a check failed, 2 bad input or usage, 130 cancelled. "
    "Results go to stdout, progress and errors to stderr."
)

WIDEST_HELP = 110
"""Columns; in a narrower terminal the help is as wide as that."""

app = typer.Typer(
    name="nx46",
    help="Turn surface probabilities of scroll fragments into masks, and tune how.",
    epilog=EXIT_CODES,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help and messages need no library and are not cut to a width when they are piped.
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": WIDEST_HELP,
    },
)
for command in (
    *(
        tune,
        run,
        export,
        suggest,
        freeze,
        apply,
        seams,
        corrections,
        validate,
        score,
        errors,
        measure,
        thickness,
        compare,
    ),
    *(boxes, presets, kit, sample, demo, warm_up),
):
    app.command(cls=SectionedCommand)(command)
app.add_typer(runs)
app.add_typer(campaign)


def main() -> None:
    """Run ``nx46`` with the arguments of the process, and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A file name may hold what the terminal's encoding cannot.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="nx46")


def _print_version(wanted: bool) -> None:
    if wanted:
        from napari_nx46.run.export.manifest import installed_version

        echo(f"nx46 {installed_version('napari-nx46')}")
        raise typer.Exit


@app.callback()
def _every_command(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    context.with_resource(compiling_noted(hint=context.invoked_subcommand != "warm-up"))
