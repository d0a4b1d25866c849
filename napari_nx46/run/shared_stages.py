"""An order of work in which what shares stages of a mask follows each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from napari_nx46.core.cleanup.steps import steps_of
from napari_nx46.core.score.blend import ScoreKey
from napari_nx46.setting import Setting, threshold_knobs

__all__ = ["by_shared_stages", "stages_of"]

Item = TypeVar("Item")


def stages_of(setting: Setting, image_id: str = "") -> tuple[Hashable, ...]:
    """Return the stages of a setting's mask on a fragment, each with all that is upstream of it.

    First the score, then the threshold, then the clean-up steps: equal ones, equal stages.
    """
    stages: list[Hashable] = [(image_id, ScoreKey.of(setting))]
    for knobs in (threshold_knobs(setting), *(step.key(setting) for step in steps_of(setting))):
        stages.append((stages[-1], knobs))
    return tuple(stages)


def by_shared_stages(
    items: Iterable[Item],
    stages: Callable[[Item], Sequence[Hashable]],
    after: Sequence[Hashable] = (),
) -> list[Item]:
    """Order items so that those with equal first stages follow each other, at every depth.

    Parameters
    ----------
    items : iterable
    stages : callable
        Returns the stages of an item, see `stages_of`.
    after : sequence
        Stages of what was computed last: what shares them comes first.

    Returns
    -------
    list
        The same items; groups stand in the order of their first items.
    """
    numbers: dict[Hashable, int] = {stage: number for number, stage in enumerate(after)}

    def place(item: Item) -> tuple[int, ...]:
        return tuple(numbers.setdefault(stage, len(numbers)) for stage in stages(item))

    placed = [(place(item), item) for item in items]
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]
