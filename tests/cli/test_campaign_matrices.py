"""The command nx46 campaign matrices."""

from __future__ import annotations

import json

from napari_nx46.campaign.plan.matrix import parse_matrix, read_plan, shipped_matrices
from napari_nx46.setting import Setting
from tests.command import nx46, nx46_here


def test_the_table_says_every_run_with_the_knobs_that_differ():
    ran = nx46("campaign", "matrices")
    assert (ran.returncode, ran.stderr) == (0, "")
    head, *rows = [line.split(maxsplit=2) for line in ran.stdout.splitlines()]
    assert head == ["matrix", "run", "knobs"]
    assert [row[:2] for row in rows] == [
        [name, run.run_id] for name in shipped_matrices() for run in read_plan(name).runs
    ]
    assert rows[0][2] == "blend=0.68 quantile=0.97"
    assert rows[10][2] == "rule=adaptive"


def test_json_gives_lists_that_a_matrix_file_may_hold():
    printed = nx46_here("campaign", "matrices", "--json").stdout
    assert set(json.loads(printed)) == set(shipped_matrices())
    for name in shipped_matrices():
        read_back = parse_matrix(printed.encode(), name, Setting(), key=name)
        assert read_back == read_plan(name)
