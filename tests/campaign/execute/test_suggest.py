"""Searches: the same suggestions from the same seed, also after an interruption."""

from __future__ import annotations

import optuna
import pytest

from napari_nx46.campaign.execute.suggest import (
    Objective,
    Search,
    Suggester,
    check_objective,
    objective_value,
    sampler_record,
)
from napari_nx46.campaign.plan.faults import PlanError
from napari_nx46.campaign.records.results import FragmentResult, TaskState
from napari_nx46.setting import Setting

VARY = ("quantile=0.9:0.99", "z_radius=0:4", "closing_z=0,1,2", "opening=true,false")


def search(*vary, runs=18, objective=Objective.LEADERBOARD, **more):
    return Search(runs=runs, objective=objective, vary=vary or VARY, **more)


def worth(run):
    """Return what a run is worth here: best at quantile 0.93 and z-radius 3; some runs fail."""
    setting = run.setting
    if setting.closing_z == 1 and setting.z_radius == 0:
        return None
    return -abs(setting.quantile - 0.93) - 0.01 * abs(setting.z_radius - 3)


def driven(suggester, batches=1000):
    """Run a search to its end, or for some batches, and return its runs."""
    runs = []
    while batches and not suggester.finished:
        batch = suggester.ask()
        suggester.tell([worth(run) for run in batch])
        runs += batch
        batches -= 1
    return runs


@pytest.fixture(scope="module")
def undisturbed():
    suggester = Suggester(search())
    return suggester, driven(suggester)


def test_a_search_suggests_so_many_different_settings_on_the_knobs_own_steps(undisturbed):
    suggester, runs = undisturbed
    assert suggester.finished
    assert suggester.ask() == ()
    suggested = [f"suggested-{n:04d}" for n in range(1, 18)]
    assert [run.run_id for run in runs] == ["start", *suggested]
    assert suggester.search.run_ids == ("start", *suggested)
    assert runs[0].setting == Setting()
    assert len({run.setting for run in runs}) == 18
    for run in runs:
        assert run.setting == Setting(
            quantile=run.setting.quantile,
            z_radius=run.setting.z_radius,
            closing_z=run.setting.closing_z,
            opening=run.setting.opening,
        )
        assert run.setting.quantile in [n / 1000 for n in range(900, 991)]
        assert run.setting.z_radius <= 4
        assert run.setting.closing_z <= 2


def test_the_seed_alone_makes_the_suggestions(undisturbed):
    _, runs = undisturbed
    assert driven(Suggester(search())) == runs
    assert driven(Suggester(search(seed=1))) != runs


def test_what_was_reported_counts(undisturbed):
    _, runs = undisturbed
    other, otherwise = Suggester(search()), []
    while not other.finished:
        otherwise += other.ask()
        other.tell([run.setting.quantile for run in other.pending])
    assert otherwise[:4] == runs[:4]
    assert otherwise != runs
    aimed = [abs(run.setting.quantile - 0.93) for run in runs]
    assert sum(aimed[-6:]) / 6 < sum(aimed[:10]) / 10


@pytest.mark.parametrize(
    ("base", "vary"),
    [
        (Setting(quantile=0.9555), VARY),  # between two steps
        (Setting(rule="probability"), VARY),
        (Setting(blend=0.3), ("closing_z=0,1,2", "z_radius=1:6")),
    ],
    ids=("off the steps", "another rule", "on the steps"),
)
def test_a_search_starts_from_the_setting_under_it_whatever_is_varied(base, vary):
    runs = driven(Suggester(search(*vary, base=base, runs=9)))
    assert (len(runs), runs[0].run_id, runs[0].setting) == (9, "start", base)
    assert base not in [run.setting for run in runs[1:]]


def test_a_search_of_an_older_version_goes_on_without_the_setting_under_it():
    old = search(runs_base=False)
    runs = driven(Suggester(old))
    assert [run.run_id for run in runs] == [f"suggested-{n:04d}" for n in range(1, 19)]
    assert tuple(run.run_id for run in runs) == old.run_ids


def test_what_another_sampler_suggested_stays_and_counts(undisturbed):
    _, runs = undisturbed
    other = driven(Suggester(search(seed=1)))[:8]
    kept = {run.run_id: run.setting for run in other}
    suggester = Suggester(search(), kept)
    found = driven(suggester)
    assert suggester.differs
    assert found[:8] == other
    assert len({run.setting for run in found}) == len(found) == 18
    assert found[8:] != runs[8:]
    same = Suggester(search(), {run.run_id: run.setting for run in runs[:8]})
    assert driven(same) == runs
    assert not same.differs


def test_the_sampler_is_recorded_with_its_version_and_settings():
    assert sampler_record() == {
        "name": "optuna TPESampler",
        "version": optuna.__version__,
        "n_startup_trials": 10,
        "multivariate": True,
        "constant_liar": True,
    }


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_search_that_was_interrupted_goes_on_as_if_it_had_not_been(undisturbed, batches):
    whole, runs = undisturbed
    stopped = Suggester(search())
    before = driven(stopped, batches)
    pending = stopped.ask()
    # What is kept of the search goes through JSON; of the batch that was cut off one run is done.
    resumed = Suggester(Search.model_validate_json(stopped.search.model_dump_json()))
    resumed.replay({**stopped.reported, pending[0].run_id: worth(pending[0])})
    assert resumed.reported == stopped.reported
    assert resumed.ask() == pending
    assert before + driven(resumed) == runs
    assert resumed.reported == whole.reported


def test_a_batch_stays_until_it_is_reported_whole():
    suggester = Suggester(search(batch=3))
    assert suggester.pending == ()
    batch = suggester.ask()
    assert len(batch) == 3
    assert suggester.ask() == suggester.pending == batch
    with pytest.raises(ValueError, match="found 1 values, expected 3"):
        suggester.tell([0.5])
    with pytest.raises(ValueError, match="finite"):
        suggester.tell([0.5, float("nan"), None])
    assert suggester.ask() == batch
    suggester.tell([0.5, None, 0.1])
    assert list(suggester.reported.values()) == [0.5, None, 0.1]


def test_a_search_without_new_settings_ends_before_its_number():
    suggester = Suggester(search("closing_z=0,1", "z_radius=1:2", runs=50))
    settings = [run.setting for run in driven(suggester)]
    assert suggester.finished
    assert len(settings) == len(set(settings)) == 4


def test_knobs_that_do_not_go_together_are_never_suggested():
    vary = "low_quantile=0.8:0.99", "quantile=0.8:0.99"
    runs = driven(Suggester(search(*vary, runs=40)))
    assert len(runs) == 40
    assert all(run.setting.low_quantile <= run.setting.quantile for run in runs)
    never = Suggester(search("low_quantile=0.9:0.95", base=Setting(quantile=0.5)))
    with pytest.raises(PlanError, match=r"above quantile, which is 0\.5"):
        never.ask()


@pytest.mark.parametrize(
    ("vary", "messages"),
    [
        (("quantil=0.9:0.99", "blend=0:2"), ("mean quantile?", "blend: Input should be less")),
        (("quantile=0.9:0.99", "probability=0.1:0.5"), ("probability: belongs to rule",)),
        (("quantile=0.9:0.8",), ("lower end first",)),
        (("quantile=a:b",), ("LOW:HIGH or LOW:HIGH:STEP",)),
    ],
)
def test_what_cannot_be_varied_is_refused_all_at_once(vary, messages):
    with pytest.raises(PlanError) as caught:
        Suggester(search(*vary))
    assert all(message in str(caught.value) for message in messages)


def test_a_search_over_nothing_and_a_band_upside_down_are_refused():
    with pytest.raises(PlanError, match="nothing to vary"):
        Suggester(Search(runs=1, objective="recall", vary=()))
    with pytest.raises(ValueError, match="down to"):
        search(band=(0.2, 0.1))


def results(*metrics, state=TaskState.DONE):
    return [
        FragmentResult("a", str(number), state, metrics=figures)
        for number, figures in enumerate(metrics)
    ]


@pytest.mark.parametrize(
    ("objective", "metrics", "value"),
    [
        ("leaderboard", [{"leaderboard_score": 0.4}, {"leaderboard_score": 0.6}, {}], 0.5),
        ("leaderboard", [{"density": 0.1}], None),
        ("density", [{"density": 0.1}, {"density": 0.16}, {"density": 0.04}], -0.02),
        ("density", [{}], None),
        ("recall", [{"density": 0.12, "recall": 0.9}, {"density": 0.06, "recall": 0.5}], 0.7),
        ("recall", [{"density": 0.5, "recall": 1.0}], -0.38),
        ("recall", [{"density": 0.1}], None),
    ],
)
def test_the_worth_of_a_run_is_a_mean_over_its_fragments(objective, metrics, value):
    aim = search(objective=objective)
    expected = value if value is None else pytest.approx(value)
    assert objective_value(aim, results(*metrics)) == expected
    failed = results({"leaderboard_score": 1.0, "density": 1.0, "recall": 1.0}, state="failed")
    assert objective_value(aim, [*results(*metrics), *failed]) == expected


@pytest.mark.parametrize(
    ("objective", "has_labels", "leaderboard", "message"),
    [
        ("density", False, False, None),
        ("recall", True, False, None),
        ("leaderboard", True, True, None),
        ("recall", False, True, "no fragment has a label"),
        ("leaderboard", False, True, "no fragment has a label"),
        ("leaderboard", True, False, "not to be computed"),
    ],
)
def test_an_objective_that_no_run_will_have_is_refused(objective, has_labels, leaderboard, message):
    aim = search(objective=objective)
    if message is None:
        check_objective(aim, has_labels=has_labels, leaderboard=leaderboard)
        return
    with pytest.raises(PlanError, match=f"--objective {objective}: .*{message}"):
        check_objective(aim, has_labels=has_labels, leaderboard=leaderboard)
