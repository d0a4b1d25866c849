"""Fixtures of the tests of this folder."""

from __future__ import annotations

import pytest

from tests.run.compare.comparing import write_masks
from tests.run.compare.random_masks import compared, random_masks, side_of


@pytest.fixture
def masks_a():
    return random_masks(1)


@pytest.fixture
def masks_b():
    return random_masks(2)


@pytest.fixture
def report(tmp_path, masks_a, masks_b):
    """Return a comparison with names that mean something to Markdown and HTML."""
    sides = [
        side_of(write_masks(tmp_path / name, masks))
        for name, masks in (("a|*b*", masks_a), ("<script>&", masks_b))
    ]
    return compared(*sides)
