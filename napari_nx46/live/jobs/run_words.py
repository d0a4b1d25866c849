"""What is reported about runs, and what of it a user types, in words."""

from __future__ import annotations

import math

from napari_nx46.files.naming import first_few, printable
from napari_nx46.live.jobs.runs import Judgement
from napari_nx46.run.compare.comparison import knob_text
from napari_nx46.run.judge.verdict import ListedRun, RunList, run_name
from napari_nx46.setting import Setting, described_knobs

NO_RUNS = "No run yet: export a submission, or add an archive."


def parse_score(text: str) -> float | None:
    """Return the leaderboard score that somebody typed; None where nothing stands.

    Raises
    ------
    ValueError
        If it is no number from 0 to 1; says what was found.
    """
    if not text.strip():
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0.0 <= score <= 1.0:
        raise ValueError(
            f"found {printable(text.strip())!r}, expected a leaderboard score from 0 to 1, "
            "or nothing to take it back"
        )
    return score


def next_step(runs: RunList, chosen: ListedRun | None) -> str:
    """Return what a user does next on the way to a verdict.

    Parameters
    ----------
    runs : RunList
    chosen : ListedRun, optional
        The run that is selected.
    """
    if chosen is None:
        return "Select a run." if runs.runs else NO_RUNS
    name = run_name(chosen.run)
    if chosen.run.public_score is None:
        return (
            f"Submit {name}; then double-click its cell under Public and type the score that the "
            "competition returned."
        )
    if runs.baseline is None:
        return f"Freeze {name} as the baseline that later runs are compared with."
    if chosen.baseline:
        return f"{name.capitalize()} is the baseline: export another setting, then judge that run."
    if runs.baseline.run.public_score is None:
        return f"The baseline, {run_name(runs.baseline.run)}, has no public score yet: type it in."
    return f"Judge {name} against the baseline, {run_name(runs.baseline.run)}."


def judged_words(judgement: Judgement) -> str:
    """Return which run was judged against which."""
    name = run_name(judgement.run).capitalize()
    return f"{name} against the baseline, {run_name(judgement.baseline)}"


def accepted_words(judgement: Judgement) -> str:
    """Return which settings are the accepted ones after a verdict, and which were before."""
    best = judgement.verdict.best_run
    if best is None:
        return "No run that counts has a public score: the accepted settings stay as they are."
    name = f"{run_name(best)}, public score {best.public_score:g}"
    if not judgement.accepted:
        return f"Best: {name}. The accepted settings stay as they are."
    text = f"Accepted: the settings of the best run, {name}, for {first_few(list(best.settings))}."
    changed: dict[str, list[str]] = {}
    for image_id, before in judgement.replaced.items():
        changed.setdefault(_changes(before, best.settings[image_id]), []).append(image_id)
    reported = [
        f"Changed for {first_few(image_ids)}: {knobs}." for knobs, image_ids in changed.items()
    ]
    return " ".join((text, *reported))


def _changes(before: Setting, after: Setting) -> str:
    described = described_knobs(Setting)
    return ", ".join(
        f"{described[name].title if name in described else name}: "
        f"{knob_text(name, before)} → {knob_text(name, after)}"
        for name in Setting.model_fields
        if getattr(before, name) != getattr(after, name)
    )
