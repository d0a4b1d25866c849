"""What the demonstration waits for."""

from __future__ import annotations

from qtpy.QtCore import QTimer

from napari_nx46.viewer.demo.driving import wait_for_compiling


def test_it_waits_until_the_note_of_compiling_is_gone(opened):
    note, emit = opened.panel.compiling_note, opened.session.compiling_changed.emit
    emit(40, 48)
    assert not note.isHidden()
    QTimer.singleShot(50, lambda: emit(48, 48))
    wait_for_compiling(opened.dock)
    assert note.isHidden()
    assert opened.session.warm_up.wait(0)
