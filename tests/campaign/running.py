"""Running campaigns in tests, and what is compared of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.campaign.execute.runner import CampaignRun, Resources
from napari_nx46.campaign.records.results import CampaignResults, TaskState
from napari_nx46.campaign.records.store import CampaignStore
from napari_nx46.files.workspace import Workspace


@dataclass
class Ran:
    """A campaign that has ended, and what it reported on the way."""

    run: CampaignRun
    results: CampaignResults | None = None
    rows: list = field(default_factory=list)
    states: list = field(default_factory=list)

    def take_row(self, row):
        self.rows.append(row)

    def take_state(self, state):
        self.states.append(state)

    @property
    def reported(self):
        """How often each state was reported."""
        return Counter(row.state for row in self.rows)

    @property
    def computed(self):
        """How many tasks are done that were not known before."""
        return self.run.progress.done - self.run.progress.known


THREADS = ClusterChoice(threads=2)


def watched(asked, work, choice=THREADS, **more):
    """Return a campaign that was not run yet, whose signals are kept.

    Exports are checked where rules are given.
    """
    more = {"check_exports": "rules" in more, **more}
    reported = Ran(CampaignRun(asked, work, Resources(choice), **more))
    reported.run.task_changed.connect(reported.take_row)
    reported.run.state_changed.connect(reported.take_state)
    return reported


def ran(asked, work, choice=THREADS, **more):
    """Run a campaign to its end."""
    reported = watched(asked, work, choice, **more)
    reported.results = reported.run.run()
    return reported


def table(results):
    """Return all that must not depend on how a campaign was computed."""
    return {
        place: (one.state, dict(one.metrics), one.slices, one.mask_sha256, one.error)
        for place, one in results.fragments.items()
    }


def stored(work, campaign_id=1):
    """Return a campaign as another program sees it."""
    with Workspace.open(work, create=False) as workspace:
        return CampaignStore(workspace).results(campaign_id)


def done_seconds(results):
    """Return what no two computations have in common: how long each task that is done took."""
    return {
        place: one.seconds
        for place, one in results.fragments.items()
        if one.state is TaskState.DONE
    }
