"""Random masks that are compared."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.run.compare.comparison import compare_sides
from napari_nx46.run.compare.mask_sets import open_masks
from napari_nx46.run.compare.pairing import pair_sides
from napari_nx46.setting import Setting

SETTING_A = Setting(quantile=0.9, blend=0.3, z_radius=1)
SHAPES = {"a": (5, 9, 12), "b": (3, 7, 8)}


def random_masks(seed, density=0.3):
    rng = np.random.default_rng(seed)
    return {name: (rng.random(shape) < density).astype(np.uint8) for name, shape in SHAPES.items()}


def side_of(path):
    return open_masks(path, with_record=True)


def compared(a, b, labels=None, **options):
    return compare_sides(pair_sides(a, b), labels, **options)


def assert_reported(report, masks_a, masks_b):
    """Check the figures and overlaps of a report against plain array arithmetic."""
    assert [one.image_id for one in report.fragments] == sorted(masks_a)
    for one in report.fragments:
        a, b = (masks[one.image_id].astype(bool) for masks in (masks_a, masks_b))
        both, either = (a & b).sum(), (a | b).sum()
        assert one.a.volume == measure_volume(a.view(np.uint8))
        assert one.b.volume == measure_volume(b.view(np.uint8))
        assert one.overlap.iou == pytest.approx(both / either)
        assert one.overlap.dice == pytest.approx(2 * both / (a.sum() + b.sum()))
        assert (one.overlap.only_a, one.overlap.only_b) == ((a & ~b).sum(), (b & ~a).sum())
