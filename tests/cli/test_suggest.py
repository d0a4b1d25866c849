"""``nx46 suggest``: the best setting of a search, in a file at any time."""

from __future__ import annotations

import json

import pytest

from napari_nx46.files.settings import read_setting
from napari_nx46.setting import preset
from tests.command import nx46_here
from tests.run.suggest.data import write_labelled


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_labelled(root)
    return root


ASKED = ("--preset", "nx46-v7.5", "--evaluations", 20)


def test_the_setting_is_written_with_a_journal_beside_it(data, tmp_path):
    out = tmp_path / "found.json"
    result = nx46_here("suggest", data, *ASKED, "--out", out)
    assert result.exit_code == 0, result.output
    assert "20 settings tried" in result.stdout
    assert f"wrote {out}" in result.stdout
    found = read_setting(out)
    assert found != preset("nx46-v7.5")
    journal = tmp_path / "found.json.journal"
    rows = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    assert {row["image_id"] for row in rows} == {"f0", "f1"}
    # The same command goes on, and finds that nothing is left to do.
    size = journal.stat().st_size
    again = nx46_here("suggest", data, *ASKED, "--out", out)
    assert (again.exit_code, journal.stat().st_size) == (0, size)
    assert again.stdout == result.stdout
    assert read_setting(out) == found


def test_only_the_knobs_that_are_asked_for_vary(data, tmp_path):
    out = tmp_path / "found.json"
    asked = ("--knobs", "opening,closing-z", "--knobs", "quantile=0.9:0.99:0.01")
    result = nx46_here("suggest", data, *ASKED, *asked, "--out", out)
    assert result.exit_code == 0, result.output
    vary = dict.fromkeys(("opening", "closing_z", "quantile"))
    assert read_setting(out).model_copy(update=vary) == preset("nx46-v7.5").model_copy(update=vary)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--knobs", "no-such"), "no such knob"),
        (("--knobs", "split_thick"), "has no usual range here"),
        (("--knobs", "blend=0.5"), "found 1 values"),
        (("--knobs", "blend=0:2"), "blend"),
        (("--domain", "dataset"), "nx46 freeze"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    data, tmp_path, arguments, words
):
    out = tmp_path / "found.json"
    result = nx46_here("suggest", data, *ASKED, *arguments, "--out", out)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not list(tmp_path.iterdir())
