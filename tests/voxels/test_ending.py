"""What has threads is closed when the program ends, before they are waited for."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from napari_nx46.voxels.ending import close_at_exit

WAITING = """
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from napari_nx46.voxels.ending import close_at_exit

    class Waiting:
        def __init__(self, name):
            self.name, self.closed = name, threading.Event()
            close_at_exit(self.close)

        def close(self):
            print("closed", self.name)
            self.closed.set()
"""


def output_of(*parts):
    """Return what a program printed that ended by itself."""
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(map(textwrap.dedent, parts))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=waiting.closed.wait).start()",
        "ThreadPoolExecutor(1).submit(waiting.closed.wait)",
    ],
    ids=["thread", "executor"],
)
def test_a_thread_that_waits_does_not_keep_the_program_from_ending(start):
    assert output_of(WAITING, "waiting = Waiting('it')", start) == ["closed it"]


def test_what_is_gone_is_not_closed_and_the_newest_is_closed_first():
    lines = "first, gone, last = map(Waiting, ('first', 'gone', 'last'))\ndel gone"
    assert output_of(WAITING, lines) == ["closed last", "closed first"]


def test_a_function_that_no_object_has_is_refused():
    with pytest.raises(TypeError, match="expected a method"):
        close_at_exit(lambda: None)
