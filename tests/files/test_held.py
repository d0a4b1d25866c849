"""Files that one holder at a time writes to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_nx46.files.held import hold

HOLDS = """
import sys
from pathlib import Path
from napari_nx46.files.held import hold
held = hold(Path(sys.argv[1]))
print(held.number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a" / "workspace.sqlite"


def test_who_comes_later_has_a_file_of_its_own_until_the_first_is_free(file):
    first, second, third = hold(file), hold(file), hold(file)
    names = [held.path.name for held in (first, second, third)]
    assert names == ["workspace.sqlite", "workspace-2.sqlite", "workspace-3.sqlite"]
    assert [held.number for held in (first, second, third)] == [1, 2, 3]
    first.release()
    first.release()
    again = hold(file)
    assert again.path == file
    assert hold(second.path).number == 2  # of the numbered file, which is held
    for held in (again, second, third):
        held.release()
    assert hold(file).path == file


def test_nothing_is_left_but_what_was_written(file):
    hold(file).release()
    assert not file.parent.exists()
    held = hold(file)
    file.write_text("kept")
    held.release()
    assert [path.name for path in file.parent.iterdir()] == ["workspace.sqlite"]


def test_another_process_holds_its_file_as_long_as_it_lives(file):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().strip() == b"1"
        here = hold(file)
        assert here.number == 2
        process.kill()
        process.wait()
    here.release()
    assert hold(file).number == 1


def test_where_no_lock_can_be_made_the_file_itself_is_returned(tmp_path):
    (tmp_path / "a").write_text("a file, not a folder")
    held = hold(tmp_path / "a" / "workspace.sqlite")
    assert (held.path.name, held.number) == ("workspace.sqlite", 1)
    held.release()
