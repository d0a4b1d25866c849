"""Windows in which masks are corrected."""

from __future__ import annotations

import pytest

from tests.viewer.corrections.painting import Painting


@pytest.fixture
def painting(shown):
    """Return a window on three fragments, to paint in."""
    return Painting(shown)
