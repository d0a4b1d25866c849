"""The fragments that nobody has looked at are opened beside the session."""

from __future__ import annotations

import threading

import pytest

from napari_nx46.core.score.kernels import plain_kernels
from napari_nx46.data.fragments import open_lazily
from napari_nx46.live.jobs.opening import Opening, opening_work
from napari_nx46.voxels.workers import Cancelled, never
from tests.live.driver import wait_for, write_fragments


@pytest.fixture
def root(tmp_path):
    """Return a data folder of a, b and c, of different types, whose b is damaged."""
    write_fragments(tmp_path)
    (tmp_path / "p3d" / "b.tif").write_bytes(b"no TIFF")
    return tmp_path


def test_the_others_are_opened_while_the_session_rests_and_faults_are_listed(root, new_driver):
    driver = new_driver(open_lazily(root))
    session, found = driver.session, []
    opening = Opening(session, driver.loop.post)
    opening.found_faults.connect(found.append)
    assert [one.image_id for one in session.dataset.opened] == ["a"]
    opening.start()
    driver.settle()
    opening.job.wait(60)
    driver.loop.run()
    assert [one.image_id for one in session.dataset.opened] == ["a", "c"]
    assert found == [opening.faults]
    assert list(opening.faults) == ["b"]
    assert "b.tif" in opening.faults["b"]


def test_nothing_is_started_where_all_are_open(dataset, new_driver):
    driver = new_driver(dataset)
    opening = Opening(driver.session, driver.loop.post)
    opening.start()
    assert not opening.job.running


def test_no_fragment_is_opened_while_there_is_something_more_urgent(root):
    lazy, rests, cancelled = open_lazily(root), threading.Event(), threading.Event()
    asked = threading.Event()

    def resting():
        asked.set()
        return rests.is_set()

    work, faults = opening_work(lazy, resting), []

    def run():
        faults.append(work(never, lambda _progress: None))

    thread = threading.Thread(target=run)
    thread.start()
    assert asked.wait(60)
    assert len(lazy.opened) == 1
    rests.set()
    thread.join(60)
    assert [set(one) for one in faults] == [{"b"}]
    cancelled.set()
    with pytest.raises(Cancelled):
        opening_work(lazy, rests.is_set)(cancelled.is_set, lambda _progress: None)


def test_a_faulty_fragment_is_reported_and_stepped_over(root, new_driver):
    driver = new_driver(open_lazily(root))
    session, errors = driver.session, []
    session.failed.connect(errors.append)
    driver.settle()
    assert not session.show_fragment("b")
    assert session.fragment.image_id == "a"
    assert ["b.tif" in str(error) for error in errors] == [True]
    session.step_fragment(1)
    assert session.fragment.image_id == "c"
    session.step_fragment(1)
    assert session.fragment.image_id == "a"


def test_fragments_that_are_opened_later_are_computed_with_compiled_kernels(root, new_driver):
    driver = new_driver(open_lazily(root))
    session = driver.session
    driver.settle()
    wait_for(lambda: session.warm_up.done)
    assert session.show_fragment("c")

    def compiled():
        driver.loop.run()
        return session.pipelines["c"].kernels is not plain_kernels()

    wait_for(compiled)
    driver.settle()
    assert session.figures.fragment_exact


def test_settings_are_accepted_for_fragments_that_are_not_open(root, new_driver):
    session = new_driver(open_lazily(root)).session
    session.accept()
    assert set(session.accepted) == {"a", "b", "c"}
    assert [one.image_id for one in session.dataset.opened] == ["a"]
