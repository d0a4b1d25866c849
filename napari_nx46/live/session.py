"""The session: the current fragment, setting and view, and the mask that follows from them.

Everything here runs in the thread of its owner (the GUI's, or a test's), but for the exact figures
of the whole fragment, which a worker computes and posts back. A slider event calls
`Session.change`: the threshold is previewed, the displayed slice is computed and `mask_changed` is
emitted before the call returns; the exact threshold follows from the worker and replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import Kernels, plain_kernels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import DataSet, Fragment
from napari_nx46.live.corrections import SessionCorrections
from napari_nx46.live.derived.exact import (
    ExactFigures,
    ExactRequest,
    ExactResult,
    compute_exact,
)
from napari_nx46.live.derived.graph import Graph
from napari_nx46.live.preview.mask_source import MaskSource, same_mask
from napari_nx46.live.preview.threshold import ScoreSample
from napari_nx46.live.preview.warm_up import KernelWarmUp, SourceTypes, source_types
from napari_nx46.live.view import Figures, ShownMask, View, figures_of, fits_view, slice_view
from napari_nx46.run.job import Post
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.run.preflight import check_block, fitting_setting
from napari_nx46.setting import DEFAULT_BAND, Domain, Setting, moved, threshold_knobs
from napari_nx46.voxels.blocks import Block, Mask, block_shape, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck, Workers

WhenDrawn = Callable[[Callable[[], None]], None]
"""Runs a function in the session's own thread once the canvas has drawn what it was asked to."""


def at_once(function: Callable[[], None]) -> None:
    """Run a function now: nothing draws."""
    function()


class Session:
    """A calibration of a data set.

    Parameters
    ----------
    dataset : DataSet
    setting : Setting, optional
        To begin with.
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    when_drawn : callable
        Runs a function once the canvas has drawn: the worker begins only then, so that it does
        not take the cores from the drawing.
    workers : Workers, optional
        Threads for whole fragments; default two.
    memory_budget : int, optional
        Bytes for one fragment's volumes and score.
    band : tuple of float
        Density aimed at.

    Attributes
    ----------
    post : callable
        Runs a function later in the thread that owns the session; may be called from any thread.
    graph : Graph
        The values that follow the session.
    corrections : SessionCorrections
        What was corrected by hand, whatever the setting.
    accepted_corrections : dict of str to Corrections
        Those that were frozen with the accepted settings, by image_id.
    warm_up : KernelWarmUp
        Compiles the kernels; until it is done NumPy computes.
    setting_changed : Signal(Setting)
    fragment_changed : Signal(Fragment)
    mask_changed : Signal(ShownMask)
        Carries the displayed plane's mask: draw it. Emitted before `change` returns.
    figures_changed : Signal(Figures)
    accepted_changed : Signal()
    compiling_changed : Signal(int, int)
        How many kernels are compiled, and how many there are; equal when none is left. Not emitted
        while compiled code is read from disk.
    failed : Signal(BaseException)
        Something that the user asked for could not be done.
    """

    setting_changed = Signal(Setting)
    fragment_changed = Signal(Fragment)
    mask_changed = Signal(ShownMask)
    figures_changed = Signal(Figures)
    accepted_changed = Signal()
    band_changed = Signal(tuple)
    compiling_changed = Signal(int, int)
    failed = Signal(BaseException)

    def __init__(
        self,
        dataset: DataSet,
        *,
        post: Post,
        image_id: str | None = None,
        when_drawn: WhenDrawn = at_once,
        setting: Setting | None = None,
        workers: Workers | None = None,
        memory_budget: int | None = None,
        band: tuple[float, float] = DEFAULT_BAND,
    ) -> None:
        self.dataset = dataset
        self.workers = workers or Workers(2)
        self.pipelines = PipelineSet(
            dataset, kernels=plain_kernels(), workers=self.workers, memory_budget=memory_budget
        )
        self.graph = Graph(post)
        self.corrections = SessionCorrections(dataset)
        self.accepted: dict[str, Setting] = {}
        self.accepted_corrections: dict[str, Corrections] = {}
        self._at_end: list[Callable[[], object]] = [self.pipelines.release]
        self.post = post
        self._when_drawn = when_drawn
        self._band = band
        self._fragment = next(iter(dataset)) if image_id is None else dataset[image_id]
        self.pipelines.hold(self._fragment.image_id)
        self._setting = fitting_setting(setting or Setting(), self._fragment)
        self._view = slice_view(self._fragment.shape, self._fragment.shape[0] // 2)
        self._figures = Figures()
        self._sample: ScoreSample | None = None
        self._volume: Mask | None = None
        self._shown: ShownMask | None = None
        self._exact: ExactResult | None = None
        self._asked: ExactRequest | None = None
        self._drawing: ExactRequest | None = None
        self._closed = False
        self._exact_figures = self.graph.add(
            ExactFigures(lambda: self._asked, self._compute_exact, self._take)
        )
        self._exact_figures.failed.connect(self._report)
        self.warm_up = KernelWarmUp(
            map(source_types, dataset),
            lambda kernels, types: self.post(lambda: self._use(kernels, types)),
            lambda: self.post(self._preview_again),
            self.report_compiling,
            self.graph.wake,
        )
        # Connected first: whoever follows these signals finds the values up to date.
        self.fragment_changed.connect(self.graph.clear)
        self.setting_changed.connect(self.graph.touch)
        self.figures_changed.connect(self.graph.touch)
        self.corrections.changed.connect(self._show_corrections)

    # ---- what is current -------------------------------------------------------------------

    @property
    def setting(self) -> Setting:
        """The setting of the sliders."""
        return self._setting

    @property
    def fragment(self) -> Fragment:
        """The fragment that is shown."""
        return self._fragment

    @property
    def view(self) -> View:
        """What the canvas shows."""
        return self._view

    @property
    def shown(self) -> ShownMask | None:
        """The mask of the displayed plane; None in 3D, and where it could not be computed."""
        return self._shown

    @property
    def figures(self) -> Figures:
        """The read-outs, as they are known now."""
        return self._figures

    @property
    def band(self) -> tuple[float, float]:
        """Density aimed at: lowest and highest."""
        return self._band

    @property
    def exact_requests_begun(self) -> int:
        """How many exact computations were begun so far, stale ones included."""
        return self._exact_figures.begun

    @property
    def exact_threshold(self) -> Threshold | None:
        """The exact threshold of the sliders' setting; None until the worker has found it."""
        exact = self._exact
        if exact is None or threshold_knobs(exact.request.setting) != threshold_knobs(
            self._setting
        ):
            return None
        return exact.threshold

    @property
    def settled(self) -> bool:
        """Whether the worker has found the exact figures of what is shown."""
        exact = self._exact
        return (
            exact is not None
            and exact.request.setting == self._setting
            and exact.request.corrections == self.present_corrections
        )

    @property
    def present_corrections(self) -> Corrections:
        """What was corrected by hand in the fragment that is shown."""
        return self.corrections.of(self._fragment.image_id)

    # ---- what a user does ------------------------------------------------------------------

    def start(self) -> None:
        """Show the first fragment and begin to compute."""
        self.warm_up.start()
        self._refresh()

    def change(self, **knobs: Any) -> None:
        """Change some knobs; the displayed mask follows before this returns.

        Raises
        ------
        SettingError
            If a value is out of range.
        """
        self.apply(self._with_visible_block(knobs))

    def apply(self, setting: Setting) -> None:
        """Set all knobs at once."""
        if setting == self._setting:
            return
        self._setting = setting
        self.setting_changed.emit(setting)
        self._refresh()

    def show_fragment(self, image_id: str) -> None:
        """Show another fragment, at the same relative depth."""
        if image_id == self._fragment.image_id:
            return
        old_depth = self._fragment.shape[0]
        self._fragment = self.dataset[image_id]
        self.pipelines.hold(image_id)
        depth = self._fragment.shape[0]
        z = min(depth - 1, self._view.slice_index * depth // old_depth)
        self._view = slice_view(self._fragment.shape, z)
        self._sample = self._shown = self._exact = self._volume = None
        self._figures = Figures()
        self.fragment_changed.emit(self._fragment)
        setting = fitting_setting(self._setting, self._fragment)
        if setting.domain is Domain.BLOCK:
            setting = setting.changed(block=self._view.extents)
        if setting != self._setting:
            self._setting = setting
            self.setting_changed.emit(setting)
        self._refresh()

    def step_fragment(self, step: int) -> None:
        """Show the next (1) or the previous (-1) fragment, round the end."""
        image_ids = self.dataset.image_ids
        position = image_ids.index(self._fragment.image_id)
        self.show_fragment(image_ids[(position + step) % len(image_ids)])

    def look_at(self, view: View) -> None:
        """Note what the canvas shows now; figures, and the block domain's threshold, follow."""
        if view == self._view or not fits_view(view, self._fragment.shape):
            return
        same_plane = view.plane == self._view.plane and view.three_d == self._view.three_d
        self._view = view
        if self._setting.domain is Domain.BLOCK and self._setting.block != view.extents:
            self.apply(self._setting.changed(block=view.extents))
        elif same_plane:
            self._measure_shown()
        else:
            self._refresh()

    def set_band(self, band: tuple[float, float]) -> None:
        """Aim at another density."""
        self._band = band
        self.band_changed.emit(band)

    def accept(self, image_ids: tuple[str, ...] | None = None) -> None:
        """Freeze the setting, and what was corrected, for these fragments, by default for all.

        Raises
        ------
        FragmentError
            If the setting's block lies outside one of the fragments; none is accepted then.
        """
        chosen = self.dataset.image_ids if image_ids is None else image_ids
        self.accept_settings({self.dataset[name].image_id: self._setting for name in chosen})

    def accept_settings(
        self,
        settings: Mapping[str, Setting],
        corrections: Mapping[str, Corrections] | None = None,
    ) -> None:
        """Freeze a setting for each fragment that is named; those of other data are left out.

        Parameters
        ----------
        settings : mapping of str to Setting
            By image_id.
        corrections : mapping of str to Corrections, optional
            Frozen with them, by image_id; by default the present ones.

        Raises
        ------
        FragmentError
            If a setting's block lies outside its fragment; none is accepted then.
        """
        known = {name: settings[name] for name in self.dataset.image_ids if name in settings}
        for image_id, setting in known.items():
            check_block(self.dataset[image_id], setting)
        frozen = self.corrections.by_fragment if corrections is None else corrections
        self.accepted.update(known)
        for image_id in known:
            self.accepted_corrections.pop(image_id, None)
            if image_id in frozen and not frozen[image_id].is_empty:
                self.accepted_corrections[image_id] = frozen[image_id]
        self.accepted_changed.emit()

    def close(self) -> None:
        """End the threads and give the memory back, without waiting for what is being computed.

        The session must not be used any more.
        """
        if self._closed:
            return
        self._closed = True
        self.graph.close(self._end)
        self.warm_up.close()
        self.workers.close()

    def call_at_end(self, function: Callable[[], object]) -> None:
        """Call a function once the session is closed and nothing is computed any more."""
        self._at_end.append(function)

    def _end(self) -> None:
        for function in self._at_end:
            function()

    def report_compiling(self, _name: str, done: int, total: int) -> None:
        """Emit `compiling_changed` in the thread that owns the session; called from any thread."""

        def emit() -> None:
            if not self._closed:
                self.compiling_changed.emit(done, total)

        self.post(emit)

    def wait_until_exact(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`.
        """
        return self.graph.wait_until_idle(timeout, self._exact_figures)

    # ---- the mask --------------------------------------------------------------------------

    def mask_block(self, block: Block) -> Mask:
        """Return the mask of a block as it is shown: uint8 {0, 1}, of the block's shape.

        May be called from any thread.
        """
        shown, volume = self._shown, self._volume
        if shown is not None and shown.plane == block:
            return shown.mask
        if self._view.three_d and block == whole_block(self._fragment.shape):
            return np.zeros(block_shape(block), np.uint8) if volume is None else volume
        return self._shown_mask(block).mask

    def whole_mask(self) -> Mask:
        """Return the exact mask of the whole fragment, computing what is missing."""
        setting = self._setting
        threshold = self.exact_threshold
        if threshold is None:
            dataset = self.pipelines.prepare_dataset(setting)
            threshold = self._pipeline.threshold(setting, dataset)
        corrections = self.present_corrections
        return self._pipeline.whole_mask(setting, threshold, corrections=corrections).mask()

    @property
    def _pipeline(self) -> FragmentPipeline:
        return self.pipelines[self._fragment.image_id]

    def _shown_mask(self, block: Block) -> ShownMask:
        """Return the mask of a block as far as it is known without a pass over the fragment."""
        pooled = self._setting.domain is Domain.DATASET
        image_ids = self.dataset.image_ids if pooled else (self._fragment.image_id,)
        source = MaskSource(
            pipeline=self._pipeline,
            pool=tuple(self.pipelines[image_id] for image_id in image_ids),
            sample=self._sample,
            exact_threshold=self.exact_threshold,
            three_d=self._view.three_d,
            cleans_up=self.warm_up.clean_up_ready,
            corrections=self.present_corrections,
        )
        return source.shown(self._setting, block)

    def _refresh(self) -> None:
        """Compute what is shown, notify the canvas, and ask the worker for what is missing."""
        request = self._request()
        if request != self._asked:
            self._asked = None
            self._exact_figures.touch()
        self._drawing = None
        if self._draw() and self._needs_worker() and self._asked is None:
            self._drawing = request
            self._when_drawn(self._ask)

    def _request(self) -> ExactRequest:
        """Return what the exact figures of what is shown follow from."""
        image_id, three_d = self._fragment.image_id, self._view.three_d
        return ExactRequest(image_id, self._setting, three_d, self.present_corrections)

    def _show_corrections(self, image_id: str) -> None:
        if image_id == self._fragment.image_id and not self._closed:
            self._refresh()

    def _ask(self) -> None:
        """Ask for the exact figures of what was drawn, unless something else is drawn by now."""
        if self._drawing is not None:
            self._asked, self._drawing = self._drawing, None
            self._exact_figures.touch()

    def _needs_worker(self) -> bool:
        return not self.settled or self._view.three_d

    def _draw(self) -> bool:
        """Show the plane; return False where that failed, which is reported by `failed`."""
        try:
            self._show_plane()
        except (ValueError, OSError) as error:
            self._shown = None
            self._figures = Figures()
            self.figures_changed.emit(self._figures)
            self.failed.emit(error)
            return False
        return True

    def _show_plane(self) -> None:
        view = self._view
        if view.three_d:
            self._shown = None
            self._figures = replace(self._figures, exact=False, fragment_exact=False)
            self.figures_changed.emit(self._figures)
            return
        self._shown = self._shown_mask(view.plane)
        self.mask_changed.emit(self._shown)
        self._measure_shown()

    def _measure_shown(self) -> None:
        shown, view = self._shown, self._view
        if shown is None or shown.plane != view.plane:
            return
        self._figures = figures_of(shown, view, self._figures, self.settled)
        self.figures_changed.emit(self._figures)

    def _with_visible_block(self, knobs: dict[str, Any]) -> Setting:
        domain = knobs.get("domain", self._setting.domain)
        block = self._view.extents if domain == Domain.BLOCK else None
        return moved(self._setting, **{"block": block, **knobs})

    # ---- the worker ------------------------------------------------------------------------

    def _compute_exact(self, request: ExactRequest, cancelled: CancelCheck) -> ExactResult:
        return compute_exact(self.pipelines, request, self._sample, cancelled)

    def _report(self, error: BaseException) -> None:
        self._asked = None
        if not self._closed:
            self.failed.emit(error)

    def _take(self, result: ExactResult) -> None:
        """Replace the preview by the exact result, unless the sliders have moved on."""
        request = result.request
        if request == self._asked:
            self._asked = None
        if self._closed or request.image_id != self._fragment.image_id:
            return
        self._sample = result.sample
        if request != self._request():
            return
        self._exact = result
        self._volume = result.volume
        self._figures = replace(self._figures, fragment_density=result.density, notes=result.notes)
        if result.volume is not None:
            self._show_volume(result, result.volume)
        elif self._shown is not None and self._is_exact(self._shown, result.threshold):
            self._shown = replace(self._shown, threshold=result.threshold, exact=True)
            self._measure_shown()
        else:
            self._draw()

    def _is_exact(self, shown: ShownMask, threshold: Threshold) -> bool:
        """Return whether this threshold gives the displayed plane the mask that it shows."""
        plane = self._view.plane
        corrections = self.present_corrections
        return shown.plane == plane and same_mask(self._pipeline, shown, threshold, corrections)

    def _show_volume(self, result: ExactResult, volume: Mask) -> None:
        self._figures = Figures(
            threshold=result.threshold.at(0),
            block_density=result.density,
            fragment_density=result.density,
            exact=True,
            fragment_exact=True,
            notes=result.notes,
        )
        setting, plane = result.request.setting, self._view.plane
        self.mask_changed.emit(ShownMask(setting, result.threshold, plane, volume, exact=True))
        self.figures_changed.emit(self._figures)

    def _preview_again(self) -> None:
        """Preview hysteresis and clean-up too, now that they are compiled."""
        if not self._closed and not self.settled and self._shown is not None:
            self._draw()

    def _use(self, kernels: Kernels, types: SourceTypes) -> None:
        """Compute the fragments of these types with the compiled kernels from now on."""
        for fragment in self.dataset:
            if source_types(fragment) == types:
                self.pipelines[fragment.image_id].kernels = kernels
        if self._sample is not None and source_types(self._fragment) == types:
            self._sample.use_kernels(kernels)
