"""The score of one fragment: the stage before every threshold, kept between calls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

import numpy as np

from napari_nx46.core.score.blend import PathKey, ScoreKey, ScoreStage, ScoreWork
from napari_nx46.core.score.ct_paths import ct_sources, intensity_extent
from napari_nx46.core.score.figures import figures_of
from napari_nx46.core.score.kernels import Kernels, compiled_kernels
from napari_nx46.core.score.measured import NOT_MEASURED, Measured
from napari_nx46.core.score.prepared import (
    GatedVolume,
    RankedVolume,
    SmoothedVolume,
    TemperedVolume,
)
from napari_nx46.core.score.smoothing import (
    NO_FIGURES,
    WholeFigures,
    needs_figures,
    smoothed_alone,
)
from napari_nx46.core.threshold.quantile import HIGH_BITS, LOW_BITS, Counts, ScoreHistogram
from napari_nx46.setting import ScoreFrom, Setting
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    FragmentVolumes,
    VolumeLike,
    slabs,
    whole_block,
)
from napari_nx46.voxels.tiles import slab_thickness, slice_tiles
from napari_nx46.voxels.workers import CancelCheck, Workers, alone, never

__all__ = ["FragmentScore"]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Volumes that took a pass over the fragment to prepare.

    Parameters
    ----------
    key : PathKey
    volumes : FragmentVolumes
    """

    key: PathKey
    volumes: FragmentVolumes

    @property
    def kept_bytes(self) -> int:
        """Bytes of the ranks."""
        volumes = self.volumes.probabilities.values()
        return sum(one.kept_bytes for one in volumes if isinstance(one, RankedVolume))


class FragmentScore:
    """The score of one fragment under any setting; the newest one is kept.

    Parameters
    ----------
    sources : FragmentVolumes
        The volumes.
    kernels : Kernels, optional
        Default: `compiled_kernels`.
    workers : Workers, optional
        Default: one thread.
    keep_score : bool
        Keep the newest score (one float32 volume) between calls. Otherwise every call that needs
        it streams the sources again in slabs, and memory stays small.
    measured : Measured
        What is known of the whole; what is not is looked for.

    Notes
    -----
    Methods may be called from several threads at a time. Every result is a function of the
    setting and the sources alone.
    """

    def __init__(
        self,
        sources: FragmentVolumes,
        *,
        kernels: Kernels | None = None,
        workers: Workers | None = None,
        keep_score: bool = True,
        measured: Measured = NOT_MEASURED,
    ) -> None:
        self.sources = sources
        self.kernels = kernels or compiled_kernels()
        self.workers = workers or Workers(1)
        self.keep_score = keep_score
        self._stage: ScoreStage | None = None
        self._paths: tuple[PathKey, FragmentVolumes] | None = None
        self._measured = measured
        self._intensities = measured.intensities
        self._computing = Lock()  # held while a stage is computed: by one thread at a time
        self._changing = Lock()  # held while what is kept changes: never for long
        self._times_cleared = 0
        self._figures: tuple[ScoreKey, WholeFigures] | None = None
        self._figuring = Lock()  # held while they are computed
        self._prepared: _Prepared | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        return self.sources.shape

    @property
    def measured(self) -> Measured:
        """What is known of the whole: what was given, and the intensities of the CT image."""
        return replace(self._measured, intensities=self._intensities)

    @property
    def slab_thickness(self) -> int:
        """How many slices a pass over the fragment takes at a time."""
        return slab_thickness(self.shape)

    @property
    def kept_bytes(self) -> int:
        """Bytes of what is kept between calls: score, paths, ranks and low bits."""
        stage, paths, prepared = self._stage, self._paths, self._prepared
        kept = 0
        if stage is not None:
            kept += len(stage.low_bits) * LOW_BITS * 8
            kept += 0 if stage.score is None else stage.score.nbytes
        if paths is not None:
            kept += 4 * math.prod(self.shape) * len(paths[1].probabilities)
        return kept + (0 if prepared is None else prepared.kept_bytes)

    def is_ready(self, setting: Setting) -> bool:
        """Return whether any block's score can be computed without a pass over the fragment."""
        if setting.source is not ScoreFrom.PROBABILITIES and self._intensities is None:
            return False
        key, prepared = PathKey.of(setting), self._prepared
        if (key.is_ranked or key.smoothing) and (prepared is None or prepared.key != key):
            return False
        if setting.ced_steps and self.cached_stage(setting) is None:
            return False  # each of its steps takes a slice a good part of a frame
        return not needs_figures(setting) or self._known_figures(setting) is not None

    def paths(self, setting: Setting, cancelled: CancelCheck = never) -> FragmentVolumes:
        """Return the probability volumes that a setting averages.

        They are the sources' own, or follow from the CT image, whose lowest and highest intensity
        are looked for at the first call.

        Raises
        ------
        ValueError
            If the sources lack what the setting's `source` asks for.
        """
        if setting.source is ScoreFrom.PROBABILITIES:
            if not self.sources.probabilities:
                raise ValueError(
                    "found no probability volume; expected a source gradient, residual"
                )
            return self._prepared_volumes(self.sources, setting, cancelled)
        key, cached = PathKey.of(setting), self._paths
        if cached is not None and cached[0] == key:
            return cached[1]
        image = self.sources.image
        if image is None:
            raise ValueError(f"found no CT image; the source {setting.source} needs one")
        if self._intensities is None:
            self._intensities = intensity_extent(image, cancelled)
        p3d, p2d = ct_sources(image, setting.source, setting.residual_sigma, self._intensities)
        return self._prepared_volumes(FragmentVolumes(p3d, p2d), setting, cancelled)

    def cached_stage(self, setting: Setting) -> ScoreStage | None:
        """Return the score stage of this setting if it is there already."""
        stage = self._stage
        return stage if stage is not None and stage.key == ScoreKey.of(setting) else None

    def stage(self, setting: Setting, cancelled: CancelCheck = never) -> ScoreStage:
        """Return the score stage of this setting, computing it where it is not there.

        Raises
        ------
        ValueError
            If a volume that the setting needs is not there.
        Cancelled
            If `cancelled` returned True between two tiles.
        """
        cached = self._usable_stage(setting)
        if cached is not None:
            return cached
        with alone(self._computing, cancelled):
            # Another thread may have computed it meanwhile.
            return self._usable_stage(setting) or self._computed_stage(setting, cancelled)

    def _usable_stage(self, setting: Setting) -> ScoreStage | None:
        cached = self.cached_stage(setting)
        return cached if cached and (cached.score is not None or not self.keep_score) else None

    def _computed_stage(self, setting: Setting, cancelled: CancelCheck) -> ScoreStage:
        with self._changing:
            times_cleared, keep_score = self._times_cleared, self.keep_score
            self._stage = None  # frees the old score before the new one is allocated
        self._keep_paths(setting, keep_score, cancelled)
        score = np.empty(self.shape, np.float32) if keep_score else None
        counts = np.zeros(HIGH_BITS, np.int64)
        for slab in self._whole_in_slabs():
            out = None if score is None else score[slab[0]]
            self._compute_score(setting, slab, out, counts, cancelled)
        stage = ScoreStage(ScoreKey.of(setting), ScoreHistogram(counts), score)
        with self._changing:
            cleared = self._times_cleared != times_cleared
            self._stage = replace(stage, score=None) if cleared else stage
        return stage

    def clear_score(self) -> None:
        """Give the memory of what was kept back and keep nothing from now on but histograms.

        Does not wait for a stage that is being computed: its score is not kept either.
        """
        with self._changing:
            self._times_cleared += 1
            self.keep_score = False
            self._paths = None
            self._prepared = None
            if self._stage is not None and self._stage.score is not None:
                self._stage = replace(self._stage, score=None)

    def score(self, setting: Setting, block: Block, cancelled: CancelCheck = never) -> FloatVolume:
        """Return the score of a block, float32 of the block's shape (not to be written to)."""
        stage = self.cached_stage(setting)
        if stage is not None and stage.score is not None:
            return stage.score[block]
        return self._compute_score(setting, block, None, None, cancelled)

    def low_bits(
        self, setting: Setting, bins: Sequence[int], cancelled: CancelCheck = never
    ) -> dict[int, Counts]:
        """Return the low-bit counts of these bins of the whole fragment's score."""
        stage = self.stage(setting, cancelled)
        known = {one: stage.low_bits.get(one) for one in bins if one < HIGH_BITS}
        found = {high_bits: counts for high_bits, counts in known.items() if counts is not None}
        missing = [high_bits for high_bits in known if high_bits not in found]
        if missing:
            for high_bits, counts in self._count_low_bits(setting, missing, cancelled).items():
                stage.low_bits.put(high_bits, counts)
                found[high_bits] = counts
        return found

    def score_slabs(
        self, setting: Setting, cancelled: CancelCheck = never
    ) -> Iterator[tuple[slice, FloatVolume]]:
        """Yield extent along z and score of the whole fragment in slabs of consecutive slices."""
        for slab in self._whole_in_slabs():
            yield slab[0], self.score(setting, slab, cancelled)

    def _whole_in_slabs(self) -> Iterator[Block]:
        return slabs(whole_block(self.shape), self.slab_thickness)

    def _compute_score(
        self,
        setting: Setting,
        block: Block,
        score: FloatVolume | None,
        counts: Counts | None,
        cancelled: CancelCheck,
    ) -> FloatVolume:
        work = ScoreWork(self.kernels, self.workers)
        sources = self.paths(setting, cancelled)
        figures = NO_FIGURES
        if needs_figures(setting):
            figures = self.figures(setting, cancelled)
        return work.compute(sources, setting, block, score, counts, cancelled, figures)

    def _prepared_volumes(
        self, sources: FragmentVolumes, setting: Setting, cancelled: CancelCheck
    ) -> FragmentVolumes:
        """Return volumes as the knobs of single ones leave them."""
        key, known = PathKey.of(setting), self._prepared
        if key.is_plain:
            return sources
        if known is not None and known.key == key:
            return known.volumes
        image, smoothing = sources.image, smoothed_alone(setting)
        if key.gate is not None and image is None:
            raise ValueError("found no CT image; the CT gate needs one: open it, or switch it off")

        def prepared(name: str, volume: VolumeLike) -> VolumeLike:
            temperature = key.temperature_of(name)
            if key.gate is not None and image is not None:
                volume = GatedVolume(volume, image, *key.gate)
            if temperature != 1.0 or key.shift != 0.0:
                volume = TemperedVolume(volume, temperature, key.shift)
            figures, ranks = self._measured.of_volume(key, name)
            if smoothing is not None:
                volume = self._smoothed_alone(volume, smoothing, figures, cancelled)
            return RankedVolume.of(volume, ranks) if key.is_ranked else volume

        p3d, p2d = sources.p3d, sources.p2d
        first = None if p3d is None else prepared("p3d", p3d)
        second = first if p2d is p3d else None if p2d is None else prepared("p2d", p2d)
        models = {name: prepared(name, volume) for name, volume in sources.models.items()}
        volumes = FragmentVolumes(first, second, models, image)
        if key.is_ranked or key.smoothing:
            self._prepared = _Prepared(key, volumes)
        return volumes

    def _smoothed_alone(
        self,
        volume: VolumeLike,
        setting: Setting,
        figures: WholeFigures | None,
        cancelled: CancelCheck,
    ) -> SmoothedVolume:
        """Return a volume smoothed by itself: the score of a setting that has no other one."""
        score = FragmentScore(
            FragmentVolumes(volume, volume),
            kernels=self.kernels,
            workers=self.workers,
            keep_score=False,
            measured=Measured(setting, score=figures),
        )
        if needs_figures(setting):
            score.figures(setting, cancelled)
        return SmoothedVolume(volume, partial(score.score, setting))

    # ---- what smoothing needs of the whole fragment ------------------------------------------

    def figures(self, setting: Setting, cancelled: CancelCheck = never) -> WholeFigures:
        """Return the figures that a smoothing needs, from a pass over the fragment for each.

        Raises
        ------
        Cancelled
            If `cancelled` returned True between two tiles.
        """
        with alone(self._figuring, cancelled):
            known = self._known_figures(setting)
            if known is not None:
                return known
            work = ScoreWork(self.kernels, self.workers)
            slabs_of = list(self._whole_in_slabs())
            sources = self.paths(setting, cancelled)
            figures = figures_of(work, sources, setting, slabs_of, cancelled)
            self._figures = (ScoreKey.of(setting), figures)
            return figures

    def _known_figures(self, setting: Setting) -> WholeFigures | None:
        found, key = self._figures, ScoreKey.of(setting)
        return found[1] if found is not None and found[0] == key else self._measured.figures(key)

    def _keep_paths(self, setting: Setting, keep: bool, cancelled: CancelCheck) -> None:
        """Compute the volumes that follow from the CT image once, where memory is to be used."""
        key, cached = PathKey.of(setting), self._paths
        if setting.source is ScoreFrom.PROBABILITIES or not keep:
            self._paths = None
        elif cached is None or cached[0] != key:
            self._paths = None
            times_cleared = self._times_cleared
            paths = self._in_memory(self.paths(setting, cancelled), cancelled)
            with self._changing:
                if self._times_cleared == times_cleared:
                    self._paths = (key, paths)

    def _in_memory(self, paths: FragmentVolumes, cancelled: CancelCheck) -> FragmentVolumes:
        volumes = {}
        for name, volume in paths.probabilities.items():
            voxels = np.empty(self.shape, np.float32)

            def fill(tile: slice, volume: VolumeLike = volume, out: FloatVolume = voxels) -> None:
                out[tile] = volume[(tile, *whole_block(self.shape)[1:])]

            self.workers.map(fill, slice_tiles(self.shape), cancelled)
            volumes[name] = voxels
        return FragmentVolumes(volumes["p3d"], volumes.get("p2d", volumes["p3d"]))

    def _count_low_bits(
        self, setting: Setting, bins: Sequence[int], cancelled: CancelCheck
    ) -> dict[int, Counts]:
        """Count the low bits of the scores in some bins, in one pass over the fragment."""
        total = np.zeros((len(bins), LOW_BITS), np.int64)
        for slab in self._whole_in_slabs():
            score = self.score(setting, slab, cancelled)

            def count(tile: slice, score: FloatVolume = score) -> Counts:
                counts = np.zeros((len(bins), LOW_BITS), np.int64)
                for high_bits, of_bin in zip(bins, counts, strict=True):
                    self.kernels.count_low_bits(score[tile], high_bits, of_bin)
                return counts

            tiles = slice_tiles(score.shape)
            total += np.sum(self.workers.map(count, tiles, cancelled), axis=0)
        return dict(zip(bins, total, strict=True))
