"""The sliders follow a search until a user moves one; what was before comes back."""

from __future__ import annotations

import threading

import pytest

from napari_nx46.live.suggest.suggester import Suggester, journal_in, look_for
from napari_nx46.run.suggest.judging.answers import Findings
from napari_nx46.run.suggest.judging.choosing import Choice
from napari_nx46.run.suggest.judging.trust import Trust
from napari_nx46.run.suggest.searching.search import Found
from napari_nx46.run.suggest.suggest import Suggestion, SuggestRequest
from napari_nx46.setting import Setting, SettingError
from napari_nx46.voxels.workers import Cancelled, never
from tests.live.driver import PATIENCE
from tests.planted import PLANTED_KNOBS, planted_data_set

START = Setting(**PLANTED_KNOBS)
BETTER, BEST = START.changed(closing_z=1), START.changed(closing_z=2)


@pytest.fixture(scope="module")
def planted_data(tmp_path_factory):
    return planted_data_set(tmp_path_factory.mktemp("planted") / "data")


def suggestion_of(setting):
    choice = Choice(setting, 0.7, 0.5, 0.7, 4, setting, 0.7)
    return Suggestion(choice, START, 0.5, {}, {}, 3, 2, ("a",), Trust((), None), Findings())


class MadeUp:
    """Finds two settings when the test says so, then a third one when it is stopped."""

    def __init__(self, driver):
        self.driver = driver
        self.session = driver.session
        self.asked = []
        self.go_on, self.reported = threading.Semaphore(0), threading.Semaphore(0)
        self.failures = []
        self.suggester = Suggester(self.session, search=self)
        self.suggester.failed.connect(self.failures.append)

    def __call__(self, dataset, image_id, request, journal, report, cancelled, given_up):
        self.asked.append((image_id, request))
        self.journal, self.given_up = journal, given_up
        for number, setting in enumerate((START, BETTER)):
            assert self.go_on.acquire(timeout=PATIENCE)
            report(Found(setting, 0.5 + number / 10, 0.5, 16, 4, "start"))
            self.reported.release()
        while not cancelled():
            threading.Event().wait(0.002)
        return suggestion_of(BEST)

    def next(self):
        """Let the search find the next setting."""
        before = self.suggester.state.found
        self.go_on.release()
        self.driver.loop.run_until(lambda: self.suggester.state.found is not before)

    def stop(self):
        self.suggester.stop()
        self.driver.loop.run_until(lambda: not self.suggester.running)


@pytest.fixture
def made_up(planted_data, new_driver):
    one = MadeUp(new_driver(planted_data, setting=START, image_id="a"))
    yield one
    for _ in range(2):
        one.go_on.release()
    one.suggester.close()


def test_the_sliders_follow_the_best_and_undo_brings_them_back(made_up):
    suggester, session = made_up.suggester, made_up.session
    suggester.begin(60, all_fragments=False, seed=3)
    assert suggester.running
    made_up.next()
    assert not suggester.can_undo
    made_up.next()
    assert session.setting == BETTER
    made_up.stop()
    assert session.setting == BEST
    (image_id, request), *others = made_up.asked
    assert (image_id, request.start, request.seconds, request.seed) == ("a", START, 60, 3)
    assert not others
    suggester.undo()
    assert session.setting == START
    assert suggester.can_take
    assert not suggester.can_undo
    suggester.take()
    assert session.setting == BEST


def test_a_slider_that_is_moved_stays_where_it_is(made_up):
    suggester, session = made_up.suggester, made_up.session
    suggester.begin(60, all_fragments=True)
    made_up.next()
    session.change(border=2)
    assert not suggester.state.follows
    made_up.next()
    assert session.setting == START.changed(border=2)
    made_up.stop()
    assert session.setting == START.changed(border=2)
    assert suggester.can_take
    assert made_up.asked[0][0] is None
    suggester.take()
    assert session.setting == BEST


def test_a_quantile_over_all_fragments_is_refused(made_up):
    made_up.session.change(rule="quantile", domain="dataset")
    made_up.suggester.begin(60, all_fragments=True)
    assert not made_up.suggester.running
    (failure,) = made_up.failures
    assert isinstance(failure, SettingError)


def test_a_search_looks_at_the_fragments_that_are_asked_for(planted_data):
    request = SuggestRequest(START, evaluations=2)
    found = look_for(planted_data, None, request, None, lambda _found: None, never)
    assert (found.image_ids, found.with_label) == (("a",), True)
    found = look_for(planted_data, "b", request, None, lambda _found: None, never)
    assert (found.image_ids, found.with_label) == (("b",), False)
    with pytest.raises(Cancelled):
        look_for(planted_data, "a", request, None, lambda _found: None, lambda: True)


def test_what_a_search_tried_is_not_computed_again_and_another_journal_is_replaced(
    planted_data, tmp_path
):
    journal = journal_in(tmp_path / "w" / "runs.sqlite", "a")
    assert journal != journal_in(tmp_path / "w" / "runs.sqlite", None)
    request = SuggestRequest(START, evaluations=2)

    def searched():
        found = look_for(planted_data, "a", request, journal, lambda _found: None, never)
        return found.choice, journal.read_bytes()

    first = searched()
    assert searched() == first
    journal.write_text("{}\n")
    assert searched() == first


def test_a_window_keeps_its_journal_beside_the_workspace(planted_data, new_driver, tmp_path):
    made_up = MadeUp(new_driver(planted_data, setting=START, image_id="a"))
    suggester = Suggester(made_up.session, tmp_path / "runs.sqlite", search=made_up)
    made_up.suggester = suggester
    suggester.begin(60, all_fragments=True)
    made_up.next()
    made_up.next()
    made_up.stop()
    assert made_up.journal == tmp_path / "suggest.journal"
    assert not made_up.given_up()
    suggester.close()
    assert made_up.given_up()
