"""What was won and lost between two masks of a fragment, as tables and facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from napari_nx46.leaderboard import KINDS, SIDES, ErrorTable, KindChange, changed_errors
from napari_nx46.run.compare.errors import points_text
from napari_nx46.run.pages import ReportTable

__all__ = ["WonAndLost", "change_tables", "won_and_lost"]

_MOST_ERRORS = 5
_KIND_COLUMNS = (
    *("fragment", "kind", "mended", "points", "new", "points", "in both", "points"),
    "won in all",
)
_ERROR_COLUMNS = ("fragment", "change", "kind", "side", "place (z, y, x)", "size", "points")


@dataclass(frozen=True, slots=True)
class ChangedError:
    """An error of one of two masks alone.

    Parameters
    ----------
    kind, side : str
        One of `KINDS` and of `SIDES`.
    place : tuple of int
        (z, y, x).
    size : int
        Voxels, or corners of a surface.
    share : float
        Points that it costs.
    """

    kind: str
    side: str
    place: tuple[int, int, int]
    size: int
    share: float


@dataclass(frozen=True, slots=True)
class WonAndLost:
    """Errors that the second of two masks mends, and errors that it adds.

    Parameters
    ----------
    kinds : tuple of KindChange
        Those that change the score most first.
    mended, new : tuple of ChangedError
        The costliest ones.
    won : float
        Points that the score gains: the second score less the first one.
    """

    kinds: tuple[KindChange, ...]
    mended: tuple[ChangedError, ...]
    new: tuple[ChangedError, ...]
    won: float


def won_and_lost(first: ErrorTable, second: ErrorTable, most: int = _MOST_ERRORS) -> WonAndLost:
    """Find what was won and lost from one mask to another.

    Parameters
    ----------
    first, second : ErrorTable
        Their errors against one label.
    most : int
        How many errors to keep of those that are mended, and of those that are new.

    Returns
    -------
    WonAndLost
    """
    changes = changed_errors(first, second)
    return WonAndLost(
        tuple(changes.kinds()),
        tuple(_costliest(changes.mended, most)),
        tuple(_costliest(changes.new, most)),
        changes.won,
    )


def change_tables(fragments: Mapping[str, WonAndLost]) -> tuple[ReportTable, ReportTable]:
    """Return what was won and lost as people read it: a kind a row, and the costliest errors.

    Parameters
    ----------
    fragments : mapping of str to WonAndLost
        By image_id.
    """
    kinds = [row for image_id, found in fragments.items() for row in _kind_rows(image_id, found)]
    errors = [row for image_id, found in fragments.items() for row in _error_rows(image_id, found)]
    return (
        ReportTable("Kinds of errors that are mended or new", _KIND_COLUMNS, tuple(kinds)),
        ReportTable("Costliest errors that are mended or new", _ERROR_COLUMNS, tuple(errors)),
    )


def _costliest(table: ErrorTable, most: int) -> Iterator[ChangedError]:
    for row in range(min(most, len(table))):
        z, y, x = table.place[row].tolist()
        yield ChangedError(
            KINDS[table.kind[row]],
            SIDES[table.side[row]],
            (z, y, x),
            int(table.size[row]),
            float(table.share[row]),
        )


def _kind_rows(image_id: str, found: WonAndLost) -> Iterator[tuple[str, ...]]:
    for one in found.kinds:
        if not (one.mended or one.new or one.kept_change):
            continue
        yield (
            image_id,
            one.kind,
            str(one.mended),
            points_text(one.mended_share, signed=True),
            str(one.new),
            points_text(-one.new_share, signed=True),
            str(one.kept),
            points_text(-one.kept_change, signed=True),
            points_text(one.won, signed=True),
        )
    yield (image_id, "all", "", "", "", "", "", "", points_text(found.won, signed=True))


def _error_rows(image_id: str, found: WonAndLost) -> Iterator[tuple[str, ...]]:
    of_changes: tuple[tuple[str, int, Iterable[ChangedError]], ...] = (
        ("mended", 1, found.mended),
        ("new", -1, found.new),
    )
    for change, sign, errors in of_changes:
        for one in errors:
            yield (
                image_id,
                change,
                one.kind,
                one.side,
                ", ".join(map(str, one.place)),
                str(one.size) if one.size else "",
                points_text(sign * one.share, signed=True),
            )
