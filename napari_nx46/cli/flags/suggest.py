"""What a search may vary: the flag ``--knobs``."""

from __future__ import annotations

from collections.abc import Sequence

from napari_nx46.campaign.plan.axes import parse_axes
from napari_nx46.campaign.plan.faults import PlanError, PlanFault
from napari_nx46.campaign.plan.rows import field_of, unknown_knob
from napari_nx46.run.suggest.searching.space import KnobRange, Space
from napari_nx46.setting import checked_knob

__all__ = ["chosen_space"]

KNOBS_FLAG = "--knobs"
MOST_VALUES = 1001


def chosen_space(texts: Sequence[str], usual: Space) -> Space:
    """Return the space that flags choose.

    Parameters
    ----------
    texts : sequence of str
        Knobs by name, with their usual ranges, also several with commas between; or
        ``KNOB=LOW:HIGH``, ``KNOB=LOW:HIGH:STEP``, ``KNOB=VALUE,VALUE``.
    usual : Space
        All knobs with their usual ranges.

    Raises
    ------
    PlanError
        Lists everything that is wrong.
    """
    ranges, faults = [], []
    given = [text for text in texts if "=" in text]
    for text in texts:
        if "=" in text:
            continue
        for name in (part.strip() for part in text.split(",")):
            knob = field_of(name) or field_of(name.replace("-", "_"))
            if knob is None:
                faults.append(unknown_knob(name))
            elif knob in usual.by_name:
                ranges.append(usual.by_name[knob])
            else:
                faults.append(PlanFault("has no usual range here, expected KNOB=VALUES", knob=name))
    axes, wrong = parse_axes(given, steps_needed=False)
    faults += wrong
    for axis in axes:
        count = len(axis.values)
        if not 2 <= count <= MOST_VALUES:  # noqa: PLR2004
            faults.append(
                PlanFault(f"found {count} values, expected 2 to {MOST_VALUES}", knob=axis.knob)
            )
        elif not wrong:
            values = [checked_knob(axis.knob, axis.values.text(n)) for n in range(count)]
            ranges.append(KnobRange(axis.knob, tuple(values)))  # type: ignore[arg-type]
    if faults:
        raise PlanError(KNOBS_FLAG, faults)
    return Space(tuple({one.name: one for one in ranges}.values()))
