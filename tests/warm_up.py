"""Compile the kernels into numba's cache before the tests, so that no two processes do it at once.

python -m tests.warm_up
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from .conftest import KERNELS_FOLDER

PAIRS = (("float32", "uint8"), ("float32", "float32"), ("uint8", "uint8"))
"""Types of the volumes that most tests use: of the 3D path and of the 2D path."""


def compile_clean_up():
    """Compile hysteresis, clean-up, and what blends and thresholds."""
    from napari_nx46.core.cleanup_warm_up import warm_up_cleanup
    from napari_nx46.core.kernels import compiled_kernels
    from napari_nx46.live.warm_up import warm_up

    warm_up_cleanup()
    warm_up(compiled_kernels(), PAIRS)


def compile_leaderboard():
    """Compile the leaderboard score."""
    from napari_nx46 import leaderboard

    leaderboard.warm_up()


def main():
    """Compile everything in two processes."""
    print(f"compiled kernels are kept in {KERNELS_FOLDER}")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
        for job in [processes.submit(compile_clean_up), processes.submit(compile_leaderboard)]:
            job.result()


if __name__ == "__main__":
    main()
