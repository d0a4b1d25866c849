"""Comparing two sides, fragment by fragment: knobs, figures, and how far their masks agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from napari_nx46 import leaderboard
from napari_nx46.core.measure.label_bits import LabelBits
from napari_nx46.core.measure.volume import VolumeMetrics, measure_volume
from napari_nx46.files.submission.mask_tiff import Shape
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.leaderboard import ErrorTable, LeaderboardScore
from napari_nx46.run.compare.changes import WonAndLost, won_and_lost
from napari_nx46.run.compare.mask_sets import MaskSet
from napari_nx46.run.compare.pairing import MaskPair, SidePairing
from napari_nx46.setting import Domain, Setting, knob_applies
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.overlap import Overlap, SliceOverlaps, overlap_by_slice
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = [
    "NOT_USED",
    "ComparedFragment",
    "ComparisonReport",
    "KnobDifference",
    "MaskFigures",
    "compare_sides",
    "knob_differences",
    "knob_text",
]

NOT_USED = "not used"
"""What stands for the value of a knob that does not apply."""

_LASTING_FIGURES = ("density", "mean_continuity", "components", "largest_share", "euler_number")
"""Figures that follow from a mask alone."""


@dataclass(frozen=True, slots=True)
class KnobDifference:
    """A knob in which two sides differ.

    Parameters
    ----------
    knob : str
        Name of the setting's field.
    image_id : str, optional
        The fragment; None if it is the same for all that are compared.
    value_a, value_b : str
        As people read it.
    """

    knob: str
    image_id: str | None
    value_a: str
    value_b: str


@dataclass(frozen=True, slots=True)
class MaskFigures:
    """What one mask amounts to.

    Parameters
    ----------
    volume : VolumeMetrics
    score : LeaderboardScore, optional
        None without a label.
    """

    volume: VolumeMetrics
    score: LeaderboardScore | None = None

    def as_record(self) -> dict[str, float]:
        """Return the figures that are known by name, ready for a table."""
        record = self.volume.as_record()
        if self.score is not None:
            record |= {
                "leaderboard_score": self.score.value,
                "topo": self.score.topo.value,
                "surface_dice": self.score.surface_dice,
                "voi_score": self.score.voi.value,
            }
        return record


@dataclass(frozen=True, eq=False, slots=True)
class ComparedFragment:
    """Both masks of a fragment and how far they agree.

    Parameters
    ----------
    image_id : str
    shape : tuple of int
        (Z, Y, X).
    a, b : MaskFigures
    slices : SliceOverlaps
    changes : WonAndLost, optional
        From A to B; None without a label.
    """

    image_id: str
    shape: Shape
    a: MaskFigures
    b: MaskFigures
    slices: SliceOverlaps
    changes: WonAndLost | None = None

    @property
    def overlap(self) -> Overlap:
        """The counts of all slices together, with Dice and IoU."""
        return self.slices.whole


@dataclass(frozen=True, eq=False, slots=True)
class ComparisonReport:
    """Everything that is reported of two sides.

    Parameters
    ----------
    a, b : MaskSet
    knobs : tuple of KnobDifference
        Empty as well where the settings of a side are not known; a note says so.
    fragments : tuple of ComparedFragment
    notes : tuple of str
        What a reader should know.
    """

    a: MaskSet
    b: MaskSet
    knobs: tuple[KnobDifference, ...]
    fragments: tuple[ComparedFragment, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> dict[str, WonAndLost]:
        """What was won and lost from A to B, by image_id, where there is a label."""
        changes = {one.image_id: one.changes for one in self.fragments}
        return {image_id: one for image_id, one in changes.items() if one is not None}

    def means(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the mean over the fragments of every figure that all masks have, of A and B."""
        records = [(one.a.as_record(), one.b.as_record()) for one in self.fragments]
        names = [
            name for name in records[0][0] if all(name in one for pair in records for one in pair)
        ]
        mean_a, mean_b = (
            {name: math.fsum(pair[side][name] for pair in records) / len(records) for name in names}
            for side in (0, 1)
        )
        return mean_a, mean_b


# ---- comparing -----------------------------------------------------------------------------


def compare_sides(
    pairing: SidePairing,
    labels: Mapping[str, Volume] | None = None,
    *,
    workers: Workers | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: CancelCheck = never,
) -> ComparisonReport:
    """Compare the masks of two sides, one fragment after the other.

    Parameters
    ----------
    pairing : SidePairing
    labels : mapping of str to Volume, optional
        By image_id; fragments that have one get their leaderboard score.
    workers : Workers, optional
        Threads to share the work.
    progress : callable
        Called with the share of the work that is done, in [0, 1].
    cancelled : callable
        Asked between slices and between the parts of the work.

    Returns
    -------
    ComparisonReport

    Raises
    ------
    FragmentError
        If a mask is not binary.
    VolumeError
        If a volume cannot be read, or was changed meanwhile.
    Cancelled
        If ``cancelled()`` became True; the one of the core, of the files or of the leaderboard.
    """
    threads = workers or Workers(1)
    fragments = []
    for pair in pairing.pairs:
        label = (labels or {}).get(pair.image_id)
        fragments.append(_compare(pair, label, threads, cancelled))
        progress(len(fragments) / len(pairing.pairs))
    knobs, unknown = _knobs_of(pairing)
    kept = (*_unlike_kept(pairing.a, fragments, "a"), *_unlike_kept(pairing.b, fragments, "b"))
    notes = (*pairing.a.notes, *pairing.b.notes, *pairing.notes, *kept, *unknown)
    return ComparisonReport(pairing.a, pairing.b, knobs, tuple(fragments), notes)


def knob_differences(pairs: Sequence[MaskPair]) -> tuple[KnobDifference, ...]:
    """Return the knobs in which the settings of two sides differ, in the order of the fields.

    A knob that cannot change a mask, as the others stand, counts as not used.

    Parameters
    ----------
    pairs : sequence of MaskPair
        Those without both settings are passed over.
    """
    known = [
        (pair.image_id, a, b)
        for pair in pairs
        for a, b in (pair.settings,)
        if a is not None and b is not None
    ]
    differences: list[KnobDifference] = []
    for knob in Setting.model_fields:
        values = {name: (knob_text(knob, a), knob_text(knob, b)) for name, a, b in known}
        of_all = len(set(values.values())) == 1
        for image_id, (value_a, value_b) in list(values.items())[: 1 if of_all else None]:
            if value_a != value_b:
                place = None if of_all else image_id
                differences.append(KnobDifference(knob, place, value_a, value_b))
    return tuple(differences)


def _compare(
    pair: MaskPair, label: Volume | None, workers: Workers, cancelled: CancelCheck
) -> ComparedFragment:
    true: Mask | None = None
    if label is not None:
        true = label.read().astype(np.uint8, copy=False)
        label.release()
    mask_a = pair.a.read(cancelled)
    figures_a, errors_a = _measure(mask_a, true, workers, cancelled)
    mask_b = pair.b.read(cancelled)
    figures_b, errors_b = _measure(mask_b, true, workers, cancelled)
    slices = overlap_by_slice(mask_a, mask_b, workers)
    changes = None
    if errors_a is not None and errors_b is not None:
        changes = won_and_lost(errors_a, errors_b)
    return ComparedFragment(pair.image_id, pair.shape, figures_a, figures_b, slices, changes)


def _measure(
    mask: Mask, label: Mask | None, workers: Workers, cancelled: CancelCheck
) -> tuple[MaskFigures, ErrorTable | None]:
    """Return the figures of a mask, and its errors where there is a label."""
    if cancelled():
        raise Cancelled
    if label is None:
        return MaskFigures(measure_volume(mask, workers=workers, cancelled=cancelled)), None
    bits = LabelBits.of(label, workers)
    volume = measure_volume(mask, label=bits, workers=workers, cancelled=cancelled)
    found = leaderboard.explain(mask, label, cancelled=cancelled, workers=workers.count)
    return MaskFigures(volume, found.score), found.items


def _unlike_kept(
    side: MaskSet, fragments: Sequence[ComparedFragment], letter: Literal["a", "b"]
) -> tuple[str, ...]:
    """Describe figures that are others than the workspace has kept."""
    notes = []
    for fragment in fragments:
        figures: MaskFigures = getattr(fragment, letter)
        found = figures.volume.as_record()
        for name in _LASTING_FIGURES:
            kept = side.kept_metrics.get(fragment.image_id, {}).get(name)
            if kept is None or name not in found:
                continue
            if not math.isclose(kept, found[name], rel_tol=1e-9, abs_tol=1e-12):
                notes.append(
                    f"{side.name}: fragment {fragment.image_id}: found {name} {found[name]:.9g}, "
                    f"but {kept:.9g} was kept of the run"
                )
    return tuple(notes)


def _knobs_of(pairing: SidePairing) -> tuple[tuple[KnobDifference, ...], tuple[str, ...]]:
    """Return the knobs that differ, and notes where there are none to say."""
    of_sides = (
        ("A", pairing.a, [pair.a.setting for pair in pairing.pairs]),
        ("B", pairing.b, [pair.b.setting for pair in pairing.pairs]),
    )
    unknown = tuple(
        f"the settings of {letter} ({side.name}) are not known: there is no manifest of it"
        for letter, side, settings in of_sides
        if None in settings and not side.notes
    )
    differences = knob_differences(pairing.pairs)
    if not differences and all(None not in settings for _, _, settings in of_sides):
        return differences, ("the settings of A and B are the same",)
    return differences, unknown


def knob_text(knob: str, setting: Setting) -> str:
    """Return the value of a knob as people read it: "not used" where it does not apply."""
    # The block is no control of its own: it belongs to the domain of that name.
    in_use = setting.domain is Domain.BLOCK and knob_applies("domain", setting)
    if not knob_applies(knob, setting) or (knob == "block" and not in_use):
        return NOT_USED
    value = setting.model_dump(mode="json")[knob]
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ",".join(f"{name}={weight:g}" for name, weight in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(f"{start}:{stop}" for start, stop in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)
