"""Opening the fragments that nobody has looked at yet, beside a session."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from psygnal import Signal

from napari_nx46.data.fragments import DataSet, FragmentError, VolumeError
from napari_nx46.live.session import Session
from napari_nx46.run.job import Job, Post, Progress, Report, Work
from napari_nx46.voxels.workers import CancelCheck, Cancelled

PAUSE_SECONDS = 0.01
"""Between two fragments: headers are read by Python code, which the window has to wait for."""


class Opening:
    """Opens what is not open of a session's data set while the sliders rest, and lists the faults.

    Parameters
    ----------
    session : Session
    post : callable
        Runs a function later in the session's thread.

    Attributes
    ----------
    faults : mapping of str to str
        By image_id, what is wrong with the fragments that cannot be opened, once all were tried.
    found_faults : Signal(dict)
        They were found; not emitted where there are none.
    failed : Signal(BaseException)
        A folder cannot be read any more.
    """

    found_faults = Signal(dict)
    failed = Signal(BaseException)

    def __init__(self, session: Session, post: Post) -> None:
        self._session = session
        self.faults: Mapping[str, str] = {}
        self.job: Job[dict[str, str]] = Job(post, "nx46-open")
        self.job.done.connect(self._on_done)
        self.job.failed.connect(self.failed)

    def start(self) -> None:
        """Begin, if there is anything to open."""
        session = self._session
        if len(session.dataset.opened) < len(session.dataset):
            self.job.start(opening_work(session.dataset, lambda: session.settled))

    def close(self) -> None:
        """Stop after the fragment that is being opened."""
        self.job.close()

    def _on_done(self, faults: dict[str, str]) -> None:
        self.faults = faults
        if faults:
            self.found_faults.emit(faults)


def opening_work(dataset: DataSet, rests: Callable[[], bool]) -> Work[dict[str, str]]:
    """Return the work of a job that opens all fragments of a data set.

    Parameters
    ----------
    dataset : DataSet
    rests : callable
        Returns whether there is nothing more urgent to compute.

    Returns
    -------
    callable
        Returns what is wrong with the faulty ones, by image_id; reports a `Progress` in fragments.
    """

    def work(cancelled: CancelCheck, report: Report) -> dict[str, str]:
        faults: dict[str, str] = {}
        for number, image_id in enumerate(dataset.image_ids, 1):
            time.sleep(PAUSE_SECONDS)
            while not (rests() or cancelled()):
                time.sleep(PAUSE_SECONDS)
            if cancelled():
                raise Cancelled
            try:
                dataset[image_id]
            except (FragmentError, VolumeError) as error:
                faults[image_id] = str(error)
            report(Progress(number, len(dataset)))
        return faults

    return work
