"""A long session in one window: sliders, flips, pins, other fragments, other data."""

from __future__ import annotations

import ctypes
import gc
from dataclasses import dataclass
from weakref import WeakSet

import psutil
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_nx46.data.fragments import open_data
from napari_nx46.live.masks.pins import DEFAULT_LETTERS
from napari_nx46.live.session import Session
from napari_nx46.viewer.window.viewer_session import ViewerSession

SLIDERS = ("quantile", "blend", "z_radius")
FLIP_EVERY = 5
PIN_EVERY = 15
STEP_EVERY = 20
REST_EVERY = 50
OPEN_EVERY = 150
"""Slider events between two of each."""

MEGABYTE = 2**20


@dataclass(frozen=True)
class Held:
    """What a process holds while its window rests."""

    megabytes: float
    widgets: int
    objects: int
    viewer_sessions: int
    sessions: int


def living(kind):
    """Return the objects of a class that there are."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is kind]


def give_free_memory_back():
    """Have the allocator keep nothing that is not used, where it can: that would be noise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Soak:
    """Uses a window as a user does for a long time.

    Parameters
    ----------
    opened : Opened
    folder : path-like
        The data that are open, to be opened again.
    """

    def __init__(self, opened, folder):
        self._opened = opened
        self._folder = folder
        self._events = 0
        # What earlier tests of this process left behind is not this window's.
        own = (opened.session, opened.viewer_session)
        self._of_others = WeakSet(
            one for kind in (Session, ViewerSession) for one in living(kind) if one not in own
        )

    def run(self, events):
        """Send slider events, and now and then something else."""
        for _ in range(events):
            self._events += 1
            self._move_a_slider()
            for every, act in (
                (FLIP_EVERY, self._flip),
                (PIN_EVERY, self._pin),
                (STEP_EVERY, self._step),
                (REST_EVERY, self._opened.wait_until_exact),
                (OPEN_EVERY, self._open_again),
            ):
                if self._events % every == 0:
                    act()
            QApplication.processEvents()

    def held(self):
        """Return what the process holds, once the data are open again and all is pinned."""
        self._open_again()
        session = self._opened.session
        session.show_fragment(session.dataset.image_ids[0])
        for letter in DEFAULT_LETTERS:
            self._opened.viewer_session.pin(letter)
        self._opened.wait_until_exact()
        self._opened.qtbot.wait(300)
        # Sessions that have been closed end with what their threads were computing.
        self._opened.wait_until(lambda: self._count(Session) == 1)
        for _ in range(3):
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            QApplication.processEvents()
            gc.collect()
        give_free_memory_back()
        window = self._opened.viewer.window._qt_window
        return Held(
            megabytes=psutil.Process().memory_info().rss / MEGABYTE,
            widgets=len(QApplication.allWidgets()),
            objects=len(window.findChildren(QObject)),
            viewer_sessions=self._count(ViewerSession),
            sessions=self._count(Session),
        )

    def _count(self, kind):
        return sum(one not in self._of_others for one in living(kind))

    def _move_a_slider(self):
        slider = self._opened.panel.knobs[SLIDERS[self._events % len(SLIDERS)]].slider
        low, high = slider.minimum(), slider.maximum()
        slider.setValue(low + (slider.value() - low + 1 + self._events % 3) % (high - low + 1))

    def _flip(self):
        self._opened.viewer_session.flip()

    def _step(self):
        self._opened.session.step_fragment(1)

    def _pin(self):
        number = self._events // PIN_EVERY % len(DEFAULT_LETTERS)
        self._opened.viewer_session.pin(DEFAULT_LETTERS[number])

    def _open_again(self):
        self._opened.dock.show_data_set(open_data(self._folder), (self._folder,))
        self._opened.wait_until_exact()
