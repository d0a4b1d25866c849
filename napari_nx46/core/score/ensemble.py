"""The mean of several probability volumes: of their probabilities, logits, or powers.

Sums are taken in a fixed order of the names, so that the result does not depend on the order in
which the volumes were found: p3d, p2d, then the further models in ascending order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from napari_nx46.setting import Averaging, ScoreFrom, Setting, Weights
from napari_nx46.voxels.blocks import FloatVolume

LOWEST_PROBABILITY = 1e-6
"""Probabilities nearer to 0 or 1 count as this far from it: their logits would be infinite."""

_PATHS = ("p3d", "p2d")


def effective_weights(names: Sequence[str], setting: Setting) -> dict[str, float] | None:
    """Return the weight of each probability volume that a setting averages.

    Parameters
    ----------
    names : sequence of str
        Of the volumes that there are. Where only one of ``p3d`` and ``p2d`` is among them, it
        stands for both.
    setting : Setting
        Its weights count where the score is made from probability volumes. Without any, the blend
        weighs p3d and p2d, and further models count for nothing; where there are models alone,
        all weigh the same.

    Returns
    -------
    dict of str to float, or None
        Weight by name, of sum 1, in the order of summation. None where the two paths'
        probabilities are blended, which is done in one pass, without this module.

    Raises
    ------
    ValueError
        If a volume that the setting weighs is not there, or there is none at all.
    """
    if not names:
        raise ValueError("there is no probability volume")
    if setting.source is ScoreFrom.PROBABILITIES:
        require_volumes("temperatures", dict(setting.temperatures), names)
        if setting.weights:
            return normalised_weights(names, setting.weights)
    if not set(_PATHS).isdisjoint(names):
        if setting.averaging is Averaging.PROBABILITY:
            return None
        return {"p3d": setting.blend, "p2d": 1.0 - setting.blend}
    return {name: 1.0 / len(names) for name in in_order(names)}


def require_volumes(knob: str, wanted: Iterable[str], names: Sequence[str]) -> None:
    """Check that the volumes that a knob names are there.

    Parameters
    ----------
    knob : str
        For the message.
    wanted, names : iterable of str
        Of the volumes that it names, and of those that there are. Each of ``p3d`` and ``p2d``
        stands for the other one.

    Raises
    ------
    ValueError
        Names those that are not there, and lists those that are.
    """
    there = {*names, *(() if set(_PATHS).isdisjoint(names) else _PATHS)}
    unknown = sorted(set(wanted).difference(there))
    if unknown:
        raise ValueError(
            f"{knob}: there is no probability volume {', '.join(unknown)}; there are: "
            f"{', '.join(in_order(names)) or 'none'}"
        )


def normalised_weights(names: Sequence[str], weights: Weights) -> dict[str, float]:
    """Return the weights above 0, divided by their sum.

    Parameters
    ----------
    names : sequence of str
        Of the volumes that there are. Those without a weight are left out.
    weights : sequence of (str, float)
        Name and weight, at least 0.

    Returns
    -------
    dict of str to float
        In the order of summation.

    Raises
    ------
    ValueError
        If a volume that has a weight is not there, or no weight is above 0.
    """
    given = dict(weights)
    require_volumes("weights", given, names)
    total = math.fsum(given.values())
    if not total > 0:
        raise ValueError("weights: expected at least one above 0")
    return {name: given[name] / total for name in in_order(given) if given[name] > 0}


def in_order(names: Iterable[str]) -> list[str]:
    """Return names in the order of summation: p3d, p2d, then the others, ascending."""
    given = set(names)
    return [path for path in _PATHS if path in given] + sorted(given.difference(_PATHS))


def mean_of_probabilities(
    parts: Mapping[str, FloatVolume], weights: Mapping[str, float], out: FloatVolume
) -> None:
    """Average probabilities: ``((w1 * p1) + w2 * p2) + ...`` in float32.

    Parameters
    ----------
    parts : mapping of str to (Z, Y, X) array of float32
        Probabilities by name.
    weights : mapping of str to float
        Weight of each part that counts, of sum 1; each is rounded to float32.
    out : (Z, Y, X) array of float32
        Receives the mean.
    """
    first, *others = in_order(weights)
    np.multiply(parts[first], np.float32(weights[first]), out=out)
    for name in others:
        out += parts[name] * np.float32(weights[name])


def mean_of_logits(
    parts: Mapping[str, FloatVolume], weights: Mapping[str, float], out: FloatVolume
) -> None:
    """Average logits, and turn the mean into a probability again; in float64, rounded at the end.

    ``1 / (1 + exp(-sum(w * log(p / (1 - p)))))`` with every p moved to at least
    `LOWEST_PROBABILITY` from 0 and 1.

    Parameters
    ----------
    parts : mapping of str to (Z, Y, X) array of float32
        Probabilities by name.
    weights : mapping of str to float
        Weight of each part that counts, of sum 1.
    out : (Z, Y, X) array of float32
        Receives the mean.
    """
    for z in range(len(out)):  # slice by slice, so that what is held in float64 is small
        total = np.zeros(out.shape[1:], np.float64)
        for name in in_order(weights):
            total += weights[name] * _logits(parts[name][z])
        out[z] = 1.0 / (1.0 + np.exp(-total))


def _logits(probabilities: FloatVolume) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    # Contiguous, as NumPy may take another way through other arrays, and round otherwise.
    exact = np.ascontiguousarray(probabilities, np.float64)
    clipped = np.clip(exact, LOWEST_PROBABILITY, 1.0 - LOWEST_PROBABILITY)
    return np.log(clipped / (1.0 - clipped))


def mean_of_powers(
    parts: Mapping[str, FloatVolume],
    weights: Mapping[str, float],
    power: float,
    out: FloatVolume,
) -> None:
    """Average powers of probabilities, and take the root; in float64, rounded at the end.

    ``sum(w * p**power) ** (1 / power)`` with every p moved to at least `LOWEST_PROBABILITY` from 0;
    for a power of 0 its limit, the geometric mean ``exp(sum(w * log(p)))``. 1 is the mean itself,
    -1 the harmonic one.

    Parameters
    ----------
    parts : mapping of str to (Z, Y, X) array of float32
        Probabilities by name.
    weights : mapping of str to float
        Weight of each part that counts, of sum 1.
    power : float
    out : (Z, Y, X) array of float32
        Receives the mean, at most 1.
    """
    for z in range(len(out)):
        total = np.zeros(out.shape[1:], np.float64)
        for name in in_order(weights):
            exact = np.ascontiguousarray(parts[name][z], np.float64)
            clipped = np.clip(exact, LOWEST_PROBABILITY, 1.0)
            total += weights[name] * (np.log(clipped) if power == 0 else clipped**power)
        mean = np.exp(total) if power == 0 else total ** (1.0 / power)
        out[z] = np.minimum(mean, 1.0)
