"""What the commands print, and how they end."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, Protocol, TextIO

import typer

from napari_nx46.files.extras import how_to_install
from napari_nx46.files.volumes.notes import VolumeWarning

if TYPE_CHECKING:
    from napari_nx46.files.submission.writing import Progress

Parameters = ParamSpec("Parameters")

_PERCENT = 100


class _Update(Protocol):
    """Shows what a bar is at."""

    def __call__(self, description: str, completed: int, new_total: int | None = None) -> None:
        """Change description, what is done and, if it is given, the total."""


class ExitCode(IntEnum):
    """What the exit code of the process means."""

    CHECK_FAILED = 1
    BAD_INPUT = 2
    CANCELLED = 130


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Let a command end with one clear message and an exit code, where the input is at fault.

    Parameters
    ----------
    command : callable
        What is not the user's fault is raised on, with its traceback.
    """

    @wraps(command)
    def ending_well(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            with volume_notes():
                command(*args, **kwargs)
        except BrokenPipeError:
            raise  # nobody reads the output any more: typer ends without a word
        # The expressions below are evaluated, and import what they name, only after a failure.
        except _cancellations():
            fail("cancelled", ExitCode.CANCELLED)
        except _failed_checks() as error:
            fail(f"error: {error}", ExitCode.CHECK_FAILED)
        except _bad_inputs() as error:
            fail(f"error: {_reported(error)}", ExitCode.BAD_INPUT)
        except ImportError as error:
            if (text := how_to_install(error)) is None:
                raise
            fail(f"error: {text}", ExitCode.BAD_INPUT)

    return ending_well


def fail(message: str, code: ExitCode) -> NoReturn:
    """End the command.

    Parameters
    ----------
    message : str
        Printed on stderr.
    code : ExitCode
    """
    note(message)
    raise typer.Exit(int(code))


def note(message: str) -> None:
    """Print a line on stderr."""
    echo(message, err=True)


def echo(text: str, *, err: bool = False) -> None:
    """Print lines, by default on stdout; control characters in them are escaped.

    Names of files may hold any: a terminal would obey escape sequences, and bytes that are not
    UTF-8 could not be encoded.

    Parameters
    ----------
    text : str
        One line or several.
    err : bool
        Print on stderr.
    """
    from napari_nx46.files.naming import escape_unprintable

    typer.echo("\n".join(map(escape_unprintable, text.split("\n"))), err=err)


@contextmanager
def volume_notes() -> Iterator[None]:
    """Print the notes about volumes on stderr, each once, as long as the block lasts."""
    printed: set[str] = set()
    show_other = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if not issubclass(category, VolumeWarning):
            show_other(message, category, filename, lineno, file, line)
        elif str(message) not in printed:
            printed.add(str(message))
            note(f"note: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", VolumeWarning)
        warnings.showwarning = show
        yield


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout: as wide as its values, on a terminal with a rule under the head.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequence of str
        As many cells each as there are columns.
    """
    if sys.stdout.isatty():
        _print_rich_table(columns, rows)
        return
    lines = [columns, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        echo("  ".join(cells).rstrip())


@contextmanager
def progress_bar(title: str, slices: int) -> Iterator[Progress]:
    """Show the progress through the slices of all fragments on stderr, if that is a terminal.

    Parameters
    ----------
    title : str
        What is being done.
    slices : int
        Slices of all fragments together.

    Yields
    ------
    callable
        To be called with image_id, slices done and slices in all of that fragment.
    """
    done: dict[str, int] = {}
    with _bar(title, slices) as update:

        def advance(image_id: str, slices_done: int, _of: int) -> None:
            done[image_id] = slices_done
            update(f"{title} {image_id}", sum(done.values()))

        yield advance


@contextmanager
def share_bar(title: str) -> Iterator[Callable[[float], None]]:
    """Show which share of some work is done on stderr, if that is a terminal.

    Parameters
    ----------
    title : str
        What is being done.

    Yields
    ------
    callable
        To be called with the share, in [0, 1].
    """
    with _bar(title, _PERCENT) as update:
        yield lambda share: update(title, round(_PERCENT * share))


@contextmanager
def counting_bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show how much of a growing number of things is done on stderr, if that is a terminal.

    Parameters
    ----------
    title : str
        What is being done.

    Yields
    ------
    callable
        To be called with what is being done now, how many are done, and how many there are.
    """
    with _bar(title, None) as update:
        yield update


@contextmanager
def interruptible() -> Generator[Callable[[], bool], None, None]:
    """Let Ctrl-C cancel the work between two slices, so that it can clear up behind itself.

    A second Ctrl-C interrupts at once.

    Yields
    ------
    callable
        Returns True once Ctrl-C was pressed.
    """
    pressed = threading.Event()

    def press(_signal: int, _frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(title: str, total: int | None) -> Iterator[_Update]:
    """Show a bar; yield what is called with its description, what is done, and a new total."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False),
        transient=True,
        # Else results that are piped away would go to the terminal while the bar is shown.
        redirect_stdout=sys.stdout.isatty(),
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(title, total=total)

        def update(description: str, completed: int, new_total: int | None = None) -> None:
            bar.update(task, description=description, completed=completed, total=new_total)

        yield update


def _print_rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        *columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


def _cancellations() -> tuple[type[BaseException], ...]:
    from napari_nx46.voxels.workers import Cancelled

    return KeyboardInterrupt, Cancelled


def _failed_checks() -> tuple[type[Exception], ...]:
    from napari_nx46.files.submission.writing import SubmissionError

    return (SubmissionError,)


def _bad_inputs() -> tuple[type[Exception], ...]:
    from napari_nx46.data.fragments import FragmentError, VolumeError
    from napari_nx46.files.submission.mask_tiff import MaskError
    from napari_nx46.scale.plan.errors import ApplyError
    from napari_nx46.setting import SettingError

    return FragmentError, VolumeError, SettingError, MaskError, ApplyError, OSError, MemoryError


def _reported(error: Exception) -> str:
    from napari_nx46.files.atomic import WriteError

    if isinstance(error, MemoryError):
        return f"not enough memory ({error}); give less with --memory, or fewer --workers"
    if isinstance(error, OSError) and not isinstance(error, WriteError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
