"""What the values of stores are: probabilities, logits, or nothing."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_nx46.files.volumes.content import Content, logits_of
from napari_nx46.files.volumes.opening import Logits, Role, VolumeError, open_volume

SHAPE = (8, 8, 8)


def logits_in(path, channels, seed=1):
    """Write logits of which the half before the middle was never predicted; return them."""
    logits = np.random.default_rng(seed).normal(0, 3, (channels, *SHAPE)).astype(np.float16)
    logits[:, :4] = 0
    logits[0, 6, 6, 6] = 0  # in one channel alone: this is a prediction, if there are others
    stored = logits if channels > 1 else logits[0]
    chunks = (1, 4, 4, 4)[-stored.ndim :]
    array = zarr.create_array(path, shape=stored.shape, chunks=chunks, dtype="float16")
    array[...] = stored
    return logits


def softmax(logits, channel):
    powers = np.exp(logits.astype(np.float64))
    return powers[channel] / powers.sum(axis=0)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("kind", Logits)
def test_where_all_logits_are_zero_nothing_was_predicted(tmp_path, channels, kind):
    logits = logits_in(tmp_path / "a.zarr", channels)
    empty = (logits == 0).all(axis=0)
    for channel in range(channels):
        own = logits[channel].astype(np.float64)
        if kind is Logits.SIGMOID:
            expected = 1 / (1 + np.exp(-own))
        elif kind is Logits.DISTANCE:
            expected = 1 / (1 + np.exp(np.clip(own, -100, 5)))
        elif channels == 1:
            continue
        elif kind is Logits.FOREGROUND:
            expected = 1 - softmax(logits, 0)
        else:
            expected = softmax(logits, channel)
        volume = open_volume(tmp_path / "a.zarr", logits=kind, channel=channel)
        read = volume.read()
        np.testing.assert_allclose(read, np.where(empty, 0, expected), rtol=1e-6)
        np.testing.assert_array_equal(read[empty], 0)
        np.testing.assert_array_equal(volume.without_prediction(np.s_[2:7, 3]), empty[2:7, 3])
        assert volume.absent_value == 0


def test_what_absent_chunks_are_read_as(tmp_path):
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(2, *SHAPE), chunks=(1, 4, 4, 4), dtype="float16", fill_value=-2
    )
    array[:, :4] = 1
    for kind in Logits:
        volume = open_volume(tmp_path / "a.zarr", logits=kind)
        assert volume.absent_value == volume[7, 7, 7]
    assert open_volume(tmp_path / "a.zarr", role=Role.IMAGE, channel=0).absent_value == -2


@pytest.mark.parametrize("channels", [1, 2])
def test_logits_are_found_out(tmp_path, channels):
    logits_in(tmp_path / "a.zarr", channels)
    volume = open_volume(tmp_path / "a.zarr", role=Role.IMAGE, channel=-1)
    several = Logits.SOFTMAX if channels > 1 else Logits.SIGMOID
    assert logits_of(volume, Content.AUTO) is several
    assert logits_of(volume, Content.LOGIT) is several
    assert logits_of(volume, Content.PROBABILITY) is None
    assert volume.without_prediction(0) is None


@pytest.mark.parametrize(
    ("values", "doubt"),
    [
        (lambda z: np.abs(z - 6.0) - 1.5, "most of them above 0: signed distances"),
        (lambda z: -60.0 * z + 0.5, "farther from 0 than logits are"),
        (lambda z: -2.0 * z, "all whole numbers"),
    ],
)
def test_what_may_be_distances_is_not_taken_for_logits(tmp_path, values, doubt):
    np.save(tmp_path / "a.npy", values(np.indices(SHAPE)[0]).astype(np.float32))
    volume = open_volume(tmp_path / "a.npy", role=Role.IMAGE)
    with pytest.raises(VolumeError, match=rf"a\.npy.*{doubt}.*--logits distance"):
        logits_of(volume, Content.AUTO)
    assert logits_of(volume, Content.LOGIT) is Logits.SIGMOID
    assert logits_of(volume, Content.PROBABILITY) is None


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_probabilities_are_no_logits(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.ones(SHAPE, dtype))
    volume = open_volume(tmp_path / "a.npy", role=Role.IMAGE)
    assert logits_of(volume, Content.AUTO) is None
    assert volume.absent_value is None
