"""A workspace gives back campaigns, their tasks and results; rows are hostile until parsed."""

from __future__ import annotations

import contextlib
import hashlib
import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files.workspace import (
    SavedCampaign,
    SavedOutcome,
    SavedResult,
    SavedRun,
    SavedTask,
    Workspace,
    WorkspaceError,
    schema,
)
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.results import parse_slices, slices_bytes
from napari_nx46.setting import Setting


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


CAMPAIGN = SavedCampaign(
    name="matrix",
    identity=digest("identity"),
    details={"paths": ["data"], "score": True},
    image_ids=("a", "b"),
    settings={"second": Setting(quantile=0.9), "first": Setting(quantile=0.8)},
)
RESULT = SavedResult(
    key=digest("key"),
    metrics={"density": 0.25, "recall": 1},
    slices={"density": (0.25, 0.5), "continuity": (None, 0.125)},
    mask_sha256=digest("mask"),
    seconds=1.5,
)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "runs.sqlite") as opened:
        yield opened


@contextlib.contextmanager
def raw(workspace):
    connection = sqlite3.connect(workspace.path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def test_a_campaign_is_given_back_with_its_runs_in_order(workspace):
    number = workspace.campaigns.add(CAMPAIGN)
    kept = workspace.campaigns.one(number)
    assert kept.settings == CAMPAIGN.settings
    assert list(kept.settings) == ["second", "first"]
    assert (kept.name, kept.identity, kept.details) == (
        CAMPAIGN.name,
        CAMPAIGN.identity,
        CAMPAIGN.details,
    )
    assert (kept.image_ids, kept.time, kept.id) == (CAMPAIGN.image_ids, CAMPAIGN.time, number)
    workspace.campaigns.add_runs(number, {"0": Setting()})
    assert list(workspace.campaigns.one(number).settings) == ["second", "first", "0"]
    assert workspace.campaigns.newest_of(CAMPAIGN.identity) == workspace.campaigns.newest() == 1
    assert workspace.campaigns.newest_of(digest("other")) is None
    with pytest.raises(WorkspaceError, match=r"no readable campaign 9; the newest are: 1"):
        workspace.campaigns.one(9)
    with pytest.raises(WorkspaceError):
        workspace.campaigns.add_runs(number, {"first": Setting()})


def test_results_are_shared_by_campaigns_and_tasks_can_end_again(workspace):
    campaigns = workspace.campaigns
    first, second = campaigns.add(CAMPAIGN), campaigns.add(CAMPAIGN)
    failed = SavedTask("first", "b", error="cannot be read")
    campaigns.finish(first, SavedTask("first", "a", key=RESULT.key), RESULT)
    campaigns.finish(first, failed)
    campaigns.finish(second, SavedTask("second", "b", key=RESULT.key))
    assert campaigns.result(RESULT.key) == RESULT
    assert campaigns.result(RESULT.key, with_slices=False) == replace(RESULT, slices={})
    assert campaigns.result(digest("other")) is None
    assert campaigns.tasks(first) == (SavedTask("first", "a", key=RESULT.key), failed)
    campaigns.finish(first, SavedTask("first", "b", key=RESULT.key))
    assert campaigns.tasks(first)[-1] == SavedTask("first", "b", key=RESULT.key)
    assert campaigns.tasks(second) == (SavedTask("second", "b", key=RESULT.key),)


@pytest.mark.parametrize(
    "task",
    [SavedTask("first", "a"), SavedTask("first", "a", key=RESULT.key, error="x")],
)
def test_a_task_ends_with_a_result_or_an_error(workspace, task):
    number = workspace.campaigns.add(CAMPAIGN)
    with pytest.raises(ValueError, match="both or none"):
        workspace.campaigns.finish(number, task)


def test_a_task_of_no_run_or_without_its_result_is_not_kept(workspace):
    number = workspace.campaigns.add(CAMPAIGN)
    for task in (SavedTask("third", "a", error="x"), SavedTask("first", "a", key=digest("no"))):
        with pytest.raises(WorkspaceError):
            workspace.campaigns.finish(number, task)
    assert workspace.campaigns.tasks(number) == ()


def test_outcomes_refer_to_the_exported_run(workspace):
    number = workspace.campaigns.add(CAMPAIGN)
    exported = workspace.add_run(SavedRun(settings={"a": Setting()}))
    outcomes = (
        SavedOutcome("second", checked=True, fault="no valid mask"),
        SavedOutcome("first", True, None, digest("zip"), exported, {"decision": "accepted"}),
    )
    workspace.campaigns.set_outcomes(number, outcomes)
    assert workspace.campaigns.outcomes(number) == outcomes
    with pytest.raises(ValueError, match="not checked"):
        workspace.campaigns.set_outcomes(number, [SavedOutcome("first", fault="x")])


def test_settings_of_campaigns_outlive_their_other_users(workspace):
    number = workspace.campaigns.add(CAMPAIGN)
    setting = CAMPAIGN.settings["first"]
    workspace.set_pin("A", setting)
    workspace.remove_pin("A")
    assert workspace.campaigns.one(number).settings["first"] == setting


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE campaigns SET image_ids = '[\"../a\"]'", "campaigns"),
        ("UPDATE campaigns SET image_ids = '[1]'", "campaigns"),
        ("UPDATE campaigns SET image_ids = '{}'", "campaigns"),
        ("UPDATE campaigns SET details = '[]'", "campaigns"),
        ("UPDATE campaigns SET name = 5.5, identity = 'x'", "campaigns"),
        ("UPDATE campaign_runs SET run_id = '' WHERE run_id = 'first'", "campaigns"),
        ("UPDATE campaign_tasks SET error = 'x'", "campaign_tasks"),
        ("UPDATE campaign_tasks SET image_id = 'a/b'", "campaign_tasks"),
        ("UPDATE campaign_results SET slices = x'00'", "campaign_results"),
        ("UPDATE campaign_results SET slices = 'text'", "campaign_results"),
        ('UPDATE campaign_results SET slice_figures = \'["a","a"]\'', "campaign_results"),
        ("UPDATE campaign_results SET slice_figures = '[]'", "campaign_results"),
        ("UPDATE campaign_results SET slice_figures = '[5, null]'", "campaign_results"),
        ("UPDATE campaign_results SET slices = x'000000000000f07f'", "campaign_results"),
        ('UPDATE campaign_results SET metrics = \'{"a": "b"}\'', "campaign_results"),
        ("UPDATE campaign_results SET mask_sha256 = 'beef'", "campaign_results"),
        ("UPDATE campaign_runs SET checked = 'x'", "campaign_runs"),
        ("UPDATE campaign_runs SET verdict = '[]'", "campaign_runs"),
    ],
)
def test_what_a_stranger_wrote_is_left_out_and_reported(workspace, statement, table):
    campaigns = workspace.campaigns
    number = campaigns.add(CAMPAIGN)
    campaigns.finish(number, SavedTask("first", "a", key=RESULT.key), RESULT)
    with raw(workspace) as connection:
        connection.execute(statement)
    campaigns.all()
    campaigns.tasks(number)
    campaigns.result(RESULT.key)
    campaigns.outcomes(number)
    assert table in {damage.table for damage in workspace.damage}


def test_a_file_of_the_first_version_gets_the_tables(tmp_path):
    path = tmp_path / "runs.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    schema.migrate(connection, path, replace(schema.WORKSPACE, migrations=schema.MIGRATIONS[:1]))
    connection.execute("INSERT INTO state VALUES ('key', '5')")
    connection.close()
    with Workspace.open(path) as workspace:
        assert workspace.state("key") == 5
        assert workspace.campaigns.one(workspace.campaigns.add(CAMPAIGN)).name == "matrix"


figures = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.integers(0, 5).flatmap(
        lambda depth: st.dictionaries(
            st.text(min_size=1, max_size=8), st.tuples(*[figures] * depth), max_size=4
        )
    )
)
def test_figures_of_slices_are_given_back_bit_for_bit(slices):
    import json

    found = parse_slices(json.dumps(list(slices)), slices_bytes(slices))
    assert found == slices


@pytest.mark.parametrize(
    "slices",
    [{"a": (1.0,), "b": ()}, {"a": (math.inf,)}, {"a": (0.0,) * 400_000}, {"a": (math.nan,)}],
)
def test_figures_of_slices_that_could_not_be_read_back_are_refused(slices):
    with pytest.raises((ValueError, RowError)):
        slices_bytes(slices)
