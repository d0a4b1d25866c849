"""What holds a session's worker back."""

from __future__ import annotations

import threading

from tests.live.driver import PATIENCE

SHAPE = (12, 20, 24)


class Gate:
    """Holds a session's worker back before it computes, until it is opened."""

    def __init__(self, session, monkeypatch):
        self.entered, self._open = threading.Event(), threading.Event()
        prepare = session.pipelines.prepare_dataset

        def held_back(setting, cancelled=lambda: False, progress=None):
            self.entered.set()
            assert self._open.wait(PATIENCE)
            return prepare(setting, cancelled, progress)

        monkeypatch.setattr(session.pipelines, "prepare_dataset", held_back)

    def open(self):
        self._open.set()

    def close(self):
        self._open.clear()
