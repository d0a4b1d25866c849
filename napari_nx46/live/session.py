"""The session: the current fragment, setting and view, and the mask that follows from them.

Everything here runs in the thread of its owner (the GUI's, or a test's), but for the exact figures
of the whole fragment, which a worker computes and posts back. A slider event calls
`Session.change`: the threshold is previewed, the displayed slice is computed and `mask_changed` is
emitted before the call returns; the exact threshold follows from the worker and replaces it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from psygnal import Signal

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import Kernels, plain_kernels
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import DataSet, Fragment, FragmentError, VolumeError
from napari_nx46.live.derived.exact import (
    ExactFigures,
    ExactRequest,
    ExactResult,
    WhenDrawn,
    at_once,
)
from napari_nx46.live.derived.graph import Graph
from napari_nx46.live.preview.mask_source import MaskSource, same_mask
from napari_nx46.live.preview.warm_up import KernelWarmUp, SourceTypes, source_types
from napari_nx46.live.session_state import SessionState
from napari_nx46.live.view import (
    Figures,
    ShownMask,
    View,
    beyond,
    figures_of,
    fits_view,
    volume_figures,
)
from napari_nx46.run.job import Post
from napari_nx46.run.pipelines import PipelineSet
from napari_nx46.setting import DEFAULT_BAND, Domain, Setting, threshold_knobs
from napari_nx46.voxels.blocks import Block, Mask, block_shape, whole_block
from napari_nx46.voxels.workers import Workers


class Session(SessionState):
    """A calibration of a data set: what is chosen, and the mask that follows from it.

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
    workers : Workers
    memory_budget : int or None
        As it was given; what computes beside the session has the same.
    graph : Graph
        The values that follow the session.
    warm_up : KernelWarmUp
        Compiles the kernels; until it is done NumPy computes.
    mask_changed : Signal(ShownMask)
        Carries the displayed plane's mask: draw it. Emitted before `change` returns.
    figures_changed : Signal(Figures)
    compiling_changed : Signal(int, int)
        How many kernels are compiled, and how many there are; equal when none is left. Not emitted
        while compiled code is read from disk.
    failed : Signal(BaseException)
        Something that the user asked for could not be done.
    """

    mask_changed = Signal(ShownMask)
    figures_changed = Signal(Figures)
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
        super().__init__(dataset, image_id, setting, band)
        self.workers = workers or Workers(2)
        self.memory_budget = memory_budget
        self._compiled: dict[SourceTypes, Kernels] = {}
        self.pipelines = PipelineSet(
            dataset,
            kernels_for=self._kernels_for,
            workers=self.workers,
            memory_budget=memory_budget,
        )
        self.graph = Graph(post)
        self._at_end: list[Callable[[], object]] = [self.pipelines.release]
        self.post = post
        self._when_drawn = when_drawn
        self.pipelines.hold(self._fragment.image_id)
        self._figures = Figures()
        self._volume: Mask | None = None
        self._shown: ShownMask | None = None
        self._exact: ExactResult | None = None
        self._closed = False
        self._beyond = False
        self._exact_figures = self.graph.add(ExactFigures(self.pipelines, self._on_result))
        self._exact_figures.failed.connect(self._report)
        self.warm_up = KernelWarmUp(
            map(source_types, dataset.opened),
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
    def shown(self) -> ShownMask | None:
        """The mask of the displayed plane; None in 3D, and where it could not be computed."""
        return self._shown

    @property
    def figures(self) -> Figures:
        """The read-outs, as they are known now."""
        return self._figures

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

    def show_fragment(self, image_id: str) -> bool:
        """Show another fragment, at the same relative depth.

        Returns
        -------
        bool
            False if it is faulty, which `failed` reports; the fragment stays as it was.
        """
        if image_id == self._fragment.image_id:
            return True
        try:
            self.pipelines.hold(image_id)
        except (FragmentError, VolumeError) as error:
            self.failed.emit(error)
            return False
        self._choose_fragment(image_id)
        self.warm_up.add(source_types(self._fragment))
        self._exact_figures.sample = self._shown = self._exact = self._volume = None
        self._figures = Figures()
        self.fragment_changed.emit(self._fragment)
        setting = self._fitting_setting()
        if setting != self._setting:
            self._setting = setting
            self.setting_changed.emit(setting)
        self._refresh()
        return True

    def step_fragment(self, step: int) -> None:
        """Show the next (1) or the previous (-1) fragment that is sound, round the end."""
        for image_id in self._neighbours(step):
            if self.show_fragment(image_id):
                return

    def look_at(self, view: View | None) -> None:
        """Note what the canvas shows now; figures, and the block domain's threshold, follow.

        Parameters
        ----------
        view : View or None
            None where the canvas shows nothing of the fragment: its slice has no figures then.
        """
        was_beyond, self._beyond = self._beyond, view is None
        if was_beyond != self._beyond and self._shown is not None:
            self.mask_changed.emit(self._shown)
            self._measure_shown()
        if view is None or view == self._view or not fits_view(view, self._fragment.shape):
            return
        same_plane = view.plane == self._view.plane and view.three_d == self._view.three_d
        self._view = view
        if self._setting.domain is Domain.BLOCK and self._setting.block != view.extents:
            self.apply(self._setting.changed(block=view.extents))
        elif same_plane:
            self._measure_shown()
        else:
            self._refresh()

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
            sample=self._exact_figures.sample,
            exact_threshold=self.exact_threshold,
            three_d=self._view.three_d,
            cleans_up=self.warm_up.clean_up_ready,
            corrections=self.present_corrections,
        )
        return source.shown(self._setting, block)

    def _refresh(self) -> None:
        """Compute what is shown, notify the canvas, and ask the worker for what is missing."""
        request = self._request()
        self._exact_figures.drop_other_than(request)
        if self._draw() and (not self.settled or self._view.three_d):
            self._exact_figures.ask_when_drawn(request, self._when_drawn)

    def _request(self) -> ExactRequest:
        """Return what the exact figures of what is shown follow from."""
        image_id, three_d = self._fragment.image_id, self._view.three_d
        return ExactRequest(image_id, self._setting, three_d, self.present_corrections)

    def _show_corrections(self, image_id: str) -> None:
        if image_id == self._fragment.image_id and not self._closed:
            self._refresh()

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
        known = figures_of(shown, view, self._figures, self.settled)
        self._figures = beyond(known) if self._beyond else known
        self.figures_changed.emit(self._figures)

    # ---- the worker ------------------------------------------------------------------------

    def _report(self, error: BaseException) -> None:
        if not self._closed:
            self.failed.emit(error)

    def _on_result(self, result: ExactResult) -> None:
        """Replace the preview by the exact result, unless the sliders have moved on."""
        request = result.request
        if self._closed or request.image_id != self._fragment.image_id:
            return
        self._exact_figures.sample = result.sample
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
        self._figures = volume_figures(result.threshold, result.density, result.notes)
        setting, plane = result.request.setting, self._view.plane
        self.mask_changed.emit(ShownMask(setting, result.threshold, plane, volume, exact=True))
        self.figures_changed.emit(self._figures)

    def _preview_again(self) -> None:
        """Preview hysteresis and clean-up too, now that they are compiled."""
        if not self._closed and not self.settled and self._shown is not None:
            self._draw()

    def _kernels_for(self, fragment: Fragment) -> Kernels:
        """Return the compiled kernels if they are ready for a fragment, else the plain ones."""
        return self._compiled.get(source_types(fragment)) or plain_kernels()

    def _use(self, kernels: Kernels, types: SourceTypes) -> None:
        """Compute the fragments of these types with the compiled kernels from now on."""
        self._compiled[types] = kernels
        for fragment in self.dataset.opened:
            if source_types(fragment) == types:
                self.pipelines[fragment.image_id].kernels = kernels
        sample = self._exact_figures.sample
        if sample is not None and source_types(self._fragment) == types:
            sample.use_kernels(kernels)
