"""The Python of the manual that needs a window runs as it stands there."""

from __future__ import annotations

import re

import numpy as np
import pytest
from qtpy.QtWidgets import QAbstractButton, QLabel

from napari_nx46 import SAMPLES, make_sample
from tests.test_manual import DOCS, IN_A_WINDOW, blocks_of

STEP = re.compile(r"^[0-9]+\. (?:.|\n {3})+", flags=re.MULTILINE)
NAME = re.compile(r"(?<!\*)\*([^*\n]+)\*(?!\*)")
FIRST_PAGES = (
    DOCS.parent / "README.md",
    DOCS / "index.md",
    DOCS.parent / ".napari-hub" / "DESCRIPTION.md",
)


def windowed(page):
    blocks = blocks_of(DOCS / f"{page}.md")
    return [block for kind, block in blocks if kind == "python" and IN_A_WINDOW.search(block)]


@pytest.fixture
def names(make_napari_viewer, tmp_path, monkeypatch):
    """Return what pages have defined before."""
    monkeypatch.chdir(tmp_path)
    sample = make_sample(SAMPLES[0])
    return {
        "viewer": make_napari_viewer(),
        "p3d": sample.p3d,
        "p2d": sample.p2d,
        "label": sample.label,
    }


def test_tuning_in_napari_runs_as_it_stands(names):
    (block,) = windowed("python")
    exec(block, names)
    session = names["session"]
    assert session.setting.quantile == 0.93
    assert np.all(session.mask()[3, 10:20, 5])


def test_corrections_are_made_as_it_stands(names):
    (block,) = windowed("corrections")
    exec(block, names)
    assert not np.any(names["session"].mask()[12, 40:60, 100:140])


def test_what_the_first_steps_name_stands_in_the_window(opened):
    widgets = (
        *opened.dock.findChildren(QAbstractButton),
        *opened.dock.findChildren(QLabel),
    )
    shown = {widget.text().lstrip("▸▾ ") for widget in widgets}
    for page in FIRST_PAGES:
        steps = STEP.findall(page.read_text("utf-8"))
        named = {name for step in steps for name in NAME.findall(step)}
        assert named, page.name
        assert named - shown == set(), page.name
