"""The report answers first, and its figures are those of the masks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_nx46.run.suggest.judging.answers import changes_of, knob_importance
from napari_nx46.run.suggest.judging.report import changed_knobs, write_report
from napari_nx46.run.suggest.suggest import SuggestRequest, suggest
from napari_nx46.run.suggest.trying.evaluator import open_evaluator
from napari_nx46.run.suggest.trying.measures import LabelScore
from napari_nx46.voxels.workers import never
from tests.run.suggest.conftest import START


@pytest.fixture(scope="module")
def found(two):
    return suggest(two, SuggestRequest(START, evaluations=80))


def test_answers_come_first_and_have_figures(found, tmp_path):
    page = write_report(found, tmp_path / "setting.json")
    assert page == tmp_path / "setting.report.md"
    lines = page.read_text("utf-8").splitlines()
    answers = found.findings.answers
    assert lines[2].startswith(f"- **{answers[0].question}**")
    assert [line.split("**")[1] for line in lines[2 : 2 + len(answers)]] == [
        one.question for one in answers
    ]
    assert len(answers) == 7
    assert all(any(sign.isdigit() for sign in one.answer) for one in answers)
    assert "## How far to trust it" in lines
    record = json.loads((tmp_path / "setting.report.json").read_text("utf-8"))
    assert record["value"] == found.choice.value
    assert record["expected"] == found.trust.expected
    assert record["answers"] == {one.question: one.answer for one in answers}


def test_recall_and_precision_are_those_of_the_fragments(found):
    for image_id, (start, taken) in found.findings.fragments.items():
        assert (
            f"{image_id}: recall {taken.values['recall']:.3f} at precision "
            f"{taken.values['precision']:.3f} (start {start.values['recall']:.3f}"
        ) in found.findings.answers[0].answer


def test_the_knobs_that_changed_are_all_that_differ(found):
    changed = {name for name, _, _ in changed_knobs(found)}
    assert (
        found.choice.setting.model_copy(update={name: getattr(START, name) for name in changed})
        == START
    )


def test_importance_sums_to_one_and_finds_the_knob_that_decides():
    random = np.random.default_rng(4)
    values = {}
    for _ in range(80):
        z, blend = int(random.integers(0, 4)), float(random.integers(0, 20)) / 20
        values[START.changed(closing_z=z, blend=blend)] = -((blend - 0.5) ** 2) + 0.001 * z
    found = knob_importance(values)
    assert sum(found.values()) == pytest.approx(1)
    assert next(iter(found)) == "blend"
    assert knob_importance(dict(list(values.items())[:5])) == {}


def test_what_a_setting_changes_is_counted_and_missed_slices_are_named(two):
    other = START.changed(quantile=0.9)
    with open_evaluator(two, LabelScore()) as evaluator:
        changes = changes_of(evaluator, ["f0", "f1"], (other, START), never)
        for one in changes:
            new, old = (evaluator.mask(setting, one.image_id) for setting in (other, START))
            label = evaluator.label(one.image_id)
            judged = label != 2
            assert one.counts.gained == np.count_nonzero((new > old) & judged)
            missed = ((label == 1) & (new == 0)).sum(axis=(1, 2))
            assert [z for z, _ in one.missed] == list(np.argsort(-missed, kind="stable")[:3])
            assert one.missed[0][1] == missed.max() / missed.sum()
