"""The fit of sheets with alternative thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.cleanup.arguments import require_at_least_zero
from napari_nx46.core.cleanup.fit.cubes import boxes_with_tunnels, inside_of
from napari_nx46.core.cleanup.fit.surface import FittedSheet, fit_sheet
from napari_nx46.core.cleanup.objects import fill_cavities, remove_small_objects
from napari_nx46.setting import Connectivity, Setting
from napari_nx46.voxels.blocks import Block, Mask, placed, whole_block, within
from napari_nx46.voxels.euler import euler_number
from napari_nx46.voxels.spans import checked_mask, find_components
from napari_nx46.voxels.workers import CancelCheck, Cancelled, Workers, never

__all__ = ["FitRules", "fit_sheets"]

SMALLEST_ALTERNATIVE = 100
"""Voxels that a component of an alternative mask must have to be fitted."""

Voxels = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FitRules:
    """When a fitted sheet is taken.

    Parameters
    ----------
    dice, coverage : float
        Least Dice coefficient with its component, and least share of the component it covers.
    alternative_dice, alternative_coverage : float
        The same of components of alternative masks.
    grid : int
        Points along a side of the grid; see `fit_sheet`.
    smallest : int
        Components of fewer voxels (26) go first, in all masks.
    largest : float
        Components with a larger share of the foreground stay as they are, and others where
        nothing passes. At 1 there is no such guard, as published: what does not pass goes.
    border : int
        So many voxels at each face of the fragment are cut off meanwhile.
    cube : int
        Side of cubes that overlap by half: sheets are fitted within those that have tunnels alone,
        joined to boxes where they touch, each as if it were the volume; 8 voxels from a box's
        faces nothing is replaced. 0 takes the whole volume at once.
    """

    dice: float = 0.70
    coverage: float = 0.65
    alternative_dice: float = 0.45
    alternative_coverage: float = 0.75
    grid: int = 100
    smallest: int = 1000
    largest: float = 0.05
    border: int = 3
    cube: int = 0

    @classmethod
    def of(cls, setting: Setting) -> FitRules:
        """Return the rules of a setting."""
        return cls(
            setting.fit_dice,
            setting.fit_coverage,
            setting.fit_alt_dice,
            setting.fit_alt_coverage,
            setting.fit_grid,
            setting.fit_smallest,
            setting.fit_largest,
            setting.border,
            setting.fit_cube,
        )


def fit_sheets(
    mask: Mask,
    alternatives: Sequence[Mask],
    rules: FitRules | None = None,
    *,
    workers: Workers | None = None,
    cancelled: CancelCheck = never,
) -> Mask:
    """Replace components that have tunnels by sheets that are fitted to them.

    After villa's topological finalising, and the second place's global version, 0.631 private and
    lower public, which drop what no sheet fits: many sheets that are joined are one component, and
    gone. With the guard, see `FitRules`, components that are too large stay as they are.

    1. Small components (26) go from all masks; cavities of the mask are filled.
    2. To each component (26) with 1 minus its Euler number (6) above 0, at most `largest` of the
       foreground, a sheet is fitted (`fit_sheet`). Of sheets and other components, voxels that are
       in several go where another number is next to them (26).
    3. A sheet, its cavities filled, is taken where its Dice coefficient with the component, and the
       share of the component that it covers, are high enough.
    4. Otherwise sheets are fitted to the components of the first alternative mask within the
       component, of at least 100 voxels; then to what was left of them in the next, and so on.
       Those that pass are joined, without what several of them have, as in 2.
    5. Where none passes, the component stays; without the guard it goes.
    6. Steps 2 to 5 are done once more to the components of the result.

    With `FitRules.cube` steps 2 to 6 are done in boxes, as the second place did.

    Reach: the whole fragment.

    Parameters
    ----------
    mask : (Z, Y, X) array of uint8, {0, 1}
    alternatives : sequence of (Z, Y, X) array of uint8, {0, 1}
        Masks by higher low thresholds, in ascending order.
    rules : FitRules, optional
    workers : Workers, optional
        Threads to find components with; the result does not depend on them.
    cancelled : callable
        Asked before each sheet is fitted.

    Returns
    -------
    (Z, Y, X) array of uint8, {0, 1}
        A new array, without the border.

    Raises
    ------
    Cancelled
        If `cancelled` returned True.
    ValueError
        If a mask is no (Z, Y, X) uint8 array of the shape of the others, or a rule is below 0.
    """
    given = rules or FitRules()
    require_at_least_zero(fit_smallest=given.smallest, border=given.border, fit_grid=given.grid)
    whole = checked_mask(mask)
    for other in alternatives:
        if checked_mask(other).shape != whole.shape:
            raise ValueError(f"expected masks of one shape, found {whole.shape} and {other.shape}")
    out = np.zeros_like(whole)
    inner = tuple(slice(given.border, length - given.border) for length in whole.shape)
    if out[inner].size == 0:
        return out
    kept = [_without_small(one, given, workers) for one in (whole, *alternatives)]
    current = np.ascontiguousarray(fill_cavities(kept[0], workers=workers)[inner])
    others = [one[inner] != 0 for one in kept[1:]]
    boxes = [whole_block(current.shape)]
    if given.cube > 0:
        boxes = boxes_with_tunnels(current, given.cube, workers, cancelled)
    for box in boxes:
        part = np.ascontiguousarray(current[box])
        work = _Work(given, [one[box] for one in others], part.shape, workers, cancelled)
        part = work.round(work.round(part, keep_others=True), keep_others=False)
        replaced = inside_of(box, current.shape)
        current[replaced] = part[within(replaced, box)]
    out[inner] = current
    return out


def _without_small(mask: Mask, rules: FitRules, workers: Workers | None) -> Mask:
    return remove_small_objects(mask, rules.smallest, Connectivity.CORNERS, workers=workers)


@dataclass(frozen=True, eq=False)
class _Work:
    """What all components are fitted with."""

    rules: FitRules
    alternatives: Sequence[Voxels]
    shape: tuple[int, ...]
    workers: Workers | None
    cancelled: CancelCheck

    def round(self, mask: Mask, *, keep_others: bool) -> Mask:
        """Return the mask with its components replaced.

        In the first round, components that are not fitted lose what sheets overlap, too.
        """
        components = find_components(mask, 26, workers=self.workers)
        boxes, sizes = components.boxes(), components.sizes()
        largest = self.rules.largest * sizes.sum()
        originals: list[FittedSheet] = []
        sheets: list[FittedSheet] = []
        is_fitted: list[bool] = []
        for number in range(components.count):
            box = _box(boxes[number])
            alone = components.alone(number, box)
            has_guard = self.rules.largest < 1 and sizes[number] > largest
            fits = not has_guard and 1 - euler_number(alone, self.workers) > 0
            if not fits and not keep_others:
                continue
            originals.append(FittedSheet(box, alone != 0))
            sheets.append(self._fitted(alone, box) if fits else originals[-1])
            is_fitted.append(fits)
        overlap = _overlap(sheets, self.shape)
        out = np.zeros_like(mask) if keep_others else mask.copy()
        for original, sheet, fits in zip(originals, sheets, is_fitted, strict=True):
            if not keep_others:
                out[original.box][original.voxels] = 0
            parted = FittedSheet(sheet.box, sheet.voxels & ~overlap[sheet.box])
            for one in self._chosen(original, parted) if fits else [parted]:
                out[one.box] |= one.voxels
        return out

    def _fitted(self, component: Mask | Voxels, box: Block) -> FittedSheet:
        if self.cancelled():
            raise Cancelled
        z, y, x = self.shape
        return fit_sheet(component, box, (z, y, x), self.rules.grid)

    def _chosen(self, original: FittedSheet, sheet: FittedSheet) -> list[FittedSheet]:
        """Return what replaces a component: its sheet, others, itself or nothing."""
        filled = _filled(sheet)
        if _passes(original, filled, self.rules.dice, self.rules.coverage):
            return [filled]
        others = self._alternative_sheets(original)
        if others:
            return _parted(others, self.shape)
        return [original] if self.rules.largest < 1 else []

    def _alternative_sheets(self, original: FittedSheet) -> list[FittedSheet]:
        found: list[FittedSheet] = []
        box, left = original.box, original.voxels
        for alternative in self.alternatives:
            inside = np.ascontiguousarray((alternative[box] & left).view(np.uint8))
            components = find_components(inside, 26, workers=self.workers)
            failed, any_passed = np.zeros_like(left), False
            for number in range(components.count):
                own = _box(components.boxes()[number])
                component = components.alone(number, own) != 0
                if np.count_nonzero(component) < SMALLEST_ALTERNATIVE:
                    continue
                part = FittedSheet(placed(own, box), component)
                sheet = self._fitted(component, part.box)
                dice, coverage = self.rules.alternative_dice, self.rules.alternative_coverage
                if _passes(part, sheet, dice, coverage):
                    found.append(sheet)
                    any_passed = True
                else:
                    failed[own] |= component
            if any_passed:
                left = failed
            if not left.any():
                break
        return found


def _passes(component: FittedSheet, sheet: FittedSheet, dice: float, coverage: float) -> bool:
    own, fitted = int(component.voxels.sum()), int(sheet.voxels.sum())
    shared = int((component.voxels & sheet.on(component.box)).sum())
    return shared > 0 and 2 * shared >= dice * (own + fitted) and shared >= coverage * own


def _parted(sheets: Sequence[FittedSheet], shape: tuple[int, ...]) -> list[FittedSheet]:
    """Return sheets without what several of them have; a later one has what is left of that."""
    if len(sheets) == 1:
        return list(sheets)
    overlap, parted = _overlap(sheets, shape), []
    for number, sheet in enumerate(sheets):
        own = sheet.voxels & ~overlap[sheet.box]
        for later in sheets[number + 1 :]:
            own &= ~(later.on(sheet.box) & ~overlap[sheet.box])
        parted.append(_filled(FittedSheet(sheet.box, own)))
    return parted


def _filled(sheet: FittedSheet) -> FittedSheet:
    from scipy.ndimage import binary_fill_holes

    return FittedSheet(sheet.box, binary_fill_holes(sheet.voxels))


def _overlap(sheets: Sequence[FittedSheet], shape: tuple[int, ...]) -> Voxels:
    """Return the voxels of several sheets with a voxel of another number next to them (26).

    A voxel of several has the highest of their numbers.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    numbers = np.zeros(shape, np.int32)
    is_shared = np.zeros(shape, np.bool_)
    for number, sheet in enumerate(sheets, 1):
        there = numbers[sheet.box]
        is_shared[sheet.box] |= sheet.voxels & (there > 0)
        there[sheet.voxels] = number
    if not is_shared.any():
        return is_shared
    beyond_all = np.int32(np.iinfo(np.int32).max)
    highest = maximum_filter(numbers, size=3, mode="constant", cval=0)
    lowest = minimum_filter(
        np.where(numbers > 0, numbers, beyond_all), size=3, mode="constant", cval=int(beyond_all)
    )
    overlapping: Voxels = is_shared & ((highest != numbers) | (lowest != numbers))
    return overlapping


def _box(extents: npt.NDArray[np.int64]) -> Block:
    z, y, x = (slice(int(start), int(stop)) for start, stop in extents)
    return z, y, x
