"""Times the search for the best setting, and compares it with plain searches.

    python benchmarks/suggest.py [--data DIR] [--evaluations 48] [--campaign 12]
    python benchmarks/suggest.py --data DIR --minutes 5 --seeds 0 1 2 3 4
    python benchmarks/suggest.py --data DIR --reference 1000

Speed: settings that `suggest` tries for the processor time in which `campaign --suggest` tries
one, both in this process, after kernels are compiled; the ratio holds on a shared machine. With
--minutes searches of that length begin from nx46-v7.5, one for each seed: what is taken, and the
peak. With --reference plain TPE tries so many settings of the same space, each on whole fragments,
without presets, octants or steps around the best. Without data a sample is mirrored until it is
192 voxels wide.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
from baseline import keep_ratio

from napari_nx46.campaign.execute.cluster import ClusterChoice
from napari_nx46.campaign.execute.runner import CampaignRun, Resources
from napari_nx46.campaign.execute.suggest import Objective, Search
from napari_nx46.campaign.plan.source import DataSource
from napari_nx46.campaign.records.store import CampaignRequest
from napari_nx46.data.fragments import Fragment, open_data, write_data_folder
from napari_nx46.data.synthetic import SAMPLES, make_sample
from napari_nx46.run.suggest.searching.space import default_space
from napari_nx46.run.suggest.suggest import SuggestRequest, compared_of, suggest
from napari_nx46.run.suggest.trying.evaluator import Evaluator, Task, open_evaluator
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.measures import LabelScore
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.setting import Setting, preset
from napari_nx46.voxels.workers import never

START = preset("nx46-v7.5")
VARIED = (
    *("blend=0.4:1", "z_radius=0:4", "opening=false,true", "closing_z=0:4"),
    *("plug_tunnels=false,true", "smallest_object=100,500,2000", "quantile=0.85:0.98"),
)
SIDE = 192


def speed(data: Path, evaluations: int, runs: int) -> None:
    """Print settings a second of processor time, and the ratio to a campaign's search."""
    fragments = compared_of(open_data(data))
    warm_up(fragments)
    of_search = cost(lambda: suggest(fragments, SuggestRequest(START, evaluations=evaluations)))
    of_campaign = cost(lambda: run_campaign(data, runs))
    per_search, per_campaign = of_search / evaluations, of_campaign / runs
    keep_ratio(
        "settings tried, x campaign --suggest", per_campaign / per_search, higher_is_better=True
    )
    print(
        f"suggest {1 / per_search:6.2f} settings a second of processor time, campaign --suggest "
        f"{1 / per_campaign:6.2f}: {per_campaign / per_search:.1f} x (goal 5 x)"
    )


def warm_up(fragments: list[Fragment]) -> None:
    """Have everything compiled that a search runs."""
    suggest(fragments, SuggestRequest(START, evaluations=8))


def cost(work: Callable[[], object]) -> float:
    """Return the processor's seconds of some work in this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def run_campaign(data: Path, runs: int) -> None:
    """Run a campaign's search in threads of this process."""
    search = Search(runs=runs, objective=Objective.LEADERBOARD, vary=VARIED, base=START)
    with tempfile.TemporaryDirectory() as work:
        run = CampaignRun(
            CampaignRequest(search, DataSource.of(data)),
            Path(work) / "runs.sqlite",
            Resources(ClusterChoice()),
            check_exports=False,
        )
        run.run()


def timed_searches(data: Path, minutes: float, seeds: list[int]) -> None:
    """Print what searches of some minutes find, one for each seed."""
    fragments = compared_of(open_data(data))
    warm_up(fragments)
    taken = []
    for seed in seeds:
        request = SuggestRequest(START, seconds=60 * minutes, seed=seed)
        start = time.process_time()
        found = suggest(fragments, request)
        taken.append(found.choice.value)
        print(
            f"seed {seed}: taken {found.choice.value:.6f}, plateau {found.choice.plateau:.6f}, "
            f"peak {found.choice.peak_value:.6f}; {found.tried} settings tried, {found.whole} "
            f"whole, {time.process_time() - start:.0f} s of processor time",
            flush=True,
        )
    if len(taken) > 1:
        print(f"between seeds {max(taken) - min(taken):.4f} (at most 0.01)")


def reference(data: Path, count: int, seed: int) -> None:
    """Print the best of so many settings that plain TPE tries on whole fragments."""
    fragments = compared_of(open_data(data))
    logging.getLogger("optuna").setLevel(logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    space = default_space(fragments, START)
    best, tried, start = -1.0, 0, time.process_time()
    with open_evaluator(fragments, LabelScore()) as evaluator:
        while tried < count:
            trial = study.ask()
            knobs = {
                one.name: one.values[trial.suggest_int(one.name, 0, len(one.values) - 1)]
                if one.is_ordered
                else one.values[trial.suggest_categorical(one.name, range(len(one.values)))]
                for one in space.ranges
            }
            setting = space.setting_of(START, knobs)
            if setting is None:  # a low threshold above the high one
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            value = mean_score(evaluator, fragments, setting)
            study.tell(trial, value)
            best, tried = max(best, value), tried + 1
            if tried % 50 == 0:
                seconds = time.process_time() - start
                print(f"plain TPE, {tried}: {best:.6f}, {seconds:.0f} s", flush=True)
    print(f"plain TPE, {count} settings: {best:.6f}")


def mean_score(evaluator: Evaluator, fragments: list[Fragment], setting: Setting) -> float:
    """Return the mean score of a setting over whole fragments."""
    found: dict[Task, Figures] = {}
    tasks = [Task(setting, TriedPlace(one.image_id)) for one in fragments]
    evaluator.evaluate(tasks, found.__setitem__, never)
    return float(np.mean([figures.values["score"] for figures in found.values()]))


def write_sample(root: Path) -> None:
    """Write a sample fragment, mirrored until it is as wide as a search tries by octants."""
    sample = make_sample(SAMPLES[0])
    volumes = {"p3d": sample.p3d, "p2d": sample.p2d, "train_labels": sample.label}
    for name, volume in volumes.items():
        pads = [(0, max(0, SIDE - length)) for length in volume.shape]
        volumes[name] = np.pad(volume, pads, mode="symmetric")
    write_data_folder(root, "sample", volumes)


def main() -> None:
    """Measure what the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--evaluations", type=int, default=48)
    parser.add_argument("--campaign", type=int, default=12)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--reference", type=int)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = flags.data
        if data is None:
            data = Path(folder) / "data"
            write_sample(data)
        if flags.reference is not None:
            reference(data, flags.reference, flags.seeds[0])
        elif flags.minutes is not None:
            timed_searches(data, flags.minutes, flags.seeds)
        else:
            speed(data, flags.evaluations, flags.campaign)


if __name__ == "__main__":
    main()
