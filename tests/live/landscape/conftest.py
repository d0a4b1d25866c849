"""Sessions whose score is explored, on a fragment with ten planted faults."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from napari_nx46 import leaderboard
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.landscape.explorer import LandscapeExplorer
from napari_nx46.live.landscape.kept import Landscapes
from napari_nx46.run.landscape.exploring import fragment_scores
from napari_nx46.run.landscape.landscape import PointScore
from napari_nx46.setting import Setting
from tests.live.driver import PATIENCE
from tests.planted import PLANTED_KNOBS, planted_data_set


@pytest.fixture(scope="package", autouse=True)
def _score_compiled():
    """Compile the score's kernels, which takes minutes where nothing is cached."""
    leaderboard.warm_up()


@pytest.fixture(scope="package")
def planted_data(tmp_path_factory):
    """Return a data set of a fragment with a label, and the same one without."""
    return planted_data_set(tmp_path_factory.mktemp("planted") / "data")


def made_up(setting):
    """Return a score that follows from two knobs at once."""
    return PointScore(0.5 + 0.01 * setting.closing_z - 0.002 * setting.border, 0.1, 0.2, 0.3)


class Exploring:
    """A session whose score is explored, with made-up scores where nothing else is asked for.

    Attributes
    ----------
    most : int, optional
        So many scores are given; then the worker waits until it is cancelled.
    """

    def __init__(self, driver, open_scores=None):
        self.driver = driver
        self.session = driver.session
        self.settings = []
        self.most = None
        self.waiting = threading.Event()
        self.landscapes = Landscapes()
        self.scores = ScoreFollower(self.session, rest_seconds=0.0)
        self.explorer = LandscapeExplorer(
            self.session, self.scores, self.landscapes, open_scores=open_scores or self.made_up
        )
        self.failures = []
        for one in (self.session, self.scores, self.explorer):
            one.failed.connect(self.failures.append)
        self.scores.start()
        if self.session.fragment.label is not None:
            driver.loop.run_until(lambda: self.scores.label is not None)

    @contextmanager
    def made_up(self, dataset, request, label, cancelled):
        def evaluate(setting):
            while self.most is not None and len(self.settings) >= self.most and not cancelled():
                self.waiting.set()
                threading.Event().wait(0.01)
            self.settings.append(setting)
            return made_up(setting)

        yield evaluate

    def wait(self):
        self.driver.loop.run_until(lambda: not self.explorer.running)
        assert not self.failures

    def hold(self):
        """Wait until the worker waits, and take what it has posted."""
        assert self.waiting.wait(PATIENCE)
        self.driver.loop.run()

    def close(self):
        self.explorer.close()
        self.scores.close()


@pytest.fixture
def new_exploring(planted_data, new_driver):
    """Return a function that makes a session whose score can be explored."""
    made = []

    def make(image_id="a", exact=False):
        driver = new_driver(planted_data, setting=Setting(**PLANTED_KNOBS), image_id=image_id)
        made.append(Exploring(driver, fragment_scores if exact else None))
        return made[-1]

    yield make
    for one in made:
        one.most = None
        one.close()
