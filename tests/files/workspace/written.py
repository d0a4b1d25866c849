"""What is in ``written_by_0_1.sqlite``, and the script that wrote it.

The file was written once, by version 0.1, and stays as it is: every later version has to find all
of it. It was made by ``python -m tests.files.workspace.written``.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from napari_nx46.files.workspace import (
    HistoryEntry,
    SavedCampaign,
    SavedOutcome,
    SavedPin,
    SavedResult,
    SavedRun,
    SavedTask,
    Workspace,
)
from napari_nx46.setting import Setting

FILE = Path(__file__).with_name("written_by_0_1.sqlite")
START = datetime(2025, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
PLAIN = Setting(quantile=0.91)
RICH = Setting(
    weights={"p3d": 0.5, "unet": 2}, domain="block", block=((0, 1), (2, 3), (4, 5)), opening=True
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def picture(seed: int) -> bytes:
    """Return the PNG of a small mask."""
    mask = np.random.default_rng(seed).random((24, 24)) < 0.1
    file = io.BytesIO()
    Image.fromarray(mask).save(file, format="PNG")
    return file.getvalue()


HISTORY = tuple(
    HistoryEntry(
        image_id=f"fragment_{number % 3}",
        setting=RICH if number % 4 == 3 else Setting(quantile=0.9 + number / 1000),
        time=START + timedelta(seconds=7 * number),
        metrics={"threshold": 0.5 + number / 100, "leaderboard_score": None},
        tag="" if number % 5 else f"try {number} ≈",
        id=digest(str(number))[:32],
    )
    for number in range(12)
)
PICTURES = tuple(map(picture, range(len(HISTORY))))
"""Thumbnails of the history; their pixels stay equal, whatever writes the PNG."""

PINS = (SavedPin("A", RICH, START), SavedPin("C", PLAIN, START + timedelta(hours=1)))
ACCEPTED = {"fragment_0": PLAIN, "fragment_1": RICH}
STATE = {"view": {"z": 5, "centre": [1.5, 2.0], "zoom": 3}, "setting": {"quantile": 0.91}}
RUNS = (
    SavedRun(
        settings={"fragment_1": RICH, "fragment_0": PLAIN},
        metrics={"fragment_0": {"density": 0.08, "leaderboard_score": None}},
        tag="night",
        note="first try\nof two",
        archive=Path("/data/submission.zip"),
        archive_sha256=digest("archive"),
        public_score=0.552,
        private_score=0.5,
        time=START,
        id=1,
    ),
    SavedRun(settings={"fragment_0": PLAIN}, time=START + timedelta(days=1), id=2),
)
CAMPAIGN = SavedCampaign(
    name="matrix",
    identity=digest("identity"),
    details={"paths": ["data"], "score": True},
    image_ids=("fragment_0", "fragment_1"),
    settings={"second": Setting(quantile=0.9), "first": Setting(quantile=0.8)},
    time=START,
    id=1,
)
RESULT = SavedResult(
    key=digest("key"),
    metrics={"density": 0.25, "recall": 1.0},
    slices={"density": (0.25, 0.5), "continuity": (None, 0.125)},
    mask_sha256=digest("mask"),
    seconds=1.5,
)
TASKS = (
    SavedTask("first", "fragment_0", key=RESULT.key),
    SavedTask("first", "fragment_1", error="cannot be read"),
)
OUTCOMES = (
    SavedOutcome("second", checked=True, fault="no valid mask"),
    SavedOutcome("first", True, None, digest("zip"), 2, {"decision": "accepted"}),
)


def write(path: Path) -> None:
    """Write all of it into a new workspace."""
    with Workspace.open(path) as workspace:
        for entry, png in zip(HISTORY, PICTURES, strict=True):
            workspace.add_history(replace(entry, thumbnail=png))
        for pin in PINS:
            workspace.set_pin(pin.letter, pin.setting, pin.time)
        workspace.set_accepted(ACCEPTED)
        for key, value in STATE.items():
            workspace.save_state(key, value)
        for run in RUNS:
            number = workspace.add_run(run)
            workspace.set_scores(number, run.public_score, run.private_score)
        workspace.freeze_baseline(1)
        workspace.campaigns.add(CAMPAIGN)
        for task in TASKS:
            workspace.campaigns.finish(1, task, RESULT if task.key else None)
        workspace.campaigns.set_outcomes(1, OUTCOMES)


if __name__ == "__main__":
    write(FILE)
