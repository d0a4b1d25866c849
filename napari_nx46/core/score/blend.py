"""The score of a block: probability volumes smoothed along z and averaged.

``score = w * box_z(p3d, r) + (1 - w) * p2d`` for the two paths; for any number of volumes the
weighted mean of their probabilities or logits, every one but ``p2d`` smoothed along z.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from napari_nx46.core.score.ensemble import (
    effective_weights,
    mean_of_logits,
    mean_of_powers,
    mean_of_probabilities,
)
from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.score.smoothing import (
    NO_FIGURES,
    SmoothingKey,
    WholeFigures,
    plain_mean,
    smooth_score,
    smoothed_alone,
    smoothing_key,
    smoothing_reach,
)
from napari_nx46.core.threshold.quantile import HIGH_BITS, LOW_BITS, Counts, ScoreHistogram
from napari_nx46.setting import (
    Averaging,
    CtGate,
    ScoreFrom,
    Setting,
    Temperatures,
    Weights,
)
from napari_nx46.voxels.blocks import (
    Block,
    FloatVolume,
    FragmentVolumes,
    VolumeLike,
    block_shape,
    widened,
    within,
)
from napari_nx46.voxels.tiles import row_tiles
from napari_nx46.voxels.workers import CancelCheck, Workers, never

Voxels = npt.NDArray[np.generic]


@dataclass(frozen=True)
class PathKey:
    """The knobs upstream of the volumes that are averaged."""

    source: ScoreFrom
    residual_sigma: float | None
    gate: tuple[float, int] | None = None
    temperature: float = 1.0
    temperatures: Temperatures = ()
    shift: float = 0.0
    smoothing: SmoothingKey = ()
    is_ranked: bool = False

    @classmethod
    def of(cls, setting: Setting) -> PathKey:
        """Return the key of a setting."""
        if setting.source is ScoreFrom.PROBABILITIES:
            is_gated = setting.ct_gate is CtGate.SCORE
            gate = (setting.ct_threshold, setting.ct_margin) if is_gated else None
            return cls(
                setting.source,
                None,
                gate,
                setting.temperature,
                setting.temperatures,
                setting.sdf_zero,
                _alone_key(setting),
                setting.averaging is Averaging.RANK,
            )
        sigma = setting.residual_sigma if setting.source is ScoreFrom.RESIDUAL else None
        return cls(setting.source, sigma, smoothing=_alone_key(setting))

    @property
    def is_plain(self) -> bool:
        """Whether the volumes of its source are averaged as they are."""
        return self == PathKey(self.source, self.residual_sigma)

    def temperature_of(self, name: str) -> float:
        """Return the temperature of a volume by its name."""
        return dict(self.temperatures).get(name, self.temperature)


def _alone_key(setting: Setting) -> SmoothingKey:
    alone = smoothed_alone(setting)
    return () if alone is None else smoothing_key(alone)


@dataclass(frozen=True)
class ScoreKey:
    """The knobs upstream of the score: while they stand, the score stands."""

    paths: PathKey
    weights: Weights
    averaging: Averaging
    blend: float | None
    z_radius: int
    power: float | None = None
    smoothing: SmoothingKey = ()

    @classmethod
    def of(cls, setting: Setting) -> ScoreKey:
        """Return the key of a setting."""
        weights = setting.weights if setting.source is ScoreFrom.PROBABILITIES else ()
        blend = None if weights else setting.blend
        power = setting.power if setting.averaging is Averaging.POWER else None
        return cls(
            PathKey.of(setting),
            weights,
            setting.averaging,
            blend,
            setting.z_radius,
            power,
            smoothing_key(setting),
        )


def as_two_paths(setting: Setting) -> Setting:
    """Return the setting by which the two paths that follow from a CT image are averaged."""
    return setting.model_copy(update={"source": ScoreFrom.PROBABILITIES, "weights": ()})


class KeptLowBits:
    """The low-bit counts of the bins that were refined last; may be used from several threads.

    Parameters
    ----------
    most : int
        How many bins are kept. Each takes `LOW_BITS` integers of eight bytes.
    """

    MOST = 16

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._counts: OrderedDict[int, Counts] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return how many bins are kept."""
        return len(self._counts)

    def get(self, high_bits: int) -> Counts | None:
        """Return the counts of a bin (not to be written to), or None if they are not kept."""
        with self._lock:
            counts = self._counts.get(high_bits)
            if counts is not None:
                self._counts.move_to_end(high_bits)
            return counts

    def put(self, high_bits: int, counts: Counts) -> None:
        """Keep the counts of a bin in place of those that were used longest ago."""
        with self._lock:
            self._counts[high_bits] = counts
            self._counts.move_to_end(high_bits)
            while len(self._counts) > self._most:
                self._counts.popitem(last=False)


LOW_BITS_KEPT_BYTES = KeptLowBits.MOST * LOW_BITS * 8
"""The most that the low-bit counts of a score take."""


@dataclass(frozen=True, eq=False)
class ScoreStage:
    """What was computed of one score: its histogram, and the score itself if it is kept.

    Parameters
    ----------
    key : ScoreKey
    histogram : ScoreHistogram
        Of the whole fragment.
    score : (Z, Y, X) array of float32, optional
    low_bits : KeptLowBits
        Of the bins that were refined last.
    """

    key: ScoreKey
    histogram: ScoreHistogram
    score: FloatVolume | None
    low_bits: KeptLowBits = field(default_factory=KeptLowBits)


@dataclass(frozen=True)
class ScoreWork:
    """Computes scores of blocks.

    Parameters
    ----------
    kernels : Kernels
    workers : Workers
    """

    kernels: Kernels
    workers: Workers

    def compute(
        self,
        sources: FragmentVolumes,
        setting: Setting,
        block: Block,
        score: FloatVolume | None = None,
        counts: Counts | None = None,
        cancelled: CancelCheck = never,
        figures: WholeFigures = NO_FIGURES,
    ) -> FloatVolume:
        """Compute the score of a block.

        Parameters
        ----------
        sources : FragmentVolumes
            Probability volumes.
        setting : Setting
        block : Block
        score : array of float32, optional
            Of the block's shape; receives the score. A new one otherwise.
        counts : (65536,) array of int64, optional
            Increased by the scores' histogram over the bins of `quantile`.
        cancelled : callable
            Asked between tiles.
        figures : WholeFigures
            That the smoothing of the score needs.

        Raises
        ------
        ValueError
            If a volume that the setting weighs is not there.
        Cancelled
            If `cancelled` returned True.
        """
        if smoothing_key(setting):
            return self._smoothed(sources, setting, block, score, counts, cancelled, figures)
        out = np.empty(block_shape(block), np.float32) if score is None else score
        averaged = setting if setting.source is ScoreFrom.PROBABILITIES else as_two_paths(setting)
        weights = effective_weights(tuple(sources.probabilities), averaged)
        score_rows = (
            self._two_paths(sources, setting, block, out)
            if weights is None
            else self._ensemble(sources, setting, weights, block, out)
        )

        def work(rows: slice) -> Counts | None:
            tile_counts = None if counts is None else np.zeros(HIGH_BITS, np.int64)
            score_rows(rows, tile_counts)
            return tile_counts

        for tile_counts in self.workers.map(work, row_tiles(out.shape), cancelled):
            if counts is not None and tile_counts is not None:
                counts += tile_counts
        return out

    def _smoothed(
        self,
        sources: FragmentVolumes,
        setting: Setting,
        block: Block,
        score: FloatVolume | None,
        counts: Counts | None,
        cancelled: CancelCheck,
        figures: WholeFigures,
    ) -> FloatVolume:
        """Compute the score of a block and its halo, and smooth it; see `compute`."""
        wide = widened(block, smoothing_reach(setting), sources.shape)
        mean = self.compute(sources, plain_mean(setting), wide, cancelled=cancelled)
        smooth = smooth_score(mean, setting, figures, self.workers)
        inner = np.ascontiguousarray(smooth[within(block, wide)])
        out = np.empty_like(inner) if score is None else score
        whole = slice(0, inner.shape[1])
        # With no smoothing and a weight of 1 the kernel copies, and counts on the way.
        self.kernels.score_tile(inner, inner, 0, 0, 1.0, whole, out, counts)
        return out

    def _two_paths(
        self, sources: FragmentVolumes, setting: Setting, block: Block, out: FloatVolume
    ) -> Callable[[slice, Counts | None], None]:
        """Return what blends some rows of the two paths in one pass."""
        p3d = sources.p2d if sources.p3d is None else sources.p3d
        p2d = sources.p3d if sources.p2d is None else sources.p2d
        if p3d is None or p2d is None:
            raise ValueError("the blend needs p3d or p2d; there are only models, and no weights")
        smoothed = _Window.read(p3d, block, setting.z_radius)
        beside = smoothed.own(block) if p2d is p3d else read_block(p2d, block)

        def score_rows(rows: slice, counts: Counts | None) -> None:
            self.kernels.score_tile(
                smoothed.voxels,
                beside,
                smoothed.first,
                setting.z_radius,
                setting.blend,
                rows,
                out,
                counts,
            )

        return score_rows

    def _ensemble(
        self,
        sources: FragmentVolumes,
        setting: Setting,
        weights: dict[str, float],
        block: Block,
        out: FloatVolume,
    ) -> Callable[[slice, Counts | None], None]:
        """Return what smooths and averages some rows of any number of volumes."""
        radii = {name: 0 if name == "p2d" else setting.z_radius for name in weights}
        volumes = sources.probabilities
        for name, other in (("p2d", sources.p3d), ("p3d", sources.p2d)):
            if name in weights and other is not None:
                volumes.setdefault(name, other)
        windows = {name: _Window.read(volumes[name], block, radii[name]) for name in weights}
        mean = _mean_of(setting)

        def score_rows(rows: slice, counts: Counts | None) -> None:
            whole = slice(0, rows.stop - rows.start)
            parts = {}
            for name, window in windows.items():
                part = np.empty(out[:, rows].shape, np.float32)
                voxels = np.ascontiguousarray(window.voxels[:, rows])
                beside = np.ascontiguousarray(window.own(block)[:, rows])
                self.kernels.score_tile(
                    voxels, beside, window.first, radii[name], 1.0, whole, part, None
                )
                parts[name] = part
            averaged = np.empty(out[:, rows].shape, np.float32)
            mean(parts, weights, averaged)
            # With no smoothing and a weight of 1 the kernel copies, and counts on the way.
            copied = np.empty_like(averaged)
            self.kernels.score_tile(averaged, averaged, 0, 0, 1.0, whole, copied, counts)
            out[:, rows] = copied

        return score_rows


def _mean_of(
    setting: Setting,
) -> Callable[[dict[str, FloatVolume], dict[str, float], FloatVolume], None]:
    """Return what averages the volumes."""
    match setting.averaging:
        case Averaging.PROBABILITY | Averaging.RANK:
            return mean_of_probabilities
        case Averaging.LOGIT:
            return mean_of_logits
        case Averaging.GEOMETRIC | Averaging.POWER:
            power = setting.power if setting.averaging is Averaging.POWER else 0.0
            return lambda parts, weights, out: mean_of_powers(parts, weights, power, out)


@dataclass(frozen=True, eq=False)
class _Window:
    """The slices of a volume that a block's z-box reads.

    Parameters
    ----------
    voxels : (N, Y, X) array
    first : int
        Index of the block's first slice in them.
    """

    voxels: Voxels
    first: int

    @classmethod
    def read(cls, volume: VolumeLike, block: Block, radius: int) -> _Window:
        start = max(0, block[0].start - radius)
        stop = min(volume.shape[0], block[0].stop + radius)
        voxels = read_block(volume, (slice(start, stop), block[1], block[2]))
        return cls(voxels, block[0].start - start)

    def own(self, block: Block) -> Voxels:
        """Return the slices of the block itself."""
        return self.voxels[self.first : self.first + block_shape(block)[0]]


def read_block(volume: VolumeLike, block: Block) -> Voxels:
    """Read a block as a C-contiguous array that the kernels take."""
    voxels = np.ascontiguousarray(volume[block])
    if voxels.dtype == np.float16:
        return voxels.astype(np.float32)
    return voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
