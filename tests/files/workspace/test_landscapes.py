"""A workspace keeps the newest landscape of each fragment and choice of knobs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_nx46.files.workspace import SavedLandscape, Workspace, schema
from napari_nx46.files.workspace.landscapes import table
from napari_nx46.voxels.corrections.corrections import Corrections
from tests.files.workspace.keeping import PLAIN, RICH, raw, reopened

DETAILS = {"axes": [{"name": "quantile", "values": [0.9, 0.95]}], "points": [[0, 0.5, 1, 0.1, 0]]}


def landscape(image_id="a", knobs="quantile", setting=PLAIN, **options):
    return SavedLandscape(image_id, knobs, setting, DETAILS, **options)


def corrections():
    labels = np.zeros((3, 4, 5), np.uint8)
    labels[1, 2] = 1
    return Corrections.of(labels)


def count(workspace, name):
    with raw(workspace.path) as connection:
        return connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]


def test_landscapes_come_back_equal_and_in_order(workspace):
    kept = (landscape(), landscape("b", "blend z_radius", RICH, corrections=corrections()))
    for one in kept:
        workspace.landscapes.keep(one)
    with reopened(workspace) as second:
        assert second.landscapes.all() == kept
        assert second.damage == ()


def test_one_takes_the_place_of_that_of_the_same_fragment_and_knobs(workspace):
    workspace.landscapes.keep(landscape(setting=RICH, corrections=corrections()))
    workspace.landscapes.keep(landscape("b"))
    newer = landscape()
    workspace.landscapes.keep(newer)
    assert [one.image_id for one in workspace.landscapes.all()] == ["b", "a"]
    assert workspace.landscapes.all()[1] == newer
    assert count(workspace, "settings") == 1
    assert count(workspace, "corrections") == 0


def test_the_oldest_are_removed_with_their_settings(workspace, monkeypatch):
    monkeypatch.setattr(table, "MOST_LANDSCAPES", 3)
    for number in range(5):
        workspace.landscapes.keep(landscape(f"f{number}", setting=PLAIN.changed(border=number)))
    assert [one.image_id for one in workspace.landscapes.all()] == ["f2", "f3", "f4"]
    assert count(workspace, "settings") == 3


@pytest.mark.parametrize("options", [{"image_id": "../a"}, {"knobs": ""}, {"knobs": "x" * 201}])
def test_one_that_could_not_be_read_back_is_refused(workspace, options):
    with pytest.raises(ValueError, match=r"found|at least"):
        workspace.landscapes.keep(landscape(**options))
    assert workspace.landscapes.all() == ()


@pytest.mark.parametrize("details", ["no json", "[1]", "x'00'"])
def test_a_damaged_one_is_left_out_and_noted(workspace, details):
    workspace.landscapes.keep(landscape())
    workspace.landscapes.keep(landscape("b"))
    with raw(workspace.path) as connection:
        value = bytes(1) if details.startswith("x'") else details
        connection.execute("UPDATE landscapes SET details = ? WHERE image_id = 'a'", (value,))
    assert [one.image_id for one in workspace.landscapes.all()] == ["b"]
    assert [damage.table for damage in workspace.damage] == ["landscapes"]


def test_a_file_from_before_there_were_landscapes_gets_the_table(path):
    path.parent.mkdir(parents=True)
    with raw(path) as connection:
        schema.migrate(
            connection, path, replace(schema.WORKSPACE, migrations=schema.MIGRATIONS[:3])
        )
    with Workspace.open(path) as workspace:
        workspace.landscapes.keep(landscape())
        assert len(workspace.landscapes.all()) == 1
