"""None, True and False stay, however often PySide6 takes a reference from them."""

from __future__ import annotations

import sys

import pytest
from qtpy.QtCore import QObject

from napari_nx46.viewer.qt import constants
from napari_nx46.viewer.qt.constants import (
    CONSTANTS,
    MANY_REFERENCES,
    add_references,
    are_mortal,
    may_lose_references,
)

MORE_CALLS_THAN_REFERENCES = 300_000


def test_none_outlives_many_calls_of_methods_that_return_nothing(qtbot):
    thing = QObject()
    for _ in range(MORE_CALLS_THAN_REFERENCES):
        thing.setObjectName("")
    assert thing.parent() is None


@pytest.mark.parametrize("constant", CONSTANTS, ids=str)
def test_constants_have_many_references_where_they_can_be_lost(constant):
    has_many = sys.getrefcount(constant) > MANY_REFERENCES // 2
    assert has_many is may_lose_references()


def test_constants_are_mortal_before_python_3_12():
    assert are_mortal((3, 11, 7))
    assert not are_mortal((3, 12, 0))


@pytest.mark.parametrize("installed", ["PySide6", "PyQt6"])
def test_only_pyside6_takes_references(monkeypatch, installed):
    monkeypatch.setattr(constants, "find_spec", lambda name: name if name == installed else None)
    assert may_lose_references() is (installed == "PySide6" and are_mortal())


def test_references_are_added_once():
    mortal = object()
    before = sys.getrefcount(mortal)
    add_references([mortal])
    after = sys.getrefcount(mortal)
    assert after == before + MANY_REFERENCES * are_mortal()
    add_references([mortal])
    assert sys.getrefcount(mortal) == after
