"""Compile, or load from numba's cache, all that a leaderboard score needs."""

from __future__ import annotations

import numpy as np

from napari_nx46.leaderboard.score import score

__all__ = ["warm_up"]


def warm_up() -> None:
    """Compile every kernel of the leaderboard score, so that the next score computes at once.

    Takes some ten seconds the first time on a machine and about one afterwards. To be called
    off the GUI thread. Calling it again does no harm.
    """
    # Noise has all kinds of features, and relations that only row reduction solves; the hollow
    # cubes have a matched cavity.
    noise = np.random.default_rng(0).random((2, 16, 16, 16)) < 0.55
    hollow = np.zeros((10, 10, 10), np.bool_)
    hollow[1:4, 1:4, 1:4] = True
    hollow[2, 2, 2] = False
    score(noise[0], noise[0] ^ (noise[1] & noise[0][::-1]), workers=1)
    score(hollow, hollow, workers=1)
