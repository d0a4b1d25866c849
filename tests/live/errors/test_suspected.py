"""What is suspicious, as a list."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from napari_nx46.core.measure.suspicions.find import KINDS, find_suspicions
from napari_nx46.live.errors.arranged import Arrangement, arrange, rows_csv, rows_text
from napari_nx46.live.errors.listing import ErrorFilter
from napari_nx46.live.errors.mends import hand_mends
from napari_nx46.live.errors.suspected import STEP, listing_of_suspicions
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

SHAPE = (76, 64, 64)


@pytest.fixture(scope="module")
def found():
    """Return what is suspicious in sheets with a hole, a fused place, a bridge and joints."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:7] = mask[20:22] = mask[32:34] = mask[45:47] = 1
    mask[5:7, 30:33, 40:43] = 0
    mask[22:32, 10:22, 10:22] = 1
    mask[34:45, 40:43, 20:23] = 1
    mask[60:62] = mask[70:72] = 1
    mask[62:70, 12:15, 12:15] = mask[62:70, 44:47, 40:43] = 1
    layers = [(mask[z : z + 16], mask[z : z + 16].copy()) for z in range(0, SHAPE[0], 16)]
    layers[2][1][:, 48:, 48:] = 0
    return find_suspicions(mask, layers)


@pytest.fixture(scope="module")
def listing(found):
    return listing_of_suspicions(found)


def test_every_row_says_why_it_is_listed_and_costs_nothing(listing, found):
    why = dict.fromkeys(KINDS, "")
    for row in range(len(listing)):
        kind = listing.kind_of(row)
        why[kind] = why[kind] or listing.note_of(row)
        assert listing.text_of(row) == (
            f"{kind}, {found.places.sizes()[row]:,} voxels: {listing.note_of(row)}"
        )
        assert listing.note_of(row).endswith(f"(suspicion {found.suspicion[row]:.2f})")
        assert listing.place_of(row) in {tuple(one) for one in listing.voxels_of(row).tolist()}
        assert not len(listing.way_of(row))
    assert why["sheet with holes"].startswith("tunnels and cavities: 1 ")
    assert why["hole"].startswith("tunnels that it closes: 1 ")
    assert "voxels thick; median 2.0" in why["thick sheet"]
    assert "holds a part of 8," in why["bridge"]
    assert why["joined parts"].startswith("hold a part of ")
    assert why["unsure place"].startswith(f"100% depends on ±{STEP} of the threshold")
    assert listing.score is None
    assert not listing.table.share.any()
    assert np.isnan(listing.table.gain).all()


def test_holes_are_filled_and_bridges_erased_by_hand_and_nothing_else_is(listing, found):
    mended = {}
    for row in range(len(listing)):
        (*mends,) = hand_mends(listing, row, Setting(), Corrections.none(SHAPE))
        mended.setdefault(listing.kind_of(row), []).extend(mends)
        for mend in mends:
            changed = mend.corrections.added + mend.corrections.erased
            if listing.kind_of(row) != "joined parts":
                assert changed == found.places.sizes()[row]
    assert {kind for kind, mends in mended.items() if mends} == {
        *("hole", "bridge", "joined parts")
    }
    assert all(mend.corrections.added for mend in mended["hole"])
    assert all(mend.corrections.erased for mend in mended["bridge"])


def test_joints_are_cut_all_at_once_or_each_alone(listing):
    (row,) = np.flatnonzero(listing.table.kind == KINDS.index("joined parts")).tolist()
    every, *each = hand_mends(listing, row, Setting(), Corrections.none(SHAPE))
    assert every.title.endswith("by hand, at all joints (2)")
    assert every.corrections.erased == len(listing.voxels_of(row))
    assert sum(one.corrections.erased for one in each) == every.corrections.erased
    assert len(each) == 2
    assert not every.corrections.added


def test_filters_ask_only_for_what_the_rows_have(listing):
    every = list(range(len(listing)))
    assert ErrorFilter(part="voi", side="label", dimension=1).rows(listing).tolist() == every
    bridges = ErrorFilter(kind="bridge", octant=3).rows(listing)
    assert {listing.kind_of(row) for row in bridges.tolist()} == {"bridge"}


def test_rows_are_kept_with_the_reason(listing):
    arranged = arrange(listing, ErrorFilter(), Arrangement(folded=False))
    read = list(csv.DictReader(io.StringIO(rows_csv(arranged).decode())))
    assert [one["note"] for one in read] == [listing.note_of(row) for row in range(len(listing))]
    assert math.fsum(float(one["share"]) for one in read) == 0
    assert rows_text(arranged).splitlines()[0].endswith("\tnote")
