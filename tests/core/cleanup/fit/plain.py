"""The fit of sheets by its plain definition: whole volumes, SciPy and scikit-image."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, spatial
from scipy.interpolate import griddata
from skimage.measure import euler_number, label
from skimage.morphology import remove_small_objects


def sheet_of(component, grid):
    """Return the sheet that is fitted to a component of a whole volume."""
    voxels = np.column_stack(np.nonzero(component))
    count = len(voxels)
    if count < 10:
        return component.copy()
    limits = [(500, 30), (2000, 50), (5000, 70), (15_000, grid)]
    side = next((min(size, grid) for most, size in limits if count < most), min(150, grid + 20))
    middle = voxels.mean(axis=0)
    _, strengths, axes = np.linalg.svd(voxels - middle, full_matrices=False)
    uv = (voxels - middle) @ np.column_stack([axes[0], axes[1]])
    w = (voxels - middle) @ axes[2]
    chosen = np.arange(count)
    if count > 5000:
        seed = np.ravel_multi_index(tuple(voxels[0]), component.shape)
        chosen = np.random.default_rng(seed).choice(count, 5000, replace=False)
    (u0, v0), (u1, v1) = uv.min(axis=0), uv.max(axis=0)
    du, dv = u1 - u0, v1 - v0
    gu, gv = np.meshgrid(
        np.linspace(u0 - 0.05 * du, u1 + 0.05 * du, side),
        np.linspace(v0 - 0.05 * dv, v1 + 0.05 * dv, side),
        indexing="ij",
    )
    height = griddata(uv[chosen], w[chosen], (gu, gv), method="nearest")
    try:
        linear = griddata(uv[chosen], w[chosen], (gu, gv), method="linear")
        height = np.where(np.isnan(linear), height, linear)
    except spatial.QhullError:
        pass
    height = ndimage.median_filter(height, size=3)
    if strengths[2] / strengths[0] >= 0.05:
        height = ndimage.gaussian_filter(height, 1.0)
    apart, _ = spatial.cKDTree(uv).query(np.column_stack([gu.ravel(), gv.ravel()]))
    far = apart.reshape(side, side) > (du + dv) / side
    waiting = [
        (i, j)
        for i in range(side)
        for j in range(side)
        if (i in (0, side - 1) or j in (0, side - 1)) and far[i, j]
    ]
    while waiting:
        i, j = waiting.pop()
        if 0 <= i < side and 0 <= j < side and far[i, j]:
            far[i, j] = False
            height[i, j] = np.nan
            waiting += [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
    points = (
        middle + gu[..., None] * axes[0] + gv[..., None] * axes[1] + height[..., None] * axes[2]
    )
    sheet = np.zeros(component.shape, bool)
    for i in range(side - 1):
        for j in range(side - 1):
            a, b, c, d = points[i, j], points[i + 1, j], points[i, j + 1], points[i + 1, j + 1]
            if np.isnan([a, b, c, d]).any():
                continue
            for u in np.arange(8) / 7:
                v = (np.arange(8) / 7)[:, None]
                samples = (1 - u) * (1 - v) * a + u * (1 - v) * b + (1 - u) * v * c + u * v * d
                places = np.round(samples).astype(int)
                inside = ((places >= 0) & (places < component.shape)).all(axis=1)
                sheet[tuple(places[inside].T)] = True
    for axis in range(3):
        along = np.moveaxis(sheet, axis, 0)
        along[:5] = False
        along[-5:] = False
    sheet = ndimage.binary_dilation(sheet, ndimage.generate_binary_structure(3, 2))
    return np.array([ndimage.binary_fill_holes(plane) for plane in sheet])


def overlap_of(sheets):
    """Return where voxels of several sheets have another one beside them."""
    count = np.sum(sheets, axis=0)
    numbers = np.zeros(sheets[0].shape, int)
    for number, sheet in enumerate(sheets, 1):
        numbers[sheet] = number
    overlap = np.zeros(numbers.shape, bool)
    padded = np.pad(numbers, 1)
    for z, y, x in np.argwhere(count > 1):
        near = padded[z : z + 3, y : y + 3, x : x + 3]
        overlap[z, y, x] = ((near > 0) & (near != numbers[z, y, x])).any()
    return overlap


def agrees(component, sheet, dice, coverage):
    """Return whether a sheet is near enough to a component."""
    shared = (component & sheet).sum()
    total = component.sum() + sheet.sum()
    return shared > 0 and 2 * shared >= dice * total and shared >= coverage * component.sum()


def replaced(component, sheet, alternatives, rules):
    """Return what comes in place of a component."""
    filled = ndimage.binary_fill_holes(sheet)
    if agrees(component, filled, rules.dice, rules.coverage):
        return filled
    found, left = [], component.copy()
    for alternative in alternatives:
        numbered = label(alternative & left)
        failed = np.zeros_like(left)
        before = len(found)
        for number in range(1, numbered.max() + 1):
            part = numbered == number
            if part.sum() < 100:
                continue
            fitted = sheet_of(part, rules.grid)
            if agrees(part, fitted, rules.alternative_dice, rules.alternative_coverage):
                found.append(fitted)
            else:
                failed |= part
        if len(found) > before:
            left = failed
        if not left.any():
            break
    if len(found) == 1:
        return found[0]
    if found:
        overlap = overlap_of(found)
        numbers = np.zeros(left.shape, int)
        for number, one in enumerate(found, 1):
            numbers[one & ~overlap] = number
        parts = [numbers == number for number in range(1, len(found) + 1)]
        return np.any([ndimage.binary_fill_holes(part) for part in parts], axis=0)
    return component if rules.largest < 1 else np.zeros_like(component)


def merged_boxes(mask, side):
    """Return the boxes of cubes with tunnels, joined while any two are within 2 voxels."""
    found = []
    step = max(1, side // 2)
    corners = [range(0, max(1, length - side + step), step) for length in mask.shape]
    for z in corners[0]:
        for y in corners[1]:
            for x in corners[2]:
                numbered = label(mask[z : z + side, y : y + side, x : x + side])
                parts = [numbered == n for n in range(1, numbered.max() + 1)]
                if any(
                    one.sum() >= 20 and euler_number(one.astype(int), connectivity=1) < 1
                    for one in parts
                ):
                    low = np.array([z, y, x])
                    found.append((low, np.minimum(low + side, mask.shape)))
    while True:
        pair = next(
            (
                (a, b)
                for a in range(len(found))
                for b in range(a)
                if (found[a][0] <= found[b][1] + 2).all() and (found[b][0] <= found[a][1] + 2).all()
            ),
            None,
        )
        if pair is None:
            return found
        first, second = found.pop(pair[0]), found.pop(pair[1])
        found.append((np.minimum(first[0], second[0]), np.maximum(first[1], second[1])))


def prepared(mask, alternatives, rules):
    """Return what is within the border, and the masks there without small components."""
    border = rules.border
    inner = tuple(slice(border, length - border) for length in mask.shape)
    masks = [
        remove_small_objects(one.astype(bool), max_size=max(rules.smallest - 1, 0), connectivity=3)
        for one in (mask, *alternatives)
    ]
    current = ndimage.binary_fill_holes(masks[0])[inner]
    return inner, current, [one[inner] for one in masks[1:]]


def fitted_in_cubes(mask, alternatives, rules):
    """Return the mask with sheets fitted within boxes of cubes that have tunnels."""
    inner, current, others = prepared(mask, alternatives, rules)
    for low, high in merged_boxes(current, rules.cube):
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        part = rounds(current[box], [one[box] for one in others], rules)
        cut = 8 * (low > 0), 8 * (high < current.shape)
        kept = tuple(
            slice(first, max(first, size - last))
            for first, last, size in zip(*cut, part.shape, strict=True)
        )
        current[box][kept] = part[kept]
    out = np.zeros(mask.shape, np.uint8)
    out[inner] = current
    return out


def fitted(mask, alternatives, rules):
    """Return the mask whose components with tunnels are replaced by sheets."""
    inner, current, others = prepared(mask, alternatives, rules)
    out = np.zeros(mask.shape, np.uint8)
    out[inner] = rounds(current, others, rules)
    return out


def rounds(current, others, rules):
    """Return a mask whose components with tunnels were replaced twice."""
    for first in (True, False):
        numbered = label(current)
        components = [numbered == number for number in range(1, numbered.max() + 1)]
        tunnels = [
            1 - euler_number(one.astype(int), connectivity=1) > 0
            and not (rules.largest < 1 and one.sum() > rules.largest * current.sum())
            for one in components
        ]
        taken = [
            (one, holed) for one, holed in zip(components, tunnels, strict=True) if first or holed
        ]
        if not taken:
            break
        sheets = [sheet_of(one, rules.grid) if holed else one for one, holed in taken]
        overlap = overlap_of(sheets)
        result = np.zeros_like(current) if first else current.copy()
        for (one, holed), sheet in zip(taken, sheets, strict=True):
            if not first:
                result &= ~one
            parted = sheet & ~overlap
            result |= replaced(one, parted, others, rules) if holed else parted
        current = result
    return current
