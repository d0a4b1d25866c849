"""An export refuses splits that lower the score of a labelled fragment."""

from __future__ import annotations

import numpy as np
import pytest

from napari_nx46.core.cleanup.fused.splitting import split_thick
from napari_nx46.data.fragments import DataSet, FragmentError
from napari_nx46.run.export.splits import check_splits
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import Setting

SPLIT = Setting(rule="probability", z_radius=0, split_thick=3)


def balls_with_a_neck():
    """Return two thick balls that a thin neck joins, in one octant."""
    z, y, x = np.indices((32, 32, 64))
    whole = (z - 8) ** 2 + (y - 8) ** 2 + (x - 8) ** 2 <= 49
    whole |= (z - 8) ** 2 + (y - 8) ** 2 + (x - 24) ** 2 <= 49
    whole[7:10, 7:10, 8:24] = True
    return whole.astype(np.uint8)


def checked(label):
    whole = balls_with_a_neck()
    arrays = {"a": {"p3d": whole.astype(np.float32), "label": label}}
    dataset = DataSet.from_arrays(arrays)
    return check_splits(PipelineSet(dataset), dataset, {"a": SPLIT})


def test_a_split_that_the_label_has_not_is_refused():
    with pytest.raises(FragmentError, match=r"fragment a: split_thick 3 lowers .* switch it off"):
        checked(balls_with_a_neck())


def test_a_split_that_the_label_has_goes_through():
    checked(split_thick(balls_with_a_neck(), 3))


def test_without_a_label_or_a_split_nothing_is_checked():
    dataset = DataSet.from_arrays({"a": {"p3d": np.ones((3, 4, 5), np.float32)}})
    check_splits(PipelineSet(dataset), dataset, {"a": SPLIT})
    check_splits(PipelineSet(dataset), dataset, {"a": Setting()})
