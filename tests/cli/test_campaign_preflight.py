"""What is printed of a campaign before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from napari_nx46.campaign.execute.suggest import Objective
from napari_nx46.campaign.plan.estimate import result_bytes
from napari_nx46.cli.commands.campaign.preflight import check_campaign, duration
from napari_nx46.cli.flags.campaign import CampaignDataFlags, PlanFlags, asked_campaign
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.data.fragments import open_data
from tests.run.data import write_fragments


@pytest.fixture
def root(tmp_path):
    write_fragments(tmp_path / "data")
    return tmp_path / "data"


def check(*paths, **flags):
    data = CampaignDataFlags([Path(path) for path in paths])
    asked = asked_campaign(PlanFlags(**flags), data, KnobFlags())
    check_campaign(asked, workers=2, leaderboard=True, work=None)


def test_runs_fragments_and_estimates_are_printed(root, capsys):
    check("nx46-v7.5", root)
    printed = capsys.readouterr()
    assert printed.err == f"note: {root / 'p3d'} has no volume of c\n"
    lines = printed.out.splitlines()
    assert lines[1].split() == ["v7.5-run-01", "blend=0.68", "quantile=0.97"]
    assert lines[12].split(maxsplit=2)[:2] == ["a", "9x20x17"]
    assert "p3d=b.tif float16, p2d=b.tif uint16" in lines[13]
    counts, seconds, *others = lines[15:]
    assert counts == "nx46-v7.5: runs 10, fragments 3, tasks 30"
    assert seconds.startswith("estimated time: ")
    assert seconds.endswith("with workers 2 (from 4 settings on 3060 voxels of fragment a)")
    assert others == [
        f"estimated memory: {9 * 20 * 17 * (5 + 8) / 1024:.1f} KiB a worker",
        f"estimated disk: {result_bytes(open_data(root).fragments, 10) / 1024:.1f} KiB",
        "nothing was run, nothing was written",
    ]


def test_of_a_search_the_first_runs_are_shown(root, capsys):
    check(root, suggest=9, vary=["z_radius=0:4"], batch=2, objective=Objective.DENSITY)
    printed = capsys.readouterr().out
    assert "... and 7 more" in printed
    assert "search: runs 9, fragments 3, tasks 27" in printed


def test_what_does_not_fit_gives_the_exit_code_of_a_failed_check(root, capsys):
    with pytest.raises(typer.Exit) as ended:
        check(root, grid=["source=gradient,probabilities"])
    assert ended.value.exit_code == 1
    printed = capsys.readouterr()
    assert printed.err.count("error: fragment") == 2
    assert "(runs source=gradient)" in printed.err
    assert "tasks 6" in printed.out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "less than a second"), (42.4, "42 s"), (90, "1.5 min"), (7200, "2.0 h")],
)
def test_durations_have_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text
