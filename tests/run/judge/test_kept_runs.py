"""Runs are kept with what was exported, found again, and checked against their archives."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from napari_nx46.core.measure.volume import measure_volume
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.files.workspace import SavedRun, Workspace, WorkspaceError
from napari_nx46.run.export.export import same_setting
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.manifest_reading import ManifestError
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.judge.kept_exports import register_export
from napari_nx46.run.judge.kept_runs import (
    FreezeError,
    accept_best,
    add_archive,
    as_frozen,
    check_archive,
    find_run,
    freeze_run,
    frozen_run,
    give_verdict,
    hash_archive,
    list_runs,
    score_run,
)
from napari_nx46.run.judge.verdict import RunList
from napari_nx46.setting import Setting
from tests.run.compare.comparing import export_to, sha256, write_archive
from tests.run.data import expected_masks

SETTING = Setting(quantile=0.9, blend=0.3, z_radius=1)
OTHER = Setting(quantile=0.8)


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "runs.sqlite") as opened:
        yield opened


@pytest.fixture
def archive(dataset, out):
    """Return an exported archive."""
    path = out / "base" / "submission.zip"
    export_to(path, dataset, SETTING, "base")
    return path


@pytest.fixture
def two_runs(workspace, dataset, out):
    """Return the ids of two runs that were exported, the first one frozen."""
    runs = [
        register_export(workspace, *export_to(out / tag / "submission.zip", dataset, setting, tag))
        for tag, setting in (("base", SETTING), ("next", OTHER))
    ]
    workspace.set_scores(runs[0].id, public=0.3)
    workspace.freeze_baseline(runs[0].id)
    return tuple(run.id for run in runs)


def test_an_export_is_kept_with_its_settings_metrics_and_hash(workspace, dataset, out):
    path = out / "submission.zip"
    run = register_export(workspace, *export_to(path, dataset, SETTING, "a tag"))
    assert workspace.runs() == (run,)
    assert (run.tag, run.archive, run.archive_sha256) == ("a tag", path.absolute(), sha256(path))
    assert run.settings == same_setting(dataset, SETTING)
    for image_id, mask in expected_masks(dataset, run.settings).items():
        figures = measure_volume(mask)
        assert run.metrics[image_id]["density"] == pytest.approx(figures.density)
        assert run.metrics[image_id]["mean_continuity"] == pytest.approx(figures.mean_continuity)


def test_the_same_export_is_kept_once_and_another_one_again(workspace, dataset, out):
    path = out / "submission.zip"
    exports = [("x", SETTING), ("x", SETTING), ("y", SETTING), ("x", OTHER)]
    ids = [
        register_export(workspace, *export_to(path, dataset, setting, tag)).id
        for tag, setting in exports
    ]
    assert ids == [1, 1, 2, 3]
    assert len(workspace.runs()) == 3


def test_a_tag_that_is_too_long_is_reported_and_nothing_is_kept(workspace, dataset, out):
    result, _ = export_to(out / "submission.zip", dataset, SETTING)
    with pytest.raises(WorkspaceError, match="the run cannot be kept: tag: found 201 characters"):
        register_export(workspace, result, RunOptions("x" * 201))
    assert workspace.runs() == ()


def test_an_archive_with_its_manifest_is_added_and_measured(workspace, dataset, archive):
    run = add_archive(workspace, archive)
    assert workspace.run(run.id) == run
    assert (run.tag, run.archive_sha256) == ("base", sha256(archive))
    assert run.settings == same_setting(dataset, SETTING)
    for image_id, mask in expected_masks(dataset, run.settings).items():
        assert run.metrics[image_id] == measure_volume(mask).as_record()
    assert add_archive(workspace, archive, tag="other").tag == "other"
    assert add_archive(workspace, archive).id == run.id


def test_an_archive_without_a_manifest_of_its_own_is_not_added(workspace, dataset, archive):
    manifest = json.loads(manifest_path(archive).read_bytes())
    manifest["fragments"][1]["mask_sha256"] = "0" * 64
    manifest_path(archive).write_text(json.dumps(manifest))
    with pytest.raises(ManifestError, match=r"describes other masks .*fragment b\).* expected the"):
        add_archive(workspace, archive)
    manifest_path(archive).unlink()
    with pytest.raises(ManifestError, match=r"expected submission\.manifest\.json, as nx46 export"):
        add_archive(workspace, archive)
    with pytest.raises(ManifestError, match=r"gone\.zip: found no file"):
        add_archive(workspace, archive.with_name("gone.zip"))
    assert workspace.runs() == ()


def test_an_archive_that_is_not_valid_is_not_added(workspace, archive):
    archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(VolumeError, match=r"no valid submission: .*not-a-zip"):
        add_archive(workspace, archive)
    assert workspace.runs() == ()


def test_runs_are_found_by_id_tag_and_as_the_baseline(workspace):
    for tag in ("one", "two", "two", "", "7", "baseline"):
        workspace.add_run(SavedRun({"a": SETTING}, tag=tag))
    assert find_run(workspace, "1").id == find_run(workspace, "one").id == 1
    assert find_run(workspace, "baseline").id == 6  # nothing is frozen: it is a tag like others
    with pytest.raises(WorkspaceError, match=r"found 2 runs with the tag 'two'.*: 2, 3"):
        find_run(workspace, "two")
    for missing in ("7", "0", "9" * 40, "none", "", "-1", "1 or 1"):
        with pytest.raises(WorkspaceError):
            find_run(workspace, missing)


def test_the_frozen_run_is_as_it_was_but_for_its_scores(workspace, two_runs):
    base, following = two_runs
    workspace.set_scores(base, public=0.305, private=0.25)
    frozen = frozen_run(workspace)
    assert frozen.changes == ()
    assert (frozen.run.public_score, frozen.run.private_score) == (0.305, 0.25)
    assert find_run(workspace, "baseline") == frozen.run == workspace.run(base)
    assert as_frozen(workspace, workspace.run(following)).run.id == following
    with closing(sqlite3.connect(workspace.path)) as connection, connection:
        connection.execute("UPDATE runs SET archive_sha256 = ? WHERE id = ?", ("1" * 64, base))
    connection.close()
    changed = as_frozen(workspace, workspace.run(base))
    assert changed.run.archive_sha256 == frozen.run.archive_sha256
    assert "another archive is kept" in changed.changes[0]


def test_an_archive_is_checked_for_its_bytes_its_validity_and_its_fragments(
    workspace, dataset, archive
):
    run = add_archive(workspace, archive)
    assert check_archive(run).stands
    content = archive.read_bytes()
    archive.write_bytes(content + b"\0")
    assert "was changed" in check_archive(run).faults[0]
    masks = expected_masks(dataset, {"a": SETTING})
    write_archive(archive, masks)
    fewer = SavedRun(run.settings, archive=archive, archive_sha256=sha256(archive))
    (fault,) = check_archive(fewer).faults
    assert "found masks of a, expected those of a, b, c" in fault
    archive.write_bytes(b"torn")
    torn = SavedRun(run.settings, archive=archive, archive_sha256=sha256(archive))
    assert hash_archive(torn).stands
    assert "not-a-zip" in check_archive(torn).faults[0]
    archive.unlink()
    assert "is missing" in check_archive(run).faults[0]
    archive.mkdir()
    assert "cannot be read" in check_archive(run).faults[0]
    assert check_archive(SavedRun({"a": SETTING})).faults == ("it has no archive",)


def test_a_verdict_needs_a_baseline(workspace, archive):
    run = add_archive(workspace, archive)
    with pytest.raises(WorkspaceError, match="no frozen baseline; freeze a run with"):
        give_verdict(workspace, run)
    assert not give_verdict(workspace, run, run).go


def test_a_better_run_is_a_go_until_its_archive_is_another(workspace, two_runs):
    base, following = two_runs
    workspace.set_scores(following, public=0.31)
    run = workspace.run(following)
    verdict = give_verdict(workspace, run)
    assert (verdict.go, verdict.best_run.id, verdict.notes) == (True, following, ())
    accept_best(workspace, verdict.best_run)
    assert workspace.accepted() == run.settings
    with run.archive.open("ab") as file:
        file.write(b"x")
    verdict = give_verdict(workspace, run)
    assert (verdict.go, verdict.best_run.id) == (False, base)
    replaced = accept_best(workspace, verdict.best_run)
    assert replaced == run.settings
    assert workspace.accepted() == workspace.run(base).settings
    assert accept_best(workspace, verdict.best_run) == {}


def test_a_baseline_whose_archive_is_missing_or_changed_is_reported(workspace, two_runs):
    base, following = two_runs
    workspace.set_scores(following, public=0.31)
    archive = workspace.run(base).archive
    archive.write_bytes(b"another")
    for baseline in (None, workspace.run(base)):
        verdict = give_verdict(workspace, workspace.run(following), baseline)
        assert verdict.go
        assert "was changed: found SHA-256" in verdict.notes[0]
    archive.unlink()
    (note,) = give_verdict(workspace, workspace.run(following)).notes
    assert note.endswith("is missing")


def test_accepting_the_best_leaves_the_fragments_of_others_alone(workspace, two_runs):
    workspace.set_accepted({"elsewhere": OTHER, "a": OTHER})
    best = workspace.run(two_runs[0])
    assert accept_best(workspace, best) == {"a": OTHER}
    assert workspace.accepted() == {"elsewhere": OTHER, **best.settings}


def test_one_score_is_given_or_taken_back_and_the_other_stays(workspace, two_runs):
    base, _ = two_runs
    assert score_run(workspace, base, "private_score", 0.2).private_score == 0.2
    scored = score_run(workspace, base, "public_score", None)
    assert (scored.public_score, scored.private_score) == (None, 0.2)
    with pytest.raises(ValueError, match="private_score"):
        score_run(workspace, base, "private_score", 1.5)
    assert workspace.run(base) == scored


def test_runs_are_listed_with_means_marks_and_deltas(workspace, two_runs):
    base, following = two_runs
    workspace.set_scores(following, public=0.31)
    listed = list_runs(workspace)
    assert [one.run for one in listed.runs] == list(workspace.runs())
    assert [one.marks for one in listed.runs] == [("baseline",), ("best",)]
    assert [one.delta for one in listed.runs] == [0, pytest.approx(0.01)]
    assert listed.baseline == listed.find(base)
    assert listed.find(9) is None
    for one in listed.runs:
        densities = [figures["density"] for figures in one.run.metrics.values()]
        assert one.means["density"] == pytest.approx(sum(densities) / len(densities))
    assert (listed.baseline_changes, listed.damage) == ((), ())


def test_an_empty_workspace_lists_nothing(workspace):
    assert list_runs(workspace) == RunList()


def test_a_run_whose_archive_was_changed_is_not_frozen(workspace, two_runs):
    base, following = two_runs
    run = workspace.run(following)
    assert freeze_run(workspace, run).run_id == following
    with run.archive.open("ab") as file:
        file.write(b"x")
    with pytest.raises(FreezeError, match=r"run 2 \(next\): its archive .* was changed"):
        freeze_run(workspace, run)
    workspace.freeze_baseline(base)
    with pytest.raises(FreezeError):
        freeze_run(workspace, run)
    assert workspace.baseline().run_id == base
