"""Values that follow a session, ended after each test."""

from __future__ import annotations

import pytest


@pytest.fixture
def new_value():
    """Return a function that makes a measured value of a driver; all are closed before it is."""
    made = []

    def make(kind, driver, scores=None):
        value = kind(driver.session, scores, rest_seconds=0.0)
        made.append(value)
        value.touch()
        return value

    yield make
    for value in made:
        value.close()
