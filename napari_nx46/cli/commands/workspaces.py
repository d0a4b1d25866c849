"""The workspace that a command is given, and keeping an export in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_nx46.cli.flags.groups import FlagGroup
from napari_nx46.cli.output.console import ExitCode, echo, fail, note

if TYPE_CHECKING:
    from napari_nx46.files.workspace import Workspace
    from napari_nx46.run.export.export import RunResult
    from napari_nx46.run.export.manifest import RunOptions

_SECTION = "Workspace"
_PREFERENCES = "napari-nx46.yaml"
"""As napari names the file of a plugin's preferences."""

WorkspaceFile = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="FILE",
        help="Workspace file.",
        show_default="that of the data folder",
        rich_help_panel=_SECTION,
    ),
]
ExportWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--work",
        metavar="FILE",
        help="Keep the export as a run in this workspace file; 'nx46 runs' lists them.",
        rich_help_panel=_SECTION,
    ),
]
WorkspaceData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="Data folder, or volume, whose workspace is taken.",
        show_default="the current folder",
        rich_help_panel=_SECTION,
    ),
]


@dataclass(frozen=True)
class WorkspaceFlags(FlagGroup):
    """The flags that say which workspace to use.

    Parameters
    ----------
    work : Path, optional
        Its file.
    data : Path, optional
        The data folder that it belongs to.
    """

    work: WorkspaceFile = None
    data: WorkspaceData = None

    def path(self) -> Path:
        """Return the workspace file.

        Raises
        ------
        typer.BadParameter
            If both flags are given.
        """
        if self.work is not None and self.data is not None:
            raise typer.BadParameter("found --data as well; expected one", param_hint="--work")
        return workspace_file(self.work, self.data)


def workspace_file(work: Path | None, data: Path | None) -> Path:
    """Return a workspace file: the one given, else that of the data, else of this folder."""
    return usual_workspace(Path.cwd() if data is None else data) if work is None else work


def usual_workspace(data: Path | str) -> Path:
    """Return the workspace file of data in the folder that the environment or napari names."""
    from napari_nx46.files.workspace import WORKSPACES_VARIABLE, default_workspace

    if WORKSPACES_VARIABLE in os.environ or not _has_preferences():
        return default_workspace(data)
    from napari_nx46.viewer.plugin.preferences import read_preferences

    preferences = read_preferences()
    if preferences.problems:
        note(f"warning: {preferences.message}")
    return default_workspace(data, preferences.environment)


def _has_preferences() -> bool:
    """Return whether napari has any preferences of this plugin: importing it to ask takes long."""
    from platformdirs import user_config_path

    named = os.environ.get("NAPARI_CONFIG")
    folder = user_config_path("napari", appauthor=False) if named is None else Path(named).parent
    return any(folder.glob(f"**/{_PREFERENCES}"))


@contextmanager
def opened_workspace(path: Path, *, create: bool = False) -> Iterator[Workspace]:
    """Open a workspace; what is wrong with it, or with what is asked of it, ends the command.

    Parameters
    ----------
    path : Path
    create : bool
        Make the file where there is none.

    Yields
    ------
    Workspace
    """
    from napari_nx46.files.workspace import Workspace, WorkspaceError
    from napari_nx46.run.judge.kept_exports import reconcile

    try:
        if not create and not path.exists():
            raise WorkspaceError(
                path, "there is no such file; give --work FILE, or keep a run with: nx46 runs add"
            )
        with Workspace.open(path, create=create) as workspace:
            for text in reconcile(workspace):
                note(text)
            yield workspace
            for damage in workspace.damage:
                note(f"warning: {workspace.path}: left out {damage}")
    except WorkspaceError as error:
        fail(f"error: {error}", ExitCode.BAD_INPUT)


@contextmanager
def registration(work: Path | None) -> Iterator[Callable[[RunResult, RunOptions], None]]:
    """Keep an export in a workspace, which is opened before the export begins.

    Parameters
    ----------
    work : Path, optional
        The workspace file, made if it is missing; None to keep nothing.

    Yields
    ------
    callable
        To be called with what was written, and how.
    """
    if work is None:
        yield lambda _result, _options: None
        return
    with opened_workspace(work, create=True) as workspace:

        def register(result: RunResult, options: RunOptions) -> None:
            from napari_nx46.run.judge.kept_exports import register_export
            from napari_nx46.run.judge.verdict import run_name

            run = register_export(workspace, result, options)
            echo(f"kept as {run_name(run)} in {workspace.path}")

        yield register
