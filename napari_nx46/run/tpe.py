"""Studies of Optuna's tree-structured Parzen estimator, as campaigns and `suggest` make them.

References
----------
J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for Hyper-Parameter Optimization",
NIPS 2011.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna

__all__ = ["SAMPLER", "hold", "new_study", "quiet_optuna"]

SAMPLER: Mapping[str, int | bool] = {
    "n_startup_trials": 10,
    "multivariate": True,
    "constant_liar": True,
}
"""What the sampler is given, besides the seed; all else is Optuna's default."""


def new_study(seed: int) -> optuna.Study:
    """Return an empty study whose values are to become as high as possible."""
    import optuna

    with quiet_optuna():
        sampler = optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=int(SAMPLER["n_startup_trials"]),
            multivariate=bool(SAMPLER["multivariate"]),
            constant_liar=bool(SAMPLER["constant_liar"]),
        )
    return optuna.create_study(direction="maximize", sampler=sampler)


def hold(study: optuna.Study, params: Mapping[str, object]) -> None:
    """Give some parameters the same values from now on; the others are sampled as before."""
    import optuna

    with quiet_optuna():
        study.sampler = optuna.samplers.PartialFixedSampler(dict(params), study.sampler)


def quiet_optuna() -> warnings.catch_warnings:
    """Return a context without Optuna's warnings of what some versions call experimental."""
    import optuna

    # Which else says on stderr that a study was made.
    logging.getLogger("optuna").setLevel(logging.WARNING)
    return warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning)
