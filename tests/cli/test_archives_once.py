"""Every command decodes each mask of an archive once, and validates the archive once."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_nx46.files.submission import mask_check, reading, validation
from napari_nx46.run.judge import kept_runs
from tests.command import nx46_here
from tests.run.compare.comparing import write_archive, write_masks

SHAPES = {"a": (6, 9, 11), "b": (5, 12, 8)}


@pytest.fixture
def counts(monkeypatch):
    """Return how many archives were validated and how many masks of archives were decoded."""
    counted = Counter()

    def count(name, function):
        def counting(*arguments, **options):
            counted[name] += 1
            return function(*arguments, **options)

        return counting

    validate = count("validated", validation.validate_submission)
    for module in (reading, kept_runs):
        monkeypatch.setattr(module, "validate_submission", validate)
    monkeypatch.setattr(mask_check, "open_tiff", count("decoded", mask_check.open_tiff))
    return counted


def random_masks(seed, foreground):
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(0, 2, shape, np.uint8) * np.uint8(foreground)
        for name, shape in SHAPES.items()
    }


@pytest.fixture(params=[1, 255])
def archives(request, tmp_path):
    write_masks(tmp_path / "labels", random_masks(3, 1))
    return [
        write_archive(tmp_path / f"{seed}.zip", random_masks(seed, request.param))
        for seed in (1, 2)
    ]


@pytest.mark.parametrize(
    ("command", "labelled"), [("measure", False), ("score", True), ("compare", False)]
)
def test_an_archive_is_validated_and_decoded_once(archives, counts, tmp_path, command, labelled):
    read = archives if command == "compare" else archives[:1]
    ran = nx46_here(command, *read, *([tmp_path / "labels"] if labelled else []))
    assert ran.exit_code == 0, ran.stderr
    assert counts == {"validated": len(read), "decoded": len(read) * len(SHAPES)}


@pytest.mark.parametrize("profile", ["kaggle", "nx47"])
def test_an_archive_that_is_kept_judged_or_frozen_is_decoded_once(counts, tmp_path, profile):
    rng = np.random.default_rng(6)
    for name, shape in SHAPES.items():
        for kind in ("p3d", "p2d"):
            path = tmp_path / "data" / kind / f"{name}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, rng.random(shape, np.float32))
    out, work = tmp_path / "s.zip", ("--work", tmp_path / "w.sqlite")
    exported = nx46_here("export", tmp_path / "data", "--out", out, "--profile", profile)
    assert exported.exit_code == 0, exported.stderr
    for arguments in (("add", out), ("freeze", "1"), ("verdict", "1")):
        counts.clear()
        nx46_here("runs", *arguments, *work)
        assert counts == {"validated": 1, "decoded": len(SHAPES)}, arguments
    counts.clear()
    ran = nx46_here("compare", "run:1", out, *work)
    assert ran.exit_code == 0, ran.stderr
    assert counts == {"validated": 2, "decoded": 2 * len(SHAPES)}
