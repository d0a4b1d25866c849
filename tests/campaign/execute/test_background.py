"""What a window knows of a campaign that runs."""

from __future__ import annotations

from dataclasses import replace

from napari_nx46.campaign.execute.background import CampaignWatch
from napari_nx46.campaign.records.results import TaskState
from tests.campaign.results_factory import campaign, done, slices, waiting


class Reader:
    """Reads a campaign that others write, and counts how often."""

    def __init__(self, runs):
        self.runs = runs
        self.count = 0

    def __call__(self):
        self.count += 1
        return campaign(
            {run_id: {one: waiting(run_id, one) for one in "ab"} for run_id in self.runs}
        )


def test_a_campaign_is_read_again_only_when_runs_are_added():
    watch, reader = CampaignWatch(), Reader(["one"])
    assert watch.results(reader) == reader()
    reader.count = 0
    reported = {}
    for image_id in "ab":
        watch.take(waiting("one", image_id, TaskState.RUNNING))
        assert watch.running == {("one", image_id)}
        result = done("one", image_id, {"density": 0.1}, slices(5, density=0.1))
        watch.take(result)
        reported["one", image_id] = replace(result, slices=())
        found = watch.results(reader)
        assert {place: found.fragments[place] for place in reported} == reported
    assert reader.count == 0
    reader.runs.append("two")
    watch.take(waiting("two", "a", TaskState.RUNNING))
    found = watch.results(reader)
    assert (reader.count, found.plan.run_ids) == (1, ("one", "two"))
    assert {place: found.fragments[place] for place in reported} == reported
    assert found.fragments["two", "a"].state is TaskState.WAITING
    watch.results(reader)
    assert reader.count == 1
