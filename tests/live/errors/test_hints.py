"""There is a hint for every kind that is listed, and it names the knobs that are tried."""

from __future__ import annotations

import pytest

from napari_nx46 import leaderboard
from napari_nx46.core.measure.suspicions import find
from napari_nx46.live.errors.hints import HINTS, hint_for
from napari_nx46.live.errors.listing import listing_of
from napari_nx46.live.errors.mends import knob_mends
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.planted import PLANTED_KNOBS, planted_pair

WORDS = {
    "opening": "opening",
    "closing_ball": "closing",
    "sheet_gap": "gap between sheets",
    "patch_holes": "patching",
    "plug_tunnels": "plugging",
    "fill_cavities": "filling of cavities",
    "smallest_object": "smallest object",
}
"""How a hint names a knob."""


def test_every_kind_has_a_hint_and_every_hint_is_of_a_kind():
    assert set(HINTS) == {*leaderboard.KINDS, *find.KINDS}
    assert hint_for("hole") != hint_for("hole", has_label=False)
    assert hint_for("bridge", has_label=False) == HINTS["bridge"]


@pytest.fixture(scope="module")
def listing():
    return listing_of(leaderboard.explain(*planted_pair()))


def test_a_hint_names_every_knob_that_is_tried(listing):
    setting = Setting(**PLANTED_KNOBS)
    named = set()
    for row in range(len(listing)):
        hint = hint_for(listing.kind_of(row))
        for mend in knob_mends(listing, row, setting, Corrections(planted_pair()[0].shape, {})):
            changed = {n for n in WORDS if getattr(mend.setting, n) != getattr(setting, n)}
            for name in changed:
                assert WORDS[name] in hint, (listing.kind_of(row), name)
            named |= changed
    assert len(named) >= 5
