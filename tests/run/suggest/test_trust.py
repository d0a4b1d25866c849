"""What a search says of fragments that it has not seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_nx46 import leaderboard
from napari_nx46.data.fragments import FragmentError, open_data, write_data_folder
from napari_nx46.run.findings.words import THE_QUESTIONS
from napari_nx46.run.suggest.judging.folds import MOST_FOLDS, read_groups, views_of
from napari_nx46.run.suggest.judging.trust import Gain, LeftOut, Trust, gain_of_octants
from napari_nx46.run.suggest.suggest import SuggestRequest, compared_of, suggest
from napari_nx46.run.suggest.trying.evaluator import Task, open_evaluator
from napari_nx46.run.suggest.trying.measures import LabelScore
from napari_nx46.run.suggest.trying.places import TriedPlace
from napari_nx46.setting import SettingError
from napari_nx46.voxels.workers import Cancelled, never
from tests.run.suggest.conftest import START
from tests.run.suggest.data import fragment_volumes, write_labelled

COUNT = 8


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    return list(write_labelled(tmp_path_factory.mktemp("eight"), COUNT))


@pytest.fixture(scope="module")
def found(eight):
    return suggest(eight, SuggestRequest(START, evaluations=64))


def scores_of(fragments, setting):
    found = {}
    with open_evaluator(fragments, LabelScore()) as evaluator:
        tasks = [Task(setting, TriedPlace(one.image_id)) for one in fragments]
        evaluator.evaluate(tasks, found.__setitem__, never)
    return [found[task].values["score"] for task in tasks]


def test_unseen_fragments_score_within_the_stated_error(found, tmp_path):
    unseen = list(write_labelled(tmp_path, COUNT, first_seed=100))
    trust = found.trust
    scores = scores_of(unseen, found.choice.setting)
    off = [abs(score - trust.expected) for score in scores]
    assert sum(one > trust.margin for one in off) <= 1
    assert trust.margin < 0.5
    both = math.hypot(trust.error, np.std(scores, ddof=1) / math.sqrt(COUNT))
    assert abs(np.mean(scores) - trust.expected) < 3 * both
    assert np.mean(scores) > np.mean(scores_of(unseen, START))


def test_each_left_out_fragment_is_scored_with_a_choice_made_without_it(found, eight):
    assert [one.group for one in found.trust.groups] == [one.image_id for one in eight]
    for one, fragment in zip(found.trust.groups, eight, strict=True):
        assert scores_of([fragment], one.setting) == [one.score]
        assert scores_of([fragment], START) == [one.start]
        others = [other for other in eight if other is not fragment]
        assert np.mean(scores_of(others, one.setting)) == pytest.approx(one.seen)
    words = found.sentences()
    assert f"expect {found.trust.expected:.3f} ± {found.trust.error:.3f}" in words[0]
    assert "more than noise" in words[-1]


def test_what_a_fold_proposes_follows_from_its_own_fragments_alone(eight, tmp_path):
    """Another label of the fragment that is left out changes nothing of the fold's choice."""
    for one in eight:
        volumes = {"p3d": one.p3d.read(), "p2d": one.p2d.read()}
        label = np.asarray(one.label[:])
        if one.image_id == "f0":
            label = np.roll(label, 4, axis=0)
        write_data_folder(tmp_path, one.image_id, volumes | {"train_labels": label})
    three = [open_data(tmp_path)[name] for name in ("f0", "f1", "f2")]
    same = [next(one for one in eight if one.image_id == name) for name in ("f0", "f1", "f2")]
    choices = [
        suggest(some, SuggestRequest(START, evaluations=90)).trust.groups[0]
        for some in (three, same)
    ]
    assert choices[0].setting == choices[1].setting
    assert choices[0].score != choices[1].score


def test_a_gain_is_real_above_its_error_if_nobody_loses_much():
    assert Gain.of_pairs([0.01, 0.02, 0.03]).is_real
    assert Gain.of_pairs([0.01, 0.02, 0.03]).error == pytest.approx(0.01 / math.sqrt(3))
    assert not Gain.of_pairs([0.03, -0.03, 0.01]).is_real
    one_loses = Gain.of_pairs([0.02] * 20 + [-0.05])
    assert one_loses.mean > one_loses.error
    assert not one_loses.is_real
    assert "but one of 21 loses 0.050" in Trust((), one_loses).sentences(0.0)[-1]


def test_the_margin_is_that_of_students_t():
    rows = [LeftOut(str(n), START, score, 0.7, 0.5) for n, score in enumerate((0.6, 0.62, 0.64))]
    trust = Trust(tuple(rows), None)
    assert (trust.expected, trust.error) == pytest.approx((0.62, 0.02 / math.sqrt(3)))
    assert trust.margin == pytest.approx(4.302653 * 0.02 * math.sqrt(1 + 1 / 3), rel=1e-5)
    assert trust.optimism == pytest.approx(0.08)


def test_the_error_on_one_fragment_is_a_jackknife_over_its_octants():
    random = np.random.default_rng(1)
    new, old, label = (random.integers(0, 2, (8, 8, 8), np.uint8) for _ in range(3))
    found = gain_of_octants((new, old), label, never)
    left = []
    for z in (0, 4):
        for y in (0, 4):
            for x in (0, 4):
                ignored = label.copy()
                ignored[z : z + 4, y : y + 4, x : x + 4] = 2
                scores = [leaderboard.score(one, ignored).value for one in (new, old)]
                left.append(scores[0] - scores[1])
    expected = math.sqrt(7 / 8 * sum((one - np.mean(left)) ** 2 for one in left))
    assert found.error == pytest.approx(expected)
    whole = [leaderboard.score(one, label).value for one in (new, old)]
    assert found.mean == whole[0] - whole[1]


def test_groups_are_left_out_together(eight):
    whole, *folds = views_of(eight, {f"f{n}": "odd" if n % 2 else "even" for n in range(COUNT)})
    assert [one.name for one in folds] == ["even", "odd"]
    assert folds[0].image_ids == ("f1", "f3", "f5", "f7")
    assert len(whole.image_ids) == COUNT
    assert len(views_of(eight, dict.fromkeys((one.image_id for one in eight), "all"))) == 9
    assert len(views_of(eight[:1], {})) == 1
    more = [one for one in eight for _ in range(2)]
    assert len(views_of(more, {})) == MOST_FOLDS + 1


def test_groups_come_from_a_table(tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("image_id,scroll\na, PHerc1 \nb,PHerc2\n\n")
    assert read_groups(table, ["a", "b"]) == {"a": "PHerc1", "b": "PHerc2"}
    for text, words in (
        ("a,1\n", "no group of b"),
        ("a,1\nb\n", "row 2"),
        ("a,1\na,2\n", "second"),
    ):
        table.write_text(text)
        with pytest.raises(FragmentError, match=words):
            read_groups(table, ["a", "b"])


def test_one_fragment_has_the_error_of_its_octants_and_says_so(eight):
    found = suggest(eight[:1], SuggestRequest(START, evaluations=32))
    assert (found.trust.groups, found.trust.expected) == ((), None)
    assert found.trust.gain.of == 8
    assert found.trust.gain.mean == pytest.approx(found.choice.value - found.start_value)
    assert "found on one fragment" in found.sentences()[0]


def test_a_search_that_is_stopped_keeps_the_best_or_says_that_there_is_none(eight):
    asked = []

    def stopped():
        asked.append(None)
        return len(asked) > 300

    found = suggest(eight[:1], SuggestRequest(START, seconds=600), cancelled=stopped)
    assert found.stopped
    assert found.choice.value >= found.start_value
    assert found.trust.gain is not None
    asked_now = {one.question for one in found.findings.answers}
    assert {THE_QUESTIONS["slices"], THE_QUESTIONS["compromise"]} <= asked_now
    assert found.findings.importance
    asked.clear()
    found = suggest(
        eight[:1],
        SuggestRequest(START, seconds=600),
        cancelled=stopped,
        given_up=lambda: len(asked) > 300,
    )
    assert found.trust.gain is None
    with pytest.raises(Cancelled):
        suggest(eight[:1], SuggestRequest(START, seconds=600), cancelled=lambda: True)


def test_a_label_that_ignores_every_voxel_is_none(tmp_path):
    volumes = fragment_volumes(3)
    ignoring = volumes | {"train_labels": np.full_like(volumes["train_labels"], 2)}
    write_data_folder(tmp_path, "a", ignoring)
    write_data_folder(tmp_path, "b", volumes)
    fragments = list(open_data(tmp_path))
    assert [one.image_id for one in compared_of(fragments)] == ["b"]
    found = suggest(fragments[:1], SuggestRequest(START, evaluations=3))
    assert not found.with_label
    assert not found.findings.answers
    assert "No fragment has a label" in found.sentences()[0]


def test_a_search_needs_an_end_labels_and_a_quantile_of_each_fragment(eight):
    with pytest.raises(SettingError, match="neither minutes nor evaluations"):
        SuggestRequest(START)
    with pytest.raises(SettingError, match="nx46 freeze"):
        SuggestRequest(START.changed(domain="dataset"), seconds=1)
    with pytest.raises(FragmentError, match="found no fragment"):
        compared_of([])
