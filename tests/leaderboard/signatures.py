"""A program: how many signatures each kernel has after warming up, and after scoring, as JSON."""

from __future__ import annotations

import importlib
import json
import pkgutil

import numpy as np

from napari_nx46 import leaderboard


def signatures() -> dict[str, int]:
    """Return the number of compiled signatures of each kernel that its module offers."""
    package = importlib.import_module("napari_nx46.leaderboard.kernels")
    found = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module_info.name}")
        for name in module.__all__:
            compiled = getattr(getattr(module, name), "signatures", None)
            if compiled is not None:
                found[f"{module_info.name}.{name}"] = len(compiled)
    return found


def main() -> None:
    """Warm up, look, score and explain masks of other shapes, types and layouts, and look again."""
    leaderboard.warm_up()
    warm = signatures()
    rng = np.random.default_rng(1)
    for shape in [(1, 1, 1), (1, 30, 70), (40, 33, 66)]:
        noise = rng.random((2, *shape)) < 0.6
        leaderboard.score(noise[0], noise[0] & noise[1])
        leaderboard.score(noise[0].astype(np.float32), np.zeros(shape, np.uint8))
        leaderboard.score(np.asfortranarray(noise[0]), noise[1][::-1])
        found = leaderboard.explain(noise[0], noise[1])
        for item in range(0, len(found.items), 50):
            found.voxels_of(item), found.way_of(item)
    solid = rng.random((30, 31, 32)) < 0.98
    leaderboard.score(solid, solid)
    print(json.dumps({"warm": warm, "after": signatures()}))


if __name__ == "__main__":
    main()
