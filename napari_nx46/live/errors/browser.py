"""Going through the errors of a session's mask: what is listed, in which order, and which is seen.

Everything here runs in the session's own thread, but for the computing of the list.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from psygnal import Signal

from napari_nx46.live.derived.graph import State
from napari_nx46.live.derived.of_session import REST_SECONDS
from napari_nx46.live.derived.scoring import LabelState, ScoreFollower
from napari_nx46.live.errors.arranged import (
    DESCENDING_FIRST,
    Arranged,
    Arrangement,
    Column,
    arrange,
)
from napari_nx46.live.errors.explained import Explained
from napari_nx46.live.errors.listing import ErrorFilter, ItemKey, Listing
from napari_nx46.live.session import Session

__all__ = ["ErrorBrowser"]

_NO_LIST = {
    LabelState.NONE: "",
    LabelState.DAMAGED: "The label of this fragment cannot be read.",
    LabelState.LOADING: "The label is being read …",
    LabelState.READY: "",
}


class ErrorBrowser:
    """The errors of what a session shows, filtered and ordered, one of them selected.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower
        Gives the label.
    rest_seconds : float
        For how long the sliders must not have moved before the list is computed.

    Attributes
    ----------
    value : Explained
        Computes the list.
    selected : int, optional
        Row of the listing.
    changed : Signal()
        Another list, filter or order, or what is listed is stale or current now.
    selected_changed : Signal()
        Another item, or none, or the same one in another list.
    visited : Signal(int)
        A user goes to this row: show it.
    failed : Signal(BaseException)
    """

    changed = Signal()
    selected_changed = Signal()
    visited = Signal(int)
    failed = Signal(BaseException)

    def __init__(
        self, session: Session, scores: ScoreFollower, *, rest_seconds: float = REST_SECONDS
    ) -> None:
        self.session = session
        self.scores = scores
        self.value = Explained(session, scores, rest_seconds=rest_seconds)
        self.selected: int | None = None
        self._watchers = 0
        self._filter = ErrorFilter()
        self._arrangement = Arrangement()
        self._arranged: Arranged | None = None
        self._shown: Listing | None = None
        self._key: ItemKey | None = None
        self._rank = -1
        self._step: tuple[int, bool] | None = None
        self.value.changed.connect(self._take)
        self.value.failed.connect(self.failed)
        scores.scores_changed.connect(self._scores_changed)
        session.fragment_changed.connect(self._clear)

    # ---- what is listed --------------------------------------------------------------------

    @property
    def state(self) -> State[Listing]:
        """The list as it is known now: stale while the sliders have moved on."""
        return self.value.state

    @property
    def arranged(self) -> Arranged | None:
        """The rows that are shown; None while nothing is listed."""
        return self._arranged

    @property
    def filter(self) -> ErrorFilter:
        """Which rows are shown."""
        return self._filter

    @property
    def arrangement(self) -> Arrangement:
        """How they are ordered."""
        return self._arrangement

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks at the list, so that it is computed."""
        return self._watchers > 0

    @property
    def message(self) -> str:
        """Why there is no list, in one sentence; empty where there is one or soon will be."""
        return "" if self.lists_suspicions else _NO_LIST[self.scores.scores.label]

    @property
    def lists_suspicions(self) -> bool:
        """Whether what is suspicious is listed: without a label, or by choice."""
        return self.value.lists_suspicions

    def list_suspicions(self, wanted: bool) -> None:
        """List what is suspicious though there is a label, or no longer so."""
        if wanted != self.lists_suspicions:
            self.select_nothing()
            self.value.list_suspicions(wanted)
            self.changed.emit()

    def watch(self) -> None:
        """Compute the list as long as somebody looks; `unwatch` must follow."""
        self._watchers += 1
        self.value.watch(True)

    def unwatch(self) -> None:
        """Look no longer."""
        self._watchers = max(0, self._watchers - 1)
        self.value.watch(self.is_watched)

    def touch(self) -> None:
        """Compute what is missing."""
        self.value.touch()

    @property
    def given_up(self) -> bool:
        """Whether the list of the present mask is neither there nor being computed."""
        return self.value.given_up

    def give_up(self) -> None:
        """Compute no list of the present mask; that of the next one is computed again."""
        self.value.give_up()

    def retry(self) -> None:
        """Compute the list that was given up."""
        self.value.retry()

    def close(self) -> None:
        """Follow the session no longer."""
        self.scores.scores_changed.disconnect(self._scores_changed, missing_ok=True)
        self.session.fragment_changed.disconnect(self._clear, missing_ok=True)
        self.value.close()

    # ---- what a user does ------------------------------------------------------------------

    def show_only(self, chosen: ErrorFilter) -> None:
        """Show the rows that pass a filter; the selected one stays so, though it is not shown."""
        if chosen != self._filter:
            self._filter = chosen
            self._arrange()

    def sort_by(self, column: Column, descending: bool | None = None) -> None:
        """Sort by a column; without a direction, large numbers come first."""
        if descending is None:
            descending = column in DESCENDING_FIRST
        self._set(replace(self._arrangement, column=column, descending=descending))

    def fold(self, folded: bool) -> None:
        """Let the rows of a kind stand together, or not."""
        self._set(replace(self._arrangement, folded=folded))

    def go_to(self, row: int) -> None:
        """Select a row of the listing, and show its place."""
        if self._shown is None or not 0 <= row < len(self._shown):
            return
        self._select(row)
        self.visited.emit(row)

    def select_nothing(self) -> None:
        """Mark no item any more."""
        self._select(None)

    def step(self, by: int, *, same_kind: bool = False) -> None:
        """Go to the next (1) or the previous (-1) row of those shown, round the end.

        Parameters
        ----------
        by : {1, -1}
        same_kind : bool
            Leave out rows of other kinds than the selected one's.

        Notes
        -----
        Where no list is computed yet, that begins, and this is done once the list is there.
        """
        if self._arranged is None:
            if not self.is_watched:
                self.watch()
            self._step = by, same_kind
            return
        order = self._arranged.order
        if same_kind and self.selected is not None:
            codes = self._arranged.listing.table.kind
            order = order[codes[order] == codes[self.selected]]
        if not order.size:
            return
        self.go_to(int(order[self._next_in(order, by)]))

    def _next_in(self, order: np.ndarray, by: int) -> int:
        here = np.flatnonzero(order == (-1 if self.selected is None else self.selected))
        if here.size:
            return int(here[0] + by) % order.size
        # What was selected is gone or filtered out: go on where it stood.
        after = self._rank if by > 0 else self._rank - 1
        return 0 if self._rank < 0 and by > 0 else after % order.size

    # ---- following -------------------------------------------------------------------------

    def _take(self, state: State[Listing]) -> None:
        if state.result is not self._shown:
            self._shown, self.selected = state.result, None
            self._arrange(publish=False)
            self._select(self._again())
        self.changed.emit()
        if self._arranged is not None and self._step is not None and state.is_current:
            (by, same_kind), self._step = self._step, None
            self.step(by, same_kind=same_kind)

    def _again(self) -> int | None:
        """Return the row of the item that was selected, in the list that is there now."""
        if self._shown is None or self._key is None:
            return None
        return self._shown.find(self._key)

    def _scores_changed(self) -> None:
        if self._shown is None:
            self.changed.emit()

    def _clear(self) -> None:
        """Select nothing in another fragment."""
        self._key, self._rank = None, -1
        self.value.touch()
        self.changed.emit()

    def _set(self, arrangement: Arrangement) -> None:
        if arrangement != self._arrangement:
            self._arrangement = arrangement
            self._arrange()

    def _arrange(self, *, publish: bool = True) -> None:
        shown = self._shown
        self._arranged = None if shown is None else arrange(shown, self._filter, self._arrangement)
        self._note_rank()
        if publish:
            self.changed.emit()

    def _select(self, row: int | None) -> None:
        self.selected = row
        if row is not None and self._shown is not None:
            self._key = self._shown.key_of(row)
        self._note_rank()
        self.selected_changed.emit()

    def _note_rank(self) -> None:
        """Note where the selected item stands, to go on from there once it is mended."""
        if self.selected is None or self._arranged is None:
            return
        here = np.flatnonzero(self._arranged.order == self.selected)
        if here.size:
            self._rank = int(here[0])
