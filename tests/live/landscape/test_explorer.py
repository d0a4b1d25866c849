"""Landscapes are explored beside the session, which changes only when a point is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_nx46 import leaderboard
from napari_nx46.files.workspace import SavedLandscape, Workspace
from napari_nx46.live.history.session_store import SessionStore
from napari_nx46.live.landscape.coding import LandscapeFault, landscape_of, saved_landscape
from napari_nx46.live.masks.pins import Pins
from napari_nx46.run.landscape.landscape import (
    Axis,
    Landscape,
    LandscapeRequest,
    PointScore,
)
from napari_nx46.run.whole_mask import mask_of_fragment
from napari_nx46.setting import Setting
from tests.live.driver import Clock
from tests.live.landscape.conftest import made_up

CLOSING = Axis.of("closing_z", range(5), 0, 4)
BORDER = Axis.of("border", range(21), 0, 4)
NAMES = ("closing_z", "border")
MAP = (CLOSING, BORDER)


def test_the_exact_scores_are_there_and_a_point_is_taken_to_the_sliders(new_exploring):
    exploring = new_exploring(exact=True)
    explorer, session = exploring.explorer, exploring.session
    before = session.setting
    objects = Axis.of("smallest_object", (0, 5, 50), 0, 4)
    explorer.begin((CLOSING, objects), 15)
    assert explorer.running
    exploring.wait()
    assert session.setting == before
    landscape = explorer.landscape(("closing_z", "smallest_object"))
    assert len(landscape.scores) == 15
    explorer.take(landscape, landscape.best)
    assert session.setting == landscape.request.setting_at(landscape.best) != before
    assert explorer.is_current(landscape)
    mask = mask_of_fragment(session.dataset, "a", session.setting)
    expected = leaderboard.score(mask, session.fragment.label.read())
    assert landscape.scores[landscape.best] == PointScore.of(expected)
    scores = exploring.scores
    exploring.driver.loop.run_until(lambda: session.settled and scores.scores.fragment.is_current)
    assert scores.scores.fragment.result.value == expected.value


def test_what_is_cancelled_keeps_its_points_and_goes_on(new_exploring):
    exploring = new_exploring()
    explorer = exploring.explorer
    exploring.most = 10
    explorer.begin(MAP, 40)
    exploring.hold()
    assert (explorer.progress.done, explorer.progress.total) == (10, 40)
    assert len(explorer.landscape(NAMES).scores) == 10
    explorer.cancel()
    exploring.wait()
    assert explorer.progress is None
    first = explorer.landscape(NAMES)
    assert len(first.scores) in (10, 11)
    exploring.most = None
    asked = len(exploring.settings)
    explorer.begin(MAP, 40)
    exploring.wait()
    landscape = explorer.landscape(NAMES)
    assert first.scores.items() < landscape.scores.items()
    assert len(exploring.settings) - asked == 1 + len(landscape.scores) - len(first.scores)


def test_the_latest_request_wins(new_exploring):
    exploring = new_exploring()
    explorer = exploring.explorer
    exploring.most = 3
    explorer.begin(MAP, 40)
    exploring.hold()
    exploring.most = None
    explorer.begin((BORDER,), 12)
    exploring.wait()
    exploring.driver.loop.run()
    assert len(explorer.landscape(NAMES).scores) == 3
    assert len(explorer.landscape(("border",)).scores) == 12


def test_it_is_of_other_knobs_or_corrections_once_these_change(new_exploring):
    exploring = new_exploring()
    explorer, session = exploring.explorer, exploring.session
    explorer.begin(MAP, 25)
    exploring.wait()
    landscape = explorer.landscape(NAMES)
    session.change(closing_z=2, border=3)
    assert explorer.is_current(landscape)
    session.change(probability=0.6)
    assert not explorer.is_current(landscape)
    asked = len(exploring.settings)
    explorer.begin(MAP, 25)
    exploring.wait()
    assert len(exploring.settings) == asked + 25
    landscape = explorer.landscape(NAMES)
    exploring.driver.paint((slice(0, 2), slice(0, 4), slice(0, 4)), 1)
    assert not explorer.is_current(landscape)
    explorer.take(landscape, (1, 0))
    assert session.setting == Setting(
        **{**landscape.request.setting.model_dump(), "border": 0, "closing_z": 1}
    )


def test_another_fragment_ends_it_and_one_without_a_label_says_what_is_missing(new_exploring):
    exploring = new_exploring()
    explorer = exploring.explorer
    exploring.most = 5
    explorer.begin(MAP, 40)
    exploring.hold()
    assert explorer.missing == ""
    exploring.session.show_fragment("b")
    assert not explorer.running
    assert "no label" in explorer.missing
    assert explorer.landscape(NAMES) is None
    explorer.begin(MAP, 40)
    assert not explorer.running
    exploring.session.show_fragment("a")
    assert len(explorer.landscape(NAMES).scores) == 5


def test_a_failure_is_reported_and_the_points_stay(new_exploring):
    exploring = new_exploring()
    failure = ValueError("a volume is damaged")
    exploring.settings = Refusing(failure)
    exploring.explorer.begin(MAP, 40)
    exploring.driver.loop.run_until(lambda: not exploring.explorer.running)
    assert exploring.failures == [failure]
    assert len(exploring.explorer.landscape(NAMES).scores) == 7


class Refusing(list):
    """A list that takes seven items."""

    def __init__(self, failure):
        super().__init__()
        self.failure = failure

    def append(self, item):
        if len(self) == 7:
            raise self.failure
        super().append(item)


# ---- keeping -----------------------------------------------------------------------------------


def computed(axes=MAP, image_id="a"):
    request = LandscapeRequest(image_id, Setting(**{"closing_z": 1}), axes)
    shape = [range(0, len(axis.values), 2) for axis in axes]
    positions = [(a, b) for a in shape[0] for b in shape[-1]] if len(axes) == 2 else []
    return Landscape(
        request, {position: made_up(request.setting_at(position)) for position in positions}
    )


SWITCH = Axis.of("fill_cavities", (False, True), True, 4)
BLEND = Axis.of("blend", (0.25, 0.5, 0.55, 0.625), 0.5, 4)


@pytest.mark.parametrize("axes", [MAP, (BLEND,), (SWITCH, BLEND)])
def test_a_landscape_comes_back_from_a_file_as_it_was(tmp_path, axes):
    landscape = computed(axes)
    with Workspace.open(tmp_path / "runs.sqlite") as workspace:
        workspace.landscapes.keep(saved_landscape(landscape))
        (saved,) = workspace.landscapes.all()
    again = landscape_of(saved)
    assert again == landscape
    values = [value for axis in again.request.axes for value in axis.values]
    assert list(map(type, values)) == [type(value) for axis in axes for value in axis.values]


AXES = saved_landscape(computed()).details["axes"]


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"axes": AXES, "points": [], "more": 1},
        {"axes": AXES * 2, "points": []},
        {"axes": [AXES[0], AXES[0]], "points": []},
        {"axes": [{**AXES[0], "name": "nothing"}], "points": []},
        {"axes": [{**AXES[0], "name": "rule"}], "points": []},
        {"axes": [{**AXES[0], "values": [3, 2]}], "points": []},
        {"axes": [{**AXES[0], "values": [0, 1000]}], "points": []},
        {"axes": [{**AXES[0], "values": list(range(9)) * 100}], "points": []},
        {"axes": [{**AXES[0], "breaks": [0, 99]}], "points": []},
        {"axes": AXES, "points": [[[0], 0.5, 0.5, 0.5, 0.5]]},
        {"axes": AXES, "points": [[[0, 21], 0.5, 0.5, 0.5, 0.5]]},
        {"axes": AXES, "points": [[[0, -1], 0.5, 0.5, 0.5, 0.5]]},
        {"axes": AXES, "points": [[[0, 1], 1.5, 0.5, 0.5, 0.5]]},
        {"axes": AXES, "points": [[[0, 1], 0.5, 0.5, 0.5]]},
    ],
)
def test_what_is_no_landscape_is_refused(details):
    saved = SavedLandscape("a", "closing_z border", Setting(), details)
    with pytest.raises(LandscapeFault, match="score landscape of a is damaged"):
        landscape_of(saved)


def sitting(driver, path, *landscapes):
    clock = Clock()
    store = SessionStore(
        driver.session,
        Pins(),
        path,
        post=driver.loop.post,
        call_later=clock.call_later,
    )
    for landscape in landscapes:
        store.landscapes.put(landscape)
    problems = []
    store.problem.connect(problems.append)
    store.begin()
    driver.loop.run_until(lambda: store.begun)
    return store, problems


def test_a_sitting_goes_on_with_the_landscapes_of_the_last_one(planted_data, new_driver, tmp_path):
    path = tmp_path / "runs.sqlite"
    store, _ = sitting(new_driver(planted_data), path, computed((BORDER,)))
    store.landscapes.put(computed())
    grown = replace(computed(), scores={(0, 0): PointScore(0.5, 0.1, 0.2, 0.3)})
    store.landscapes.put(grown)
    store.close()

    with Workspace.open(path) as workspace:
        workspace.landscapes.keep(saved_landscape(computed(image_id="elsewhere")))
        workspace.landscapes.keep(SavedLandscape("b", "border", Setting(), {"axes": []}))
    newer = computed((CLOSING,))
    store, problems = sitting(new_driver(planted_data), path, newer)
    assert store.landscapes.get("a", NAMES) == grown
    assert store.landscapes.get("a", ("border",)) == computed((BORDER,))
    assert store.landscapes.newest("a") is newer
    assert store.landscapes.newest("elsewhere") is None
    assert ["damaged" in problem for problem in problems] == [True]
    store.close()


def test_what_is_explored_before_the_history_has_come_takes_the_place_of_what_was_kept(
    planted_data, new_driver, tmp_path
):
    path = tmp_path / "runs.sqlite"
    store, _ = sitting(new_driver(planted_data), path, computed((BORDER,)))
    store.close()
    newer = replace(computed((BORDER,)), scores={(0,): PointScore(0.5, 0.1, 0.2, 0.3)})
    store, _ = sitting(new_driver(planted_data), path, newer)
    assert store.landscapes.get("a", ("border",)) is newer
    store.close()
    with Workspace.open(path) as workspace:
        assert [landscape_of(saved) for saved in workspace.landscapes.all()] == [newer]
