"""What is suspicious in masks without a label, as plain values: for people, CSV and JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from napari_nx46.core.measure.suspicions.find import KINDS, Suspicions, find_suspicions
from napari_nx46.files.atomic import WriteError
from napari_nx46.run.compare.mask_sets import MaskSet
from napari_nx46.run.csv_text import CsvValue, csv_bytes
from napari_nx46.voxels.workers import Workers, never

__all__ = [
    "SHOWN_SUSPICIONS",
    "SUSPICION_COLUMNS",
    "check_suspicion_target",
    "shown_suspicions",
    "suspect_masks",
    "suspicion_record",
    "suspicions_csv",
]

SUSPICION_COLUMNS = (
    *("fragment", "kind", "z", "y", "x", "size", "suspicion", "figure"),
    *("z_start", "y_start", "x_start", "z_stop", "y_stop", "x_stop"),
)
"""Columns of `suspicions_csv`, one row a place; the last six are the box around it."""

SHOWN_SUSPICIONS = ("kind", "place (z, y, x)", "size", "suspicion", "figure")


def check_suspicion_target(target: Path, masks: MaskSet) -> None:
    """Raise `WriteError` if writing to a file would destroy one of the masks."""
    sources = {one.path.resolve() for one in masks.masks.values() if one.path is not None}
    if masks.path is not None and not masks.path.is_dir():
        sources.add(masks.path.resolve())
    resolved = target.resolve()
    if not sources.isdisjoint((resolved, *resolved.parents)):
        raise WriteError(target, "a mask is there; choose another place")


def suspect_masks(
    masks: MaskSet, *, workers: Workers | None = None, cancelled: Callable[[], bool] = never
) -> Iterator[tuple[str, Suspicions]]:
    """Find what is suspicious in masks, one when it is asked for.

    A mask alone says nothing of other thresholds: there are no unsure places.

    Parameters
    ----------
    masks : MaskSet
    workers : Workers, optional
        Threads to share the work.
    cancelled : callable
        Asked between the parts of the work.

    Yields
    ------
    tuple
        image_id and what was found.

    Raises
    ------
    FragmentError, VolumeError
        If a mask cannot be read, or is none.
    Cancelled
        If ``cancelled()`` became True.
    """
    for image_id, stored in masks.masks.items():
        mask = stored.read(cancelled)
        yield image_id, find_suspicions(mask, workers=workers, cancelled=cancelled)


def suspicions_csv(found: Iterable[tuple[str, Suspicions]]) -> bytes:
    """Return everything as CSV, `SUSPICION_COLUMNS`: by fragment, the most suspicious first.

    Parameters
    ----------
    found : iterable of (image_id, Suspicions)
    """
    return csv_bytes(SUSPICION_COLUMNS, (row for one in found for row in _csv_rows(*one)))


def suspicion_record(found: Suspicions) -> dict[str, object]:
    """Return everything as plain values for JSON; places and boxes as voxels (z, y, x)."""
    return {
        "median_thickness": found.shapes.median_thickness,
        "suspicions": [
            {
                "kind": kind,
                "place": place,
                "size": size,
                "suspicion": suspicion,
                "figure": figure,
                "extent": extent,
            }
            for kind, place, size, suspicion, figure, extent in _rows(found)
        ],
    }


def shown_suspicions(found: Suspicions, top: int) -> list[tuple[str, ...]]:
    """Return the most suspicious places as people read them, `SHOWN_SUSPICIONS`.

    Parameters
    ----------
    found : Suspicions
    top : int
        How many, at most.
    """
    return [
        (kind, ", ".join(map(str, place)), str(size), f"{suspicion:.3f}", f"{figure:.6g}")
        for (kind, place, size, suspicion, figure, _), _ in zip(
            _rows(found), range(top), strict=False
        )
    ]


_Row = tuple[str, list[int], int, float, float, list[int]]


def _rows(found: Suspicions) -> Iterator[_Row]:
    """Yield kind, place, size, suspicion, figure and box of each place."""
    columns = (found.place, found.places.sizes(), found.suspicion, found.figure)
    rows = (column.tolist() for column in (*columns, found.places.extents()))
    return zip((KINDS[kind] for kind in found.kind.tolist()), *rows, strict=True)


def _csv_rows(image_id: str, found: Suspicions) -> Iterator[list[CsvValue]]:
    for kind, place, size, suspicion, figure, extent in _rows(found):
        yield [image_id, kind, *place, size, suspicion, figure, *extent]
