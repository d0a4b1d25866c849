"""The data set of the tests of searches, and searches on it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from napari_nx46.run.suggest.searching.search import Search
from napari_nx46.run.suggest.searching.space import default_space
from napari_nx46.run.suggest.trying.evaluator import open_evaluator
from napari_nx46.run.suggest.trying.measures import LabelScore
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.run.suggest.trying.results import Results, ScoreObjective, View
from napari_nx46.setting import preset
from tests.run.suggest.data import write_labelled

START = preset("nx46-v7.5")


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """Return two labelled fragments."""
    return list(write_labelled(tmp_path_factory.mktemp("labelled")))


def view_of(fragments, *, octants=True):
    """Return the view of all fragments; small ones are tried on octants only if it is asked."""
    whole = tuple(TriedPlace(one.image_id) for one in fragments)
    some = tuple(TriedPlace(one.image_id, 7 * n) for n, one in enumerate(fragments))
    first = (some[:1], some)
    groups = {one.image_id: one.image_id for one in fragments}
    return View("", (*(first if octants else ()), whole), groups)


@contextmanager
def searching(fragments, *, seed=0, threads=1, journal=None, octants=True, space=None):
    """Yield a search on fragments, with results of its own."""
    with open_evaluator(fragments, LabelScore(), threads=threads) as evaluator:
        yield Search(
            space or default_space(fragments, START),
            START,
            evaluator,
            [view_of(fragments, octants=octants)],
            Results(ScoreObjective()),
            seed=seed,
            journal=journal,
        )
