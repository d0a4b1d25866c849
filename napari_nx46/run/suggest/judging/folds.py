"""Which fragments are left out together, to see what a search is worth on unknown ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.run.suggest.trying.places import places_of
from napari_nx46.run.suggest.trying.results import View

__all__ = ["MOST_FOLDS", "read_groups", "views_of"]

MOST_FOLDS = 8
"""With more groups several are left out together."""

LARGEST_BYTES = 1 << 24


def views_of(fragments: Sequence[Fragment], groups: Mapping[str, str]) -> list[View]:
    """Return the view of all fragments, then one for each fold without what is left out.

    Parameters
    ----------
    fragments : sequence of Fragment
    groups : mapping of str to str
        Group by image_id; a fragment that is not in it is a group of its own. With one group alone
        its fragments are left out one by one.

    Returns
    -------
    list of View
        The first alone where there is one fragment.
    """
    rungs = places_of([(one.image_id, one.shape) for one in fragments])
    of_all = {one.image_id: groups.get(one.image_id, one.image_id) for one in fragments}
    if len(set(of_all.values())) == 1:
        of_all = {image_id: image_id for image_id in of_all}
    names = sorted(set(of_all.values()))
    whole = View("", rungs, of_all)
    if len(names) == 1:
        return [whole]
    count = min(MOST_FOLDS, len(names))
    return [whole, *(whole.without(names[at::count]) for at in range(count))]


def read_groups(path: Path, image_ids: Iterable[str]) -> dict[str, str]:
    """Read the group of each fragment from a table.

    Parameters
    ----------
    path : Path
        CSV, the first column image_id and the second its group, such as the scroll; a first row
        that names no fragment is a head.
    image_ids : iterable of str
        All fragments that need one.

    Raises
    ------
    FragmentError
        If a fragment is missing or is there twice, or a row has no two columns.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise FragmentError(f"{path}: found more than {LARGEST_BYTES} bytes, expected a table")
    wanted, groups = set(image_ids), dict[str, str]()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 1 and cells[0] not in wanted):
                continue
            if len(cells) < 2 or not cells[1]:  # noqa: PLR2004
                raise FragmentError(f"{path}, row {number}: expected an image_id and its group")
            if cells[0] in groups:
                raise FragmentError(f"{path}, row {number}: found {cells[0]} a second time")
            groups[cells[0]] = cells[1]
    missing = sorted(wanted - groups.keys())
    if missing:
        raise FragmentError(f"{path}: found no group of {', '.join(missing)}; add a row for each")
    return {image_id: groups[image_id] for image_id in wanted}
