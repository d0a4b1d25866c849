"""The data set of the tests of runs."""

from __future__ import annotations

import pytest

from tests.run.data import write_fragments


@pytest.fixture
def dataset(tmp_path):
    """Return three small fragments in a data folder."""
    return write_fragments(tmp_path / "data")


@pytest.fixture
def out(tmp_path):
    """Return an empty folder to write to."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
