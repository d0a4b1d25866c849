"""What belongs together is paired as its plain definition says."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.data.fragments import FragmentError
from napari_nx46.data.fragments.boxes import Box
from napari_nx46.run.compare.pairing import Party, pair


@dataclass(frozen=True)
class Shaped:
    shape: tuple[int, int, int]


items = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([Shaped((1, 2, 3)), Shaped((3, 2, 1))]), min_size=1
)


@given(items, items, st.sampled_from(["both", "a", "b", "none"]), st.sets(st.sampled_from("abcd")))
def test_fragments_are_paired_by_image_id_or_not_at_all(a, b, every, only):
    common = a.keys() & b.keys()
    required = (
        only or {"both": a.keys() | b.keys(), "a": a.keys(), "b": b.keys(), "none": common}[every]
    )
    parties = Party("mask", "here", a), Party("label", "there", b)
    fits = required and required <= common and all(a[name] == b[name] for name in required)
    if fits:
        paired = pair(*parties, every=every, only=only)
        assert paired == {name: (a[name], b[name]) for name in sorted(required)}
        assert list(paired) == sorted(required)
    else:
        with pytest.raises(FragmentError, match=r"found (shape|no (mask|label) of) .*; expected"):
            pair(*parties, every=every, only=only)


def test_a_single_file_of_any_name_belongs_to_the_only_fragment_of_the_other():
    one, other = Shaped((1, 2, 3)), Shaped((1, 2, 3))
    file, only = Party("mask", "x.tif", {"x": one}, any_name=True), Party("mask", "m", {"a": other})
    assert pair(file, only) == {"a": (one, other)}
    assert pair(only, file) == {"a": (other, one)}
    assert pair(file, Party("mask", "y.tif", {"y": other}, any_name=True)) == {"x": (one, other)}
    several = Party("label", "several", {"a": other, "b": other})
    with pytest.raises(
        FragmentError,
        match=r"found no mask of a, b in x\.tif and no label of x in several; expected the same",
    ):
        pair(file, several)


@pytest.mark.parametrize("any_name", [False, True])
def test_a_box_belongs_to_that_of_its_level(any_name):
    box, item = Box.parse("0:1,0:2,0:3"), Shaped((1, 2, 3))

    def party(store, level):
        return Party("mask", store, {box.image_id(store, level): item}, any_name=any_name)

    for one, other in ((None, None), ("1", "1"), (None, "1"), ("1", None)):
        assert len(pair(party("a", one), party("b", other))) == 1
    with pytest.raises(FragmentError, match=r"level-2_z0-1.* and .*level-1_z0-1"):
        pair(party("a", "1"), party("b", "2"))


def test_every_fragment_without_a_partner_is_named_with_its_place():
    a, b = ({name: Shaped((1, 2, 3)) for name in names} for names in ("ac", "bc"))
    with pytest.raises(FragmentError, match=r"of a in there; expected the same .*, or so"):
        pair(Party("mask", "here", a), Party("label", "there", b), every="a", hint=", or so")
    with pytest.raises(FragmentError, match="no mask of b in here and no label of a in there"):
        pair(Party("mask", "here", a), Party("label", "there", b))
