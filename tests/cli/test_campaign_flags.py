"""What the flags of a campaign ask for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from napari_nx46.campaign.execute.suggest import Search
from napari_nx46.campaign.plan.faults import PlanError
from napari_nx46.campaign.plan.grid import grid_plan
from napari_nx46.campaign.plan.matrix import read_plan
from napari_nx46.cli.flags.campaign import CampaignDataFlags, PlanFlags, asked_campaign
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.setting import Setting

DATA = Path("data")


@pytest.fixture(autouse=True)
def _no_knobs_in_the_environment(monkeypatch):
    monkeypatch.delenv("NX46_THRESHOLD_QUANTILE", raising=False)


def asked(*paths, knobs=None, **flags):
    data = CampaignDataFlags([Path(path) for path in paths])
    return asked_campaign(PlanFlags(**flags), data, KnobFlags(knobs=knobs or {}))


def test_a_matrix_stands_before_the_data_and_knobs_under_it(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"x": [{"run_id": "a", "blend": 0.1}]}))
    found = asked(f"{path}:x", "p3d.tif", "p2d.tif", knobs={"closing_z": 2, "blend": 0.3})
    assert found.data.paths == [Path("p3d.tif"), Path("p2d.tif")]
    (run,) = found.plan.runs
    assert (run.run_id, run.setting) == ("a", Setting(blend=0.1, closing_z=2))
    assert asked("nx46-v7.5", DATA).plan == read_plan("nx46-v7.5")


def test_a_grid_stands_for_the_matrix():
    axes = ["quantile=0.9,0.95", "blend=0.5"]
    found = asked(DATA, grid=axes, knobs={"z_radius": 1})
    assert found.data.paths == [DATA]
    assert found.plan == grid_plan(axes, Setting(z_radius=1))


def test_a_search_stands_for_the_matrix(monkeypatch):
    monkeypatch.setenv("NX46_THRESHOLD_QUANTILE", "0.5")
    found = asked(DATA, suggest=7, vary=["z_radius=0:4"], seed=3, band="0.1:0.2")
    assert found.data.paths == [DATA]
    assert found.plan == Search(
        runs=7,
        objective="leaderboard",
        vary=("z_radius=0:4",),
        base=Setting(quantile=0.5),
        seed=3,
        band=(0.1, 0.2),
    )


@pytest.mark.parametrize(
    ("paths", "flags", "message"),
    [
        ([DATA], {}, "found 'data' alone"),
        ([DATA], {"grid": ["blend=0.5"], "suggest": 3}, "found --suggest as well"),
        ([DATA], {"grid": ["blend=0.5"], "vary": ["blend=0:1"]}, "found no --suggest"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(paths, flags, message):
    with pytest.raises(typer.BadParameter, match=message):
        asked(*paths, **flags)


@pytest.mark.parametrize(
    ("paths", "flags", "messages"),
    [
        (["none.json", DATA], {}, ["no such file"]),
        ([DATA], {"grid": ["blend=2", "quantil=0.9"]}, ["blend: Input", "did you mean quantile"]),
        ([DATA], {"suggest": 3}, ["nothing to vary"]),
        ([DATA], {"suggest": 3, "vary": ["blend=0:2", "no=1"]}, ["blend: Input", "no such knob"]),
    ],
)
def test_plans_that_cannot_be_run_are_refused_with_all_faults(paths, flags, messages):
    with pytest.raises(PlanError) as caught:
        asked(*paths, **flags)
    for message in messages:
        assert message in str(caught.value)
