"""Accepting settings, and exporting them to a submission with one click."""

from __future__ import annotations

from pathlib import Path

from napari.utils import progress
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.files.naming import first_few, plural
from napari_nx46.files.submission.mask_tiff import Compression, MaskValues
from napari_nx46.files.workspace import LONGEST_TAG, SavedRun
from napari_nx46.live.jobs.export import export_work
from napari_nx46.live.jobs.runs import Runs
from napari_nx46.live.session import Session
from napari_nx46.run.export.export import RunResult
from napari_nx46.run.export.manifest import RunOptions
from napari_nx46.run.export.targets import manifest_path
from napari_nx46.run.job import Job, Progress
from napari_nx46.run.judge.verdict import run_name
from napari_nx46.viewer.messages.plain_text import PlainLabel, confirm, plain_tip, unmistakable
from napari_nx46.viewer.qt.connections import Connections
from napari_nx46.viewer.qt.main_thread import MainThreadPoster
from napari_nx46.viewer.widgets.layout import WrappedLabel
from napari_nx46.viewer.widgets.progress_row import ProgressRow

ARCHIVE_NAME = "submission.zip"
COMPRESSION_TEXTS = {
    "zlib": Compression.ZLIB,
    "LZW": Compression.LZW,
    "none": Compression.NONE,
}
PROFILE_TEXTS = {"{0, 1} (competition)": MaskValues.KAGGLE, "{0, 255} (NX47)": MaskValues.NX47}


class ExportPanel(QWidget):
    """Accept buttons, the archive's options, and the export with its progress.

    Parameters
    ----------
    session : Session
    runs : Runs, optional
        Keep what is exported.

    Attributes
    ----------
    foot : QWidget
        The buttons, to be placed where they stay in sight; the options are in the panel itself.
    exported : Signal(object)
        Carries the `RunResult`.
    answered : Signal()
        The result label has another text.
    """

    exported = Signal(object)
    answered = Signal()

    def __init__(
        self, session: Session, runs: Runs | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._runs = runs
        self._job: Job[RunResult] | None = None
        self._napari_progress: progress | None = None
        self._written: set[Path] = set()
        self.accept_button = QPushButton("Accept for fragment")
        self.accept_button.setToolTip("Freeze the setting for the fragment that is shown")
        self.accept_all_button = QPushButton("Accept for all")
        self.accept_all_button.setToolTip("Freeze the setting for every fragment of the data set")
        self.accepted_label = WrappedLabel()
        self.path_edit = QLineEdit(str(default_folder() / ARCHIVE_NAME))
        self.path_edit.setAccessibleName("Archive to write")
        self.browse_button = QToolButton()
        self.browse_button.setText("…")
        self.browse_button.setToolTip("Choose where the archive is written")
        self.compression_box = QComboBox()
        self.compression_box.addItems(list(COMPRESSION_TEXTS))
        self.compression_box.setToolTip("Compression of the TIFF pages")
        self.profile_box = QComboBox()
        self.profile_box.addItems(list(PROFILE_TEXTS))
        self.profile_box.setToolTip("Values of background and surface")
        self.tag_edit = QLineEdit()
        self.tag_edit.setMaxLength(LONGEST_TAG)
        self.tag_edit.setPlaceholderText("names the run")
        self.tag_edit.setToolTip("A few words by which the run is known in the manifest and later")
        self.export_button = QPushButton("Export submission")
        self.progress_row = ProgressRow("Stop; the old archive stays as it was", "Exporting")
        self.result_label = WrappedLabel()
        self._arrange()
        self._connect()
        self.show_accepted()

    @property
    def session(self) -> Session:
        """The session whose accepted settings are exported."""
        return self._session

    @property
    def target(self) -> Path:
        """The archive to write."""
        return Path(self.path_edit.text()).expanduser()

    @property
    def running(self) -> bool:
        """Whether an export is going on."""
        return self._job is not None

    def show_accepted(self) -> None:
        """Show what is accepted, and why the export waits where it does."""
        accepted, image_ids = self._session.accepted, self._session.dataset.image_ids
        missing = [image_id for image_id in image_ids if image_id not in accepted]
        if not accepted:
            reason = "Nothing to export yet: accept a setting first."
        elif missing:
            reason = f"Export waits for an accepted setting for: {first_few(missing)}."
        else:
            reason = ""
        self.export_button.setEnabled(not missing and not self.running)
        self.export_button.setToolTip(
            plain_tip(reason or "Write, read back and validate the archive, manifest and metrics")
        )
        self.accepted_label.setText(reason or self._accepted_text())

    def what_runs(self) -> str:
        """Return which archive is being written, in words."""
        return f"the export to {self.target.name}" if self.running else ""

    def start_export(self) -> None:
        """Export the accepted settings to the archive that is named."""
        target = self.target
        if not self._may_replace(target):
            return
        options = RunOptions(
            tag=self.tag_edit.text().strip(),
            compression=COMPRESSION_TEXTS[self.compression_box.currentText()],
            profile=PROFILE_TEXTS[self.profile_box.currentText()],
            band=self._session.band,
        )
        session = self._session
        self._job = job = Job[RunResult](MainThreadPoster(self), "nx46-export")
        self.progress_row.follow(job)
        job.progressed.connect(self._show_progress)
        job.ended.connect(self._end)
        job.done.connect(lambda result: self._show_result(result, options))
        job.cancelled.connect(self._show_cancelled)
        job.failed.connect(self._show_failure)
        self.destroyed.connect(job.close)
        self._napari_progress = progress(total=0, desc=unmistakable(f"Exporting {target.name}"))
        self.show_accepted()
        self.result_label.clear()
        workspace = None if self._runs is None else self._runs.path
        job.start(
            export_work(
                *(session.dataset, session.accepted, target, options),
                corrections=session.accepted_corrections,
                threads=session.workers.count,
                memory_budget=session.memory_budget,
                workspace=workspace,
            )
        )

    def cancel_export(self) -> None:
        """Stop the export that is going on; the old archive stays."""
        if self._job is not None:
            self.progress_row.give_up()

    def _accepted_text(self) -> str:
        accepted = self._session.accepted
        current = accepted.get(self._session.fragment.image_id)
        count = len(accepted)
        text = f"Accepted for {count} of {plural(len(self._session.dataset), 'fragment')}."
        if current is not None and current != self._session.setting:
            text += " The sliders have moved since: accept again to export what you see."
        elif current is not None and self._corrected_since():
            text += " The mask was corrected since: accept again to export what you see."
        return text

    def _corrected_since(self) -> bool:
        """Return whether what is corrected is not what was accepted."""
        session = self._session
        frozen = session.accepted_corrections.get(session.fragment.image_id)
        present = session.present_corrections
        return present != frozen if frozen is not None else not present.is_empty

    def _may_replace(self, target: Path) -> bool:
        """Ask before an archive that this panel did not write is replaced."""
        if not target.is_file() or target in self._written:
            return True
        question = f"{target} exists already. Replace it?"
        return confirm(self, "Replace the archive?", question)

    def _show_progress(self, now: Progress) -> None:
        if self._napari_progress is not None:
            self._napari_progress.total = now.total
            self._napari_progress.update(now.done - self._napari_progress.n)

    def _show_result(self, result: RunResult, options: RunOptions) -> None:
        self._written.add(result.target)
        self._answer(_result_text(result))
        if self._runs is not None:
            self._runs.register(result, options)
        self.exported.emit(result)

    def _show_kept(self, run: SavedRun) -> None:
        self._add_to_result(f"Kept as {run_name(run)}: score and judge it under More ▸ Runs.")

    def _show_not_kept(self, error: BaseException) -> None:
        self._add_to_result(
            f"⚠ The archive is good, but is not kept as a run: {error}\n"
            "It is tried again whenever the runs are read."
        )

    def _add_to_result(self, text: str) -> None:
        self._answer(f"{self.result_label.text()}\n{text}")

    def _answer(self, text: str) -> None:
        self.result_label.setText(text)
        self.answered.emit()

    def _show_cancelled(self) -> None:
        self._answer("Cancelled. Nothing was written.")

    def _show_failure(self, error: BaseException) -> None:
        self._answer(f"Not exported: {error}")
        self._session.failed.emit(error)

    def _end(self) -> None:
        self._job = None
        if self._napari_progress is not None:
            self._napari_progress.close()
            self._napari_progress = None
        self.show_accepted()

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Archive to write",
            str(self.target),
            "Submission (*.zip)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.path_edit.setText(path if path.endswith(".zip") else f"{path}.zip")

    def _connect(self) -> None:
        session = self._session
        self.accept_button.clicked.connect(self._accept_fragment)
        self.accept_all_button.clicked.connect(self._accept_all)
        self.export_button.clicked.connect(self.start_export)
        self.browse_button.clicked.connect(self._browse)
        session.accepted_changed.connect(self.show_accepted)
        session.setting_changed.connect(lambda setting: self.show_accepted())
        session.corrections.changed.connect(lambda image_id: self.show_accepted())
        session.fragment_changed.connect(lambda fragment: self.show_accepted())
        if self._runs is not None:
            self._following = Connections(self)
            self._following.follow(self._runs.registered, self._show_kept)
            self._following.follow(self._runs.not_registered, self._show_not_kept)

    def _accept_fragment(self) -> None:
        self._accept((self._session.fragment.image_id,))

    def _accept_all(self) -> None:
        self._accept(self._session.dataset.image_ids)

    def _accept(self, image_ids: tuple[str, ...]) -> None:
        try:
            self._session.accept(image_ids)
        except ValueError as error:
            self._session.failed.emit(error)

    def _arrange(self) -> None:
        options = QGridLayout()
        options.addWidget(PlainLabel("Archive"), 0, 0)
        options.addWidget(self.path_edit, 0, 1)
        options.addWidget(self.browse_button, 0, 2)
        options.addWidget(PlainLabel("Tag"), 1, 0)
        options.addWidget(self.tag_edit, 1, 1, 1, 2)
        options.addWidget(PlainLabel("Compression"), 2, 0)
        options.addWidget(self.compression_box, 2, 1, 1, 2)
        options.addWidget(PlainLabel("Values"), 3, 0)
        options.addWidget(self.profile_box, 3, 1, 1, 2)
        options.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(options)
        layout.addWidget(self.result_label)
        self.foot = QWidget()
        foot = QGridLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setVerticalSpacing(4)
        foot.addWidget(self.accepted_label, 0, 0, 1, 2)
        foot.addWidget(self.accept_button, 1, 0)
        foot.addWidget(self.accept_all_button, 1, 1)
        foot.addWidget(self.export_button, 2, 0, 1, 2)
        foot.addWidget(self.progress_row, 3, 0, 1, 2)


def default_folder() -> Path:
    """Return the folder in which an archive is written unless another is chosen."""
    here = Path.cwd()
    return here if here != Path(here.anchor) else Path.home()


def _result_text(result: RunResult) -> str:
    report = result.report
    warnings = report.warnings if report is not None else ()
    lines = [
        f"✓ {result.target.name}: {plural(len(result.members), 'mask')}, valid.",
        *(f"{member.image_id}: density {member.density:.4f}" for member in result.members),
        *(f"⚠ {finding}" for finding in warnings),
        f"Beside it: {manifest_path(result.target).name}, metrics.csv.",
    ]
    return "\n".join(lines)
