"""A workspace keeps corrections, each slice once, and takes none from a stranger unchecked."""

from __future__ import annotations

import shutil
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from napari_nx46.files.workspace import HistoryEntry, SavedPin, Workspace
from napari_nx46.files.workspace.corrections import coding
from napari_nx46.files.workspace.corrections.coding import parse_runs, runs_bytes
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.corrections.runs import SliceRuns
from tests.files.workspace import written
from tests.files.workspace.keeping import raw, reopened
from tests.voxels.test_corrections import label_volumes

SHAPE = (5, 6, 9)
PLAIN = Setting(quantile=0.91)


def corrections_of(seed):
    """Return corrections of three slices; those of other seeds differ in one of them only."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1, 2:4, 3:7], labels[4] = 1, 2
    labels[2] = np.random.default_rng(seed).integers(0, 3, SHAPE[1:])
    return Corrections.of(labels)


ONE, OTHER = corrections_of(1), corrections_of(2)


def count(workspace, table):
    with raw(workspace.path) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(label_volumes())
def test_what_is_kept_of_a_fragment_is_found(workspace, labels):
    corrections = Corrections.of(labels)
    workspace.set_corrections("a", corrections)
    expected = {} if corrections.is_empty else {"a": corrections}
    assert workspace.corrections() == expected
    with reopened(workspace) as again:
        assert again.corrections() == expected
        assert again.damage == ()


def test_history_pins_and_accepted_settings_keep_what_was_corrected(workspace):
    entries = tuple(
        HistoryEntry("a", Setting(quantile=0.9 + n / 100), corrections=one)
        for n, one in enumerate((None, Corrections.none(SHAPE), ONE, OTHER))
    )
    for entry in entries:
        workspace.add_history(entry)
    workspace.set_pin("A", PLAIN, written.START, {"a": ONE, "b": OTHER})
    workspace.set_pin("B", PLAIN, written.START)
    workspace.set_accepted({"a": PLAIN, "b": PLAIN}, {"b": OTHER})
    with reopened(workspace) as again:
        assert again.history() == entries
        assert [entry.corrections for entry in again.history()] == [
            entry.corrections for entry in entries
        ]
        assert again.pins() == (
            SavedPin("A", PLAIN, written.START, {"a": ONE, "b": OTHER}),
            SavedPin("B", PLAIN, written.START),
        )
        assert again.accepted() == {"a": PLAIN, "b": PLAIN}
        assert again.accepted_corrections() == {"b": OTHER}
        assert again.damage == ()


def test_accepting_without_a_word_about_corrections_keeps_them(workspace):
    workspace.set_accepted({"a": PLAIN, "b": PLAIN}, {"a": ONE, "b": OTHER})
    workspace.set_accepted({"a": Setting()})
    assert workspace.accepted_corrections() == {"a": ONE, "b": OTHER}
    workspace.set_accepted({"a": PLAIN}, {})
    assert workspace.accepted_corrections() == {"b": OTHER}
    workspace.remove_accepted(["b"])
    assert workspace.accepted() == {"a": PLAIN}


def test_a_slice_is_kept_once_and_goes_with_its_last_user(workspace):
    workspace.set_corrections("a", ONE)
    workspace.add_history(HistoryEntry("a", PLAIN, corrections=ONE))
    workspace.add_history(HistoryEntry("a", PLAIN, corrections=OTHER))
    workspace.set_pin("A", PLAIN, corrections={"a": OTHER})
    assert count(workspace, "corrections") == 2
    assert count(workspace, "correction_slices") == 4
    workspace.remove_history(workspace.history_ids())
    assert count(workspace, "corrections") == 2
    workspace.set_pin("A", PLAIN)
    assert count(workspace, "correction_slices") == 3
    workspace.set_corrections("a", Corrections.none(SHAPE))
    for table in ("corrections", "correction_slices", "corrected_slices", "pinned_corrections"):
        assert count(workspace, table) == 0


def test_what_another_program_removed_meanwhile_is_kept_again(workspace):
    workspace.set_corrections("a", ONE)
    with reopened(workspace) as other:
        other.set_corrections("a", Corrections.none(SHAPE))
    workspace.set_corrections("b", ONE)
    with reopened(workspace) as other:
        assert other.corrections() == {"b": ONE}


DAMAGES = {
    "is missing": "DELETE FROM correction_slices",
    "unpacked": "UPDATE correction_slices SET runs = x'0102'",
    "no bytes": "UPDATE correction_slices SET runs = 7",
    "changed": "UPDATE corrected_slices SET z = 0 WHERE z = 1",
    "are missing": "DELETE FROM corrections",
    "slice 9 of 5": "UPDATE corrected_slices SET z = 9 WHERE z = 1",
    "possible shape": "UPDATE corrections SET height = 1 << 40",
    "found damaged corrections": "UPDATE corrections SET height = 2",
    "of no slice": "UPDATE corrected_slices SET z = 'one' WHERE z = 1",
}


@pytest.mark.parametrize("found", DAMAGES)
def test_damaged_corrections_cost_no_others(workspace, found):
    workspace.set_corrections("a", ONE)
    workspace.set_accepted({"a": PLAIN, "b": PLAIN}, {"a": ONE})
    with raw(workspace.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(DAMAGES[found])
    with reopened(workspace) as again:
        assert again.corrections() == {}
        # An export without its corrections would be another mask than the accepted one.
        assert again.accepted() == {"b": PLAIN}
        assert {damage.table for damage in again.damage} == {"corrected_fragments", "accepted"}
        assert all(found in str(damage) for damage in again.damage)
        again.set_corrections("a", OTHER)
        assert again.corrections() == {"a": OTHER}


def test_damage_is_healed_when_the_same_is_kept_again(workspace):
    workspace.set_corrections("a", ONE)
    with raw(workspace.path) as connection:
        connection.execute("UPDATE correction_slices SET runs = x'0102'")
    with reopened(workspace) as again:
        assert again.corrections() == {}
        again.set_corrections("b", ONE)
        assert again.corrections()["b"] == ONE


@given(label_volumes())
def test_runs_of_a_slice_are_read_back(labels):
    for runs in Corrections.of(labels).slices.values():
        assert parse_runs(runs_bytes(runs), runs.width).digest == runs.digest


def test_bytes_that_unpack_to_too_much_are_refused(monkeypatch):
    monkeypatch.setattr(coding, "LARGEST_RUNS", 10)
    with pytest.raises(RowError, match="too late"):
        parse_runs(zlib.compress(bytes(9 * 11)), 4)
    runs = SliceRuns.of(np.eye(11, dtype=np.uint8))
    with pytest.raises(ValueError, match="save them to a file"):
        runs_bytes(runs)


@pytest.mark.parametrize("plain", [b"", bytes(8), bytes(10)])
def test_bytes_of_no_runs_are_refused(plain):
    with pytest.raises(RowError):
        parse_runs(zlib.compress(plain), 4)
    with pytest.raises(RowError):
        parse_runs(zlib.compress(bytes(9)) + b"more", 4)


def test_a_workspace_of_version_0_1_has_no_corrections_and_takes_them(tmp_path):
    path = shutil.copy(written.FILE, tmp_path / "runs.sqlite")
    with Workspace.open(path, create=False) as workspace:
        assert workspace.corrections() == {}
        assert workspace.accepted_corrections() == {}
        assert {entry.corrections for entry in workspace.history()} == {None}
        workspace.set_corrections("fragment_0", ONE)
        workspace.set_accepted(written.ACCEPTED, {"fragment_1": OTHER})
        workspace.add_history(replace(written.HISTORY[0], id="f" * 32, corrections=ONE))
    with Workspace.open(path, create=False) as workspace:
        assert workspace.corrections() == {"fragment_0": ONE}
        assert workspace.accepted_corrections() == {"fragment_1": OTHER}
        assert workspace.history(limit=1)[0].corrections == ONE
        assert workspace.damage == ()
