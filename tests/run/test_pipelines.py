"""Which fragment's volumes are in memory, and which are released."""

from __future__ import annotations

import pytest

from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Domain, Setting
from tests.run.data import write_fragments


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_fragments(tmp_path_factory.mktemp("pipelines"))


def loaded(pipelines):
    return [image_id for image_id in pipelines.dataset.image_ids if pipelines.is_loaded(image_id)]


def test_one_fragment_at_a_time_is_in_memory(dataset):
    pipelines = PipelineSet(dataset)
    for image_id in dataset.image_ids:
        pipelines.loaded(image_id)
        assert loaded(pipelines) == [image_id]


def test_the_fragment_that_is_held_stays_while_others_are_read(dataset):
    pipelines = PipelineSet(dataset)
    pipelines.hold("a")
    stage = pipelines.loaded("a").stage(Setting())
    pipelines.prepare_dataset(Setting(domain=Domain.DATASET))
    assert "a" in loaded(pipelines)
    assert pipelines["a"].cached_stage(Setting()) is stage
    pipelines.loaded("c")
    assert loaded(pipelines) == ["a", "c"]
    pipelines.hold("c")
    pipelines.loaded("b")
    assert loaded(pipelines) == ["b", "c"]


def test_what_is_held_counts_in_the_budget_of_the_others(dataset):
    budget = 60_000
    pipelines = PipelineSet(dataset, memory_budget=budget)
    pipelines.hold("a")
    pipelines.loaded("a").stage(Setting())
    assert loaded(pipelines) == ["a"]
    held = pipelines["a"].kept_bytes + sum(v.nbytes for v in dataset["a"].sources.values())
    fits = PipelineSet(dataset, memory_budget=budget - held)
    for image_id in ("b", "c"):
        pipelines.loaded(image_id)
        fits.loaded(image_id)
        assert (image_id in loaded(pipelines)) == (image_id in loaded(fits))


def test_releasing_releases_what_is_held(dataset):
    pipelines = PipelineSet(dataset)
    pipelines.hold("a")
    pipelines.loaded("a").stage(Setting())
    pipelines.release()
    assert loaded(pipelines) == []
    assert pipelines["a"].kept_bytes == 0
