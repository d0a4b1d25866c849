"""What the score would be: mends of the selected error, tried in a thread, and taken."""

from __future__ import annotations

from psygnal import Signal

from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.errors.browser import ErrorBrowser
from napari_nx46.live.errors.listing import ItemKey
from napari_nx46.live.errors.mends import hand_mends, knob_mends
from napari_nx46.live.errors.trials import Ground, Trial, block_around, try_mends
from napari_nx46.live.session import Session
from napari_nx46.run.job import Job, Report
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["WhatIf"]

Trials = tuple[Trial, ...]


class WhatIf:
    """Tries mends of errors on the session's fragment; nothing is changed until one is taken.

    What was measured holds for the mask that it was measured on: it is dropped when setting,
    corrections or fragment change.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower
    browser : ErrorBrowser
        Has the list of the session's errors.

    Attributes
    ----------
    trials : tuple of Trial
        What is measured so far.
    item : ItemKey, optional
        The error that they are to mend.
    changed : Signal()
    failed : Signal(BaseException)
    """

    changed = Signal()
    failed = Signal(BaseException)

    def __init__(self, session: Session, scores: ScoreFollower, browser: ErrorBrowser) -> None:
        self._session = session
        self._scores = scores
        self._browser = browser
        self._job: Job[Trials] | None = None
        self.trials: Trials = ()
        self.item: ItemKey | None = None
        self._signals = (
            session.setting_changed,
            session.corrections.changed,
            session.fragment_changed,
        )
        for signal in self._signals:
            signal.connect(self.clear)

    @property
    def running(self) -> bool:
        """Whether mends are being tried."""
        return self._job is not None and self._job.running

    @property
    def can_try(self) -> bool:
        """Whether an error is selected in a list that is of the present mask."""
        browser = self._browser
        listing = browser.state.result
        if browser.selected is None or not browser.state.is_current or listing is None:
            return False
        return listing.explanation is None or (
            self._session.exact_threshold is not None and self._scores.label is not None
        )

    def begin(self) -> None:
        """Try mends of the selected error, in place of what is being tried.

        Of a suspicious place they are only found: without a label nothing is measured.
        """
        listing, row = self._browser.state.result, self._browser.selected
        if listing is None or row is None or not self.can_try:
            return
        self.clear()
        self.item = listing.key_of(row)
        ground = self._ground()
        if ground is None:
            present = self._session.present_corrections
            mends = hand_mends(listing, row, self._session.setting, present)
            self._show(tuple(Trial(mend) for mend in mends))
            return

        def work(cancelled: CancelCheck, report: Report) -> Trials:
            mends = [
                *hand_mends(listing, row, ground.setting, ground.corrections),
                *knob_mends(listing, row, ground.setting, ground.corrections),
            ]
            block = block_around(listing, row, ground.pipeline.shape)
            return try_mends(ground, mends, block, report, cancelled)

        job: Job[Trials] = Job(self._session.post, "nx46-mends")
        job.progressed.connect(self._show)
        job.done.connect(self._show)
        job.failed.connect(self.failed)
        job.ended.connect(self.changed)
        self._job = job
        job.start(work)
        self.changed.emit()

    def cancel(self) -> None:
        """Try no more; what was measured stays."""
        if self._job is not None:
            self._job.cancel()

    def clear(self) -> None:
        """Drop what was measured, and try no more."""
        if self._job is not None:
            self._job.close()
            self._job = None
        if self.trials or self.item is not None:
            self.trials, self.item = (), None
            self.changed.emit()

    def take(self, trial: Trial) -> None:
        """Change setting or corrections as a mend does; both can be undone."""
        mend = trial.mend
        if mend.by_hand:
            self._session.corrections.change(self._session.fragment.image_id, mend.corrections)
        else:
            self._session.apply(mend.setting)

    def close(self) -> None:
        """Follow the session no longer."""
        for signal in self._signals:
            signal.disconnect(self.clear, missing_ok=True)
        if self._job is not None:
            self._job.close()

    def _ground(self) -> Ground | None:
        """Return what the mends change, if all of it is known."""
        session, listing = self._session, self._browser.state.result
        threshold, label = session.exact_threshold, self._scores.label
        if threshold is None or label is None or listing is None or listing.score is None:
            return None
        return Ground(
            session.pipelines[session.fragment.image_id],
            session.pipelines.prepare_dataset,
            label,
            session.setting,
            threshold,
            session.present_corrections,
            listing.score,
        )

    def _show(self, trials: Trials) -> None:
        self.trials = trials
        self.changed.emit()
