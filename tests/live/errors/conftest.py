"""Sessions on a fragment with ten planted faults."""

from __future__ import annotations

import pytest

from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.what_if import WhatIf
from napari_nx46.setting import Setting
from tests.planted import PLANTED_KNOBS, planted_data_set


@pytest.fixture(scope="package")
def planted_data(tmp_path_factory):
    """Return a data set of a fragment with a label, and the same one without."""
    return planted_data_set(tmp_path_factory.mktemp("planted") / "data")


class Listed:
    """A session whose errors are listed."""

    def __init__(self, driver):
        self.driver = driver
        self.session = driver.session
        self.scores = ScoreFollower(self.session, rest_seconds=0.0)
        self.browser = ErrorBrowser(self.session, self.scores, rest_seconds=0.0)
        self.what_if = WhatIf(self.session, self.scores, self.browser)
        self.failures = []
        for one in (self.session, self.scores, self.browser, self.what_if):
            one.failed.connect(self.failures.append)
        self.scores.start()

    @property
    def listing(self):
        return self.browser.state.result

    def wait_for_list(self):
        self.driver.loop.run_until(lambda: self.session.settled and self.browser.state.is_current)
        assert not self.failures

    def close(self):
        for one in (self.what_if, self.browser, self.scores):
            one.close()


@pytest.fixture
def listed(planted_data, new_driver):
    """Return a session on the planted fragment; its list is not watched yet."""
    listed = Listed(new_driver(planted_data, setting=Setting(**PLANTED_KNOBS)))
    yield listed
    listed.close()
