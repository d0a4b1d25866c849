"""The accepted setting applied to the whole store: what it takes, how far it is, and the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.data.fragments import StorePlace
from napari_nx46.files.naming import first_few
from napari_nx46.files.stores.address import is_remote
from napari_nx46.live.scroll.store import Scroll
from napari_nx46.run.job import Job
from napari_nx46.scale.beside import (
    Preflight,
    ProgressInWords,
    apply_work,
    outcome_words,
    preflight_work,
    setting_for_all,
    sources_of,
)
from napari_nx46.setting import Setting, SettingError
from napari_nx46.viewer.messages.notices import notify_error
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.scroll.store_row import StoreRow
from napari_nx46.viewer.tune.export_panel import default_folder
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.widgets.progress_row import ProgressRow

if TYPE_CHECKING:
    from napari_nx46.scale.execute.progress import ApplyProgress
    from napari_nx46.viewer.window.viewer_session import ViewerSession

__all__ = ["ApplyPanel"]

SUFFIX = ".zarr"
NO_BOXES = "Tune boxes of the store first; then accept a setting for them."
READY = "The accepted setting can be applied to the whole store."
APPLY_TIP = (
    "Make the mask of the whole store with the setting that is accepted. Cancelled, or closed, it"
    " goes on from there when this is pressed again"
)
RESTART_TIP = (
    "Begin again: what an earlier run has left unfinished is removed, and an image that is there is"
    " replaced when the new one is complete"
)
NOT_ACCEPTED = (
    "⚠ What was corrected by hand in {} since a setting was accepted there is not applied: press"
    " Accept where masks are tuned"
)
CHECK_TIP = "Turn quantiles into probabilities over the boxes, and time a few tiles of the store"


class ApplyPanel(QWidget):
    """Applies the accepted setting to the store that is open.

    Parameters
    ----------
    scroll : Scroll
    row : StoreRow
        Has the second store and the CT.

    Attributes
    ----------
    out_edit : QLineEdit
    check_button, apply_button, restart_button, result_button : QPushButton
    progress_row : ProgressRow
    words : WrappedLabel
        What it takes, why it cannot be done, or how it ended.
    preflight : Preflight or None
        Of what was checked last.
    written : Path or None
        The image that is there.
    result_wanted : Signal(object)
        The image at a path is to be shown, or is to be shown no longer.
    """

    result_wanted = Signal(object)

    def __init__(self, scroll: Scroll, row: StoreRow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scroll = scroll
        self._row = row
        self._session: ViewerSession | None = None
        self._following: Connections | None = None
        self._post = MainThreadPoster(self)
        self._job: Job[Preflight] | Job[ApplyProgress] | None = None
        self._asking_for: tuple[object, ...] | None = None
        self._checked_for: tuple[object, ...] | None = None
        self._applies_then = False
        self._said = ""
        self._has_failed = self._is_applying = False
        self.preflight: Preflight | None = None
        self.written: Path | None = None
        self.out_edit = QLineEdit(str(_proposed(scroll.place)))
        self.out_edit.setAccessibleName("OME-Zarr image to write")
        self.out_edit.setToolTip("The OME-Zarr image to write; its receipt comes beside it")
        self.browse_button = QPushButton("…")
        self.browse_button.setMaximumWidth(32)
        self.browse_button.setToolTip("Choose a name")
        self.check_button = QPushButton("What it takes")
        self.check_button.setToolTip(plain_tip(CHECK_TIP))
        self.apply_button = QPushButton("Apply to the whole volume")
        self.apply_button.setToolTip(plain_tip(APPLY_TIP))
        self.restart_button = QPushButton("Begin again")
        self.restart_button.setToolTip(plain_tip(RESTART_TIP))
        self.result_button = QPushButton("Show the result")
        self.result_button.setToolTip("The store, and beside it the same with its mask")
        self.result_button.setCheckable(True)
        self.progress_row = ProgressRow("Stop; what is done is kept", "Applying to the volume")
        self.words = WrappedLabel()
        self._arrange()
        self.browse_button.clicked.connect(self._browse)
        self.check_button.clicked.connect(lambda: self.start(then_apply=False))
        self.apply_button.clicked.connect(lambda: self.start(then_apply=True))
        self.restart_button.clicked.connect(self._restart)
        self.result_button.clicked.connect(self._want_result)
        self.out_edit.textChanged.connect(self._ask_again)
        self._look_for_image()
        self.show_state()

    # ---- what is there ---------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether something is being computed."""
        return self._job is not None and self._job.running

    @property
    def out(self) -> Path:
        """The image to write."""
        return Path(self.out_edit.text().strip()).expanduser().absolute()

    def what_runs(self) -> str:
        """Return what is being done, in words; see `Running`."""
        return f"the mask of {self._scroll.place.name}" if self.running else ""

    def follow(self, viewer_session: ViewerSession | None) -> None:
        """Take the accepted setting from a session; from none if it is of other data."""
        if self._following is not None:
            self._following.end()
            self._following = None
        self._session = viewer_session if self._is_of_store(viewer_session) else None
        if self._session is not None:
            self._following = Connections(self)
            self._following.follow(self._session.session.accepted_changed, self._ask_again)
        self.show_state()

    def show_state(self) -> None:
        """Show what can be done now."""
        missing = NO_BOXES if self._session is None else ""
        try:
            if self._session is not None:
                setting_for_all(self._session.session.accepted)
        except SettingError as error:
            missing = f"{str(error)[:1].upper()}{str(error)[1:]}."
        ready = not missing and not self.running
        self.check_button.setEnabled(ready)
        self.apply_button.setEnabled(ready)
        for widget in (self.out_edit, self.browse_button):
            widget.setEnabled(not self.running)
        self.restart_button.setVisible(self._has_failed and ready and self.preflight is not None)
        self.result_button.setVisible(self.written is not None)
        there = "" if self.written is None else f"There is an image at {self.written}."
        self.words.setText(self._said or missing or there or READY)

    # ---- computing -------------------------------------------------------------------------

    def start(self, *, then_apply: bool) -> None:
        """Find out what it takes, and if wanted begin, or go on."""
        if self._session is None or self.running:
            return
        session = self._session.session
        try:
            setting = setting_for_all(session.accepted)
        except SettingError as error:
            notify_error(error)
            return
        asked = self._asked(setting)
        if then_apply and self.preflight is not None and self._checked_for == asked:
            self._apply(self.preflight)
            return
        place = self._row.belonging(self._scroll.place)
        work = preflight_work(
            session.dataset,
            setting,
            sources_of(place, self._row.second, session.dataset.read_as),
            self.out,
            threads=session.workers.count,
            memory=session.memory_budget,
            corrections=dict(session.accepted_corrections),
        )
        job: Job[Preflight] = Job(self._post, "nx46-preflight")

        self._asking_for, self._applies_then = asked, then_apply
        self._has_failed = self._is_applying = False
        job.done.connect(self._checked)
        self._follow_job(job, "Looking at the boxes")
        job.start(work)
        self.show_state()

    def _checked(self, preflight: Preflight) -> None:
        self.preflight, self._checked_for = preflight, self._asking_for
        self._say_outcome("\n".join((preflight.in_words(), *self._not_applied())))
        if self._applies_then and preflight.estimate.fits:
            self._apply(preflight)

    def _restart(self) -> None:
        """Begin again with what was checked last."""
        if self.preflight is not None and not self.running:
            self._apply(self.preflight, restart=True)

    def _not_applied(self) -> Iterator[str]:
        """Yield what the whole volume does not get of what was done to the boxes."""
        if self._session is not None:
            session = self._session.session
            now, then = session.corrections.by_fragment, session.accepted_corrections
            changed = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
            if changed:
                yield NOT_ACCEPTED.format(first_few(changed))

    def _apply(self, preflight: Preflight, *, restart: bool = False) -> None:
        self._has_failed, self._is_applying = False, True
        job: Job[ApplyProgress] = Job(self._post, "nx46-apply")
        job.done.connect(self._ended)
        self._follow_job(job, "Beginning")
        job.start(apply_work(preflight, restart=restart))
        self.show_state()

    def _ended(self, progress: ApplyProgress) -> None:
        self._look_for_image()
        self._has_failed = progress.state != "done"
        if self.preflight is not None:
            words = outcome_words(self.preflight, progress)
            self._say_outcome("\n".join((words, *self._not_applied())))

    def _follow_job(self, job: Job[Preflight] | Job[ApplyProgress], words: str) -> None:
        self._job = job
        job.progressed.connect(self._say)
        job.cancelled.connect(self._cancelled)
        job.failed.connect(self._failed)
        self.progress_row.follow(job)
        self.progress_row.say(words)
        job.ended.connect(self.show_state)

    def _say(self, progress: ProgressInWords) -> None:
        self.progress_row.say(progress.words)

    def _cancelled(self) -> None:
        self._say_outcome("Cancelled. What is done is kept: apply it again to go on.")

    def _failed(self, error: BaseException) -> None:
        self._has_failed = True
        if not self._is_applying:
            self.preflight = None
        self._say_outcome(f"Not applied: {error}")

    def _asked(self, setting: Setting) -> tuple[object, ...]:
        """Return what a preflight is made for."""
        place = self._row.belonging(self._scroll.place)
        corrected = () if self._session is None else self._session.session.accepted_corrections
        return setting, self.out, place, self._row.second, dict(corrected)

    # ---- small things ----------------------------------------------------------------------

    def _is_of_store(self, viewer_session: ViewerSession | None) -> bool:
        """Return whether a session tunes boxes of the store that is open."""
        first = None if viewer_session is None else next(iter(viewer_session.paths), None)
        if not isinstance(first, StorePlace) or not first.boxes:
            return False
        ours = self._scroll.place.absolute()
        given = first.absolute()
        level = given.level if given.level is not None else next(iter(self._scroll.paths), None)
        return (given.store, level) == (ours.store, ours.level)

    def _look_for_image(self, *_: object) -> None:
        """See whether the image is there already."""
        self.written = self.out if (self.out / ".zattrs").is_file() else None

    def _ask_again(self, *_: object) -> None:
        """Show nothing of what was asked before: something else is to be done now."""
        self._look_for_image()
        if not self.running:
            self._said = ""
            self._has_failed = False
        self.show_state()

    def _say_outcome(self, words: str) -> None:
        self._said = words
        self.show_state()

    def _want_result(self, shown: bool) -> None:
        self.result_wanted.emit(self.written if shown else None)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "OME-Zarr image to write", str(self.out))
        if name:
            self.out_edit.setText(name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")

    def close_jobs(self) -> None:
        """Cancel what is being computed; what is done is kept."""
        if self._job is not None:
            self._job.close()

    def _arrange(self) -> None:
        out = QHBoxLayout()
        out.addWidget(PlainLabel("Mask"))
        out.addWidget(self.out_edit, 1)
        out.addWidget(self.browse_button)
        buttons = QGridLayout()
        buttons.addWidget(self.check_button, 0, 0)
        buttons.addWidget(self.apply_button, 0, 1)
        # Either may be hidden, and the other then has the row.
        after = QHBoxLayout()
        after.addWidget(self.restart_button)
        after.addWidget(self.result_button)
        buttons.addLayout(after, 1, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(out)
        layout.addLayout(buttons)
        layout.addWidget(self.progress_row)
        layout.addWidget(self.words)


def _proposed(place: StorePlace) -> Path:
    """Return a name for the mask: beside a store on this machine, else in the user's folder."""
    name = f"{place.name}-mask{SUFFIX}"
    given = place.absolute().store
    return default_folder() / name if is_remote(given) else Path(given).parent / name
