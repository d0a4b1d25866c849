"""The list of settings that rested for a moment, with undo and redo, as every editor has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from psygnal import Signal

from napari_nx46.files.workspace import MOST_HISTORY_ENTRIES, HistoryEntry
from napari_nx46.live.history.thumbnails import thumbnail_of
from napari_nx46.live.session import Session
from napari_nx46.live.view import Figures
from napari_nx46.run.preflight import fitting_setting
from napari_nx46.setting import Domain, Setting
from napari_nx46.voxels.corrections.corrections import Corrections

REST_SECONDS = 0.7
"""A setting that has stood still for so long belongs in the history."""

CancelCall = Callable[[], None]
CallLater = Callable[[float, Callable[[], None]], CancelCall]
"""Runs a function once, so many seconds later, in the session's own thread; returns what cancels
it."""


class History:
    """Entries in the order of their time, and the position among them.

    Parameters
    ----------
    entries : iterable of HistoryEntry
        To begin with, oldest first.
    position : int, optional
        Index of the current entry; by default that of the newest.
    capacity : int
        So many entries are kept, the newest ones.

    Attributes
    ----------
    changed : Signal()
        Entries or position are other ones.

    Raises
    ------
    IndexError
        If there is no entry at the position.
    """

    changed = Signal()

    def __init__(
        self,
        entries: Iterable[HistoryEntry] = (),
        position: int | None = None,
        *,
        capacity: int = MOST_HISTORY_ENTRIES,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"found a capacity of {capacity}, expected at least 1")
        self._capacity = capacity
        self._entries = list(entries)
        self._position = len(self._entries) - 1
        if position is not None:
            self._check_index(position)
            self._position = position
        self._drop_oldest()

    @property
    def entries(self) -> tuple[HistoryEntry, ...]:
        """All entries, oldest first; those after the position were undone."""
        return tuple(self._entries)

    @property
    def position(self) -> int:
        """Index of the current entry; -1 where there is none."""
        return self._position

    @property
    def current(self) -> HistoryEntry | None:
        """The entry that undo goes back from."""
        return self._entries[self._position] if self._entries else None

    @property
    def can_undo(self) -> bool:
        """Whether there is an older entry."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return self._position < len(self._entries) - 1

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def go_on_from(self, entries: Iterable[HistoryEntry], position: int | None = None) -> None:
        """Take up what was kept of an earlier sitting, in place of what is there.

        Parameters
        ----------
        entries : iterable of HistoryEntry
        position : int, optional
            As of a new history.

        Raises
        ------
        IndexError
            If there is no entry at the position.
        """
        other = History(entries, position, capacity=self._capacity)
        self._entries, self._position = other._entries, other._position
        self.changed.emit()

    def record(self, entry: HistoryEntry) -> bool:
        """Make an entry the current one and drop what was undone.

        Returns
        -------
        bool
            False where the current entry has the same knobs and corrections: then nothing changes.
        """
        current = self.current
        if current is not None and same_knobs(current.setting, entry.setting):
            known = self.corrections_of(entry.image_id)
            if same_corrections(known, entry.corrections):
                return False
        del self._entries[self._position + 1 :]
        self._entries.append(entry)
        self._position = len(self._entries) - 1
        self._drop_oldest()
        self.changed.emit()
        return True

    def corrections_of(self, image_id: str) -> Corrections | None:
        """Return what was corrected in a fragment at the current entry; None if it is not known.

        An entry says so of the fragment that was shown. Before the first that does, nothing was.
        """
        for entry in reversed(self._entries[: self._position + 1]):
            if entry.image_id == image_id and entry.corrections is not None:
                return entry.corrections
        later = (one.corrections for one in self._entries if one.image_id == image_id)
        first = next((one for one in later if one is not None), None)
        return None if first is None else Corrections.none(first.shape)

    def undo(self) -> Setting | None:
        """Go one entry back and return its setting; None where there is no older one."""
        return self.jump(self._position - 1) if self.can_undo else None

    def redo(self) -> Setting | None:
        """Go one entry forth and return its setting; None where nothing was undone."""
        return self.jump(self._position + 1) if self.can_redo else None

    def jump(self, index: int) -> Setting:
        """Make another entry the current one and return its setting; no entry is dropped.

        Raises
        ------
        IndexError
            If there is no such entry.
        """
        self._check_index(index)
        setting = self._entries[index].setting
        if index != self._position:
            self._position = index
            self.changed.emit()
        return setting

    def update_metrics(self, entry_id: str, metrics: Mapping[str, float | None]) -> bool:
        """Fill in figures that were found later, e.g. a leaderboard score.

        Parameters
        ----------
        entry_id : str
        metrics : mapping
            Replaces the entry's figures of the same names.

        Returns
        -------
        bool
            False where there is no such entry any more, or its figures are these already.
        """
        for index in reversed(range(len(self._entries))):
            entry = self._entries[index]
            if entry.id == entry_id:
                updated = {**entry.metrics, **metrics}
                if updated == entry.metrics:
                    return False
                self._entries[index] = replace(entry, metrics=updated)
                self.changed.emit()
                return True
        return False

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self._entries):
            raise IndexError(f"no entry {index} in a history of {len(self._entries)}")

    def _drop_oldest(self) -> None:
        """Drop the oldest entries beyond the capacity, but never the current one."""
        surplus = min(len(self._entries) - self._capacity, self._position)
        if surplus > 0:
            del self._entries[:surplus]
            self._position -= surplus
        del self._entries[self._capacity :]


class HistoryRecorder:
    """Puts every setting and correction of a session that rested for a moment into a history.

    Going to another entry brings its setting back, and what was corrected at that time in the
    fragment that is shown; other fragments keep their corrections.

    Everything here runs in the session's own thread.

    Parameters
    ----------
    session : Session
    history : History
    call_later : callable
        Runs a function later, unless it is cancelled.
    rest_seconds : float
        For how long a setting must not have moved.
    """

    def __init__(
        self,
        session: Session,
        history: History,
        call_later: CallLater,
        *,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.history = history
        self._session = session
        self._call_later = call_later
        self._rest_seconds = rest_seconds
        self._cancel_call: CancelCall | None = None
        self._rested = False
        self._closed = False
        current = history.current
        self._recorded = None if current is None else current.setting
        """The session's setting that the current entry stands for."""
        session.setting_changed.connect(self._begin_rest)
        session.corrections.changing.connect(self._record_setting)
        session.corrections.changed.connect(self._begin_rest)
        session.figures_changed.connect(self._update)
        self._begin_rest()

    def undo(self) -> bool:
        """Go one entry back; return whether there was an older one."""
        self.record_now()
        return self._apply(self.history.undo())

    def redo(self) -> bool:
        """Go one entry forth; return whether something was undone, and no slider moved since."""
        self.record_now()
        return self._apply(self.history.redo())

    def jump(self, index: int) -> None:
        """Go to any entry; none is dropped.

        Raises
        ------
        IndexError
            If there is none of that index.
        """
        if not self.history.can_redo:
            self.record_now()
        self._apply(self.history.jump(index))

    def record_now(self) -> None:
        """Record a setting that has not rested yet, so that to step back loses nothing."""
        if not self._closed and not self._is_recorded():
            self._record()

    def close(self) -> None:
        """Record nothing any more."""
        if self._closed:
            return
        self._closed = True
        self._cancel_rest()
        self._session.setting_changed.disconnect(self._begin_rest)
        self._session.corrections.changing.disconnect(self._record_setting)
        self._session.corrections.changed.disconnect(self._begin_rest)
        self._session.figures_changed.disconnect(self._update)

    # ---- following the session -------------------------------------------------------------

    def _record_setting(self, image_id: str) -> None:
        """Record a setting that has not rested yet before it is corrected by hand.

        Else to step back would take back both, or nothing if it is the first setting.
        """
        session = self._session
        if image_id == session.fragment.image_id and not self._has_setting():
            self._record()

    def _begin_rest(self) -> None:
        self._cancel_rest()
        self._rested = False
        if not self._is_recorded():
            self._cancel_call = self._call_later(self._rest_seconds, self._rest)

    def _cancel_rest(self) -> None:
        cancel, self._cancel_call = self._cancel_call, None
        if cancel is not None:
            cancel()

    def _rest(self) -> None:
        self._cancel_call = None
        self._rested = True
        self._update()

    def _update(self) -> None:
        """Record the setting, or fill in the current entry's figures, once they are exact."""
        if self._closed or not self._is_exact():
            return
        if not self._is_recorded():
            if self._rested:
                self._record()
            return
        entry = self.history.current
        if entry is not None and entry.image_id == self._session.fragment.image_id:
            self._fill_in(entry)

    def _fill_in(self, entry: HistoryEntry) -> None:
        """Give an entry that was recorded before its figures were known those that it lacks."""
        known = metrics_of(self._session.figures)
        missing = {
            name: figure
            for name, figure in known.items()
            if figure is not None and entry.metrics.get(name) is None
        }
        if missing and entry.setting == self._session.setting:
            self.history.update_metrics(entry.id, missing)

    def _is_exact(self) -> bool:
        figures = self._session.figures
        return self._session.settled and figures.exact and figures.fragment_exact

    def _is_recorded(self) -> bool:
        session = self._session
        if not self._has_setting():
            return False
        known = self.history.corrections_of(session.fragment.image_id)
        return same_corrections(known, session.present_corrections)

    def _has_setting(self) -> bool:
        """Return whether the current entry stands for the session's setting, corrections apart."""
        return self._recorded is not None and same_knobs(self._recorded, self._session.setting)

    def _record(self) -> None:
        session = self._session
        self._cancel_rest()
        self._recorded = session.setting
        self.history.record(
            HistoryEntry(
                image_id=session.fragment.image_id,
                setting=session.setting,
                metrics=metrics_of(session.figures),
                thumbnail=thumbnail_of(session),
                corrections=session.present_corrections,
            )
        )

    def _apply(self, setting: Setting | None) -> bool:
        """Move the sliders without recording it: the history stands at this entry already."""
        if setting is None:
            return False
        session = self._session
        setting = fitting_setting(setting, session.fragment)
        if setting.domain is Domain.BLOCK:
            setting = setting.changed(block=session.view.extents)
        self._recorded = setting
        image_id = session.fragment.image_id
        corrections = self.history.corrections_of(image_id)
        session.apply(setting)
        if corrections is not None and corrections.shape == session.fragment.shape:
            session.corrections.change(image_id, corrections)
        return True


def same_knobs(first: Setting, second: Setting) -> bool:
    """Return whether two settings differ in nothing, or only in the block that was visible."""
    if first.domain is Domain.BLOCK and second.domain is Domain.BLOCK:
        return first.model_copy(update={"block": second.block}) == second
    return first == second


def same_corrections(known: Corrections | None, present: Corrections | None) -> bool:
    """Return whether the same is corrected; what is not known is taken for nothing."""
    if known is None or present is None:
        return all(one is None or one.is_empty for one in (known, present))
    return known == present


def metrics_of(figures: Figures) -> dict[str, float | None]:
    """Return read-outs as metrics of a history entry; None where one is not known exactly.

    Returns
    -------
    dict
        ``threshold`` and ``low_threshold`` in units of probability; ``slice_density``,
        ``block_density`` and ``fragment_density`` as shares of foreground voxels.
    """
    shown = figures.exact
    return {
        "threshold": _finite(figures.threshold) if shown else None,
        "low_threshold": _finite(figures.low_threshold) if shown else None,
        "slice_density": _finite(figures.slice_density) if shown else None,
        "block_density": _finite(figures.block_density) if shown else None,
        "fragment_density": _finite(figures.fragment_density) if figures.fragment_exact else None,
    }


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None
