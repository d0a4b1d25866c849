"""A display to open a window on: the user's, or a virtual one of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SCREEN = "1600x1000x24"
ENDS_WITHIN_SECONDS = 5


class DisplayError(RuntimeError):
    """There is no display, and none can be made."""


def has_display() -> bool:
    """Return whether a window would be seen by somebody."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def virtual_display() -> Iterator[str]:
    """Start Xvfb for as long as the block lasts, and let Qt use it.

    Yields
    ------
    str
        The display's name, ``:99`` for example; it is in ``DISPLAY`` too.

    Raises
    ------
    DisplayError
        If Xvfb is not installed or does not start.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise DisplayError(
            "there is no display, and Xvfb is not installed: apt-get install xvfb, or set DISPLAY"
        )
    read_end, write_end = os.pipe()
    arguments = [program, "-displayfd", str(write_end), "-screen", "0", SCREEN, "-nolisten", "tcp"]
    with subprocess.Popen(
        arguments, pass_fds=(write_end,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        os.close(write_end)
        with os.fdopen(read_end) as answer:
            number = answer.readline().strip()
        try:
            if not number:
                raise DisplayError(f"{program} did not start")
            yield from _as_display(f":{number}")
        finally:
            server.terminate()
            server.wait(ENDS_WITHIN_SECONDS)


def _as_display(name: str) -> Iterator[str]:
    """Set the environment that Qt reads, and put it back."""
    changed = {"DISPLAY": name, "QT_QPA_PLATFORM": "xcb"}
    before = {variable: os.environ.get(variable) for variable in changed}
    os.environ.update(changed)
    try:
        yield name
    finally:
        for variable, value in before.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
