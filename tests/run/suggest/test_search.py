"""A search follows from its seed, goes on where it ended, and never ends below its start."""

from __future__ import annotations

import json

import pytest

from napari_nx46.run.suggest.searching.space import KnobRange, Space
from napari_nx46.run.suggest.trying.journal import Journal, JournalError, contents_of
from napari_nx46.voxels.workers import Cancelled, never
from tests.run.suggest.conftest import START, searching

EVALUATIONS = 72


def tried_by(search):
    """Return every setting with where it comes from, and its figures by place."""
    view = search.views[0]
    return {
        setting: (origin, *(search.results.get(setting, place) for place in view.rungs[0]))
        for setting, origin in search.origins(view).items()
    }


@pytest.fixture(scope="module")
def searched(two):
    with searching(two) as search:
        reports = []
        search.run(EVALUATIONS, reports.append, never)
        yield tried_by(search), reports


def test_the_best_rises_from_the_start_and_is_the_highest_of_all(searched):
    tried, reports = searched
    assert next(iter(tried)) == START
    assert len(tried) == reports[-1].tried == EVALUATIONS
    values = [one.value for one in reports]
    assert values == sorted(values)
    assert reports[-1].start_value < values[-1]
    assert {"start", "threshold curve", "switch", "sampler"} <= {row[0] for row in tried.values()}
    assert any(row[0].startswith("preset ") for row in tried.values())


def test_the_same_seed_tries_the_same_settings_whatever_the_threads(two, searched):
    with searching(two, threads=3) as search:
        search.run(EVALUATIONS, lambda _found: None, never)
        assert list(tried_by(search).items()) == list(searched[0].items())
    with searching(two, seed=1) as search:
        search.run(EVALUATIONS, lambda _found: None, never)
        assert list(tried_by(search)) != list(searched[0])


def test_a_search_that_was_stopped_goes_on_where_it_ended(two, searched, tmp_path):
    contents = contents_of({one.image_id: one for one in two})
    path = tmp_path / "a.journal"
    asked = []

    def stopped():
        asked.append(None)
        return len(asked) > 400

    with (
        Journal(path, contents, "score") as journal,
        searching(two, journal=journal) as search,
        pytest.raises(Cancelled),
    ):
        search.run(EVALUATIONS, lambda _found: None, stopped)
    kept = path.read_bytes()
    path.write_bytes(kept + b'{"setting": {"blend"')
    with Journal(path, contents, "score") as journal, searching(two, journal=journal) as search:
        search.run(EVALUATIONS, lambda _found: None, never)
        assert list(tried_by(search).items()) == list(searched[0].items())
    lines = path.read_text().splitlines()
    assert path.read_bytes().startswith(kept)
    rows = [json.loads(line) for line in lines[1:]]
    keys = {(json.dumps(row["setting"]), row["image_id"], row["octant"]) for row in rows}
    assert len(keys) == len(rows)


def test_journals_of_other_data_and_damaged_ones_are_refused(two, tmp_path):
    path = tmp_path / "a.journal"
    with Journal(path, {"a": "1"}, "score"):
        pass
    for contents, kind in (({"a": "2"}, "score"), ({"a": "1"}, "free")):
        with pytest.raises(JournalError, match="is no journal of a search on these data"):
            Journal(path, contents, kind).__enter__()
    path.write_text(path.read_text() + '{"setting": {}, "image_id": "a", "octant": 9}\n')
    with (
        Journal(path, {"a": "1"}, "score") as journal,
        pytest.raises(JournalError, match="damaged line"),
    ):
        list(journal.known())
    path.write_text("my thesis\nchapter one\n")
    with pytest.raises(JournalError, match="is no journal"):
        Journal(path, {"a": "1"}, "score").__enter__()
    assert path.read_text() == "my thesis\nchapter one\n"


@pytest.mark.parametrize(
    "ranges",
    [
        (KnobRange("opening", (False, True)), KnobRange("closing_z", (0, 1, 2))),
        (KnobRange("quantile", tuple(n / 1000 for n in range(900, 990))),),
    ],
    ids=["thresholds stay", "the threshold alone"],
)
def test_knobs_outside_the_space_stay_and_a_small_space_ends(two, ranges):
    space = Space(ranges)
    with searching(two, octants=False, space=space) as search:
        search.run(40, lambda _found: None, never)
        tried = list(tried_by(search))
    fixed = dict.fromkeys(space.by_name)
    assert all(one.model_copy(update=fixed) == START.model_copy(update=fixed) for one in tried)
    if "quantile" not in space.by_name:
        assert len(tried) == 6


def test_late_knobs_are_tried_around_the_best_once_nothing_else_is_left(two):
    switch, late = KnobRange("opening", (False, True)), KnobRange("sheet_gap", (0, 1, 2))
    with searching(two, space=Space((switch,), (late,))) as search:
        search.run(None, lambda _found: None, never)
        origins = search.origins(search.views[0])
    of_late = [number for number, origin in enumerate(origins.values()) if origin == "late step"]
    before = list(origins)[: of_late[0]]
    assert {(one.opening, one.sheet_gap) for one in before} == {(False, 0), (True, 0)}
    assert {one.sheet_gap for one in origins} == {0, 1, 2}


def test_nothing_is_tried_around_a_setting_whose_late_knob_takes_long(two):
    ranges = (KnobRange("opening", (False, True)), KnobRange("closing_z", (0, 1, 2)))
    late = KnobRange("sheetness", ("off", "replace"))
    with searching(two, octants=False, space=Space(ranges, (late,))) as search:
        search.run(None, lambda _found: None, never)
        origins = search.origins(search.views[0])
    slow = {one: origin for one, origin in origins.items() if one.sheetness != START.sheetness}
    assert slow
    assert set(slow.values()) == {"late step"}


def test_of_settings_with_the_same_mask_one_goes_on_to_whole_fragments(two):
    ranges = (KnobRange("smallest_object", (0, 1, 2)), KnobRange("z_radius", (0, 1, 2)))
    with searching(two, space=Space(ranges)) as search:
        search.run(None, lambda _found: None, never)
        first, *_ = search.views[0].rungs
        figures = {
            one: tuple(search.results.get(one, place).values["score"] for place in first)
            for one in search.origins(search.views[0])
        }
        whole = search.whole
    assert len(set(figures.values())) < len(figures)
    assert len({figures[one] for one in whole}) == len(whole) > 1
