"""Masks of volumes larger than memory, tile by tile, equal to those in memory bit for bit."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from napari_nx46.scale.execute.estimate import Estimate, estimate
    from napari_nx46.scale.execute.progress import ApplyProgress, ApplyState
    from napari_nx46.scale.execute.run import RunOptions, apply
    from napari_nx46.scale.plan.plan import ApplyPlan, OutputOptions, plan_apply

__all__ = [
    "ApplyPlan",
    "ApplyProgress",
    "ApplyState",
    "Estimate",
    "OutputOptions",
    "RunOptions",
    "apply",
    "estimate",
    "plan_apply",
]

_HOME_OF_NAME: Final = {
    name: f"{__name__}.{module}"
    for module, names in (
        ("execute.estimate", ("Estimate", "estimate")),
        ("plan.plan", ("ApplyPlan", "OutputOptions", "plan_apply")),
        ("execute.progress", ("ApplyProgress", "ApplyState")),
        ("execute.run", ("RunOptions", "apply")),
    )
    for name in names
}


def __getattr__(name: str) -> object:
    home = _HOME_OF_NAME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
