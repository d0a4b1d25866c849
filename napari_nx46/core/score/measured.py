"""What the scores of any box follow from that the whole volume alone can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_nx46.core.score.blend import PathKey, ScoreKey
from napari_nx46.core.score.ct_paths import IntensityExtent
from napari_nx46.core.score.prepared import Ranks
from napari_nx46.core.score.smoothing import WholeFigures, sheetness_alone
from napari_nx46.setting import Setting

__all__ = ["NOT_MEASURED", "Measured"]


@dataclass(frozen=True)
class Measured:
    """What was measured of a whole volume for a setting, as far as it needs any of it.

    Parameters
    ----------
    setting : Setting, optional
        All but the intensities is of no use to settings whose scores are made otherwise.
    intensities : (float, float), optional
        Lowest and highest value of the CT image.
    alone : mapping of str to WholeFigures
        Of volumes that are smoothed before the mean.
    ranks : mapping of str to Ranks
        Of volumes that are ranked.
    score : WholeFigures, optional
        Of the smoothing of the score.
    sheetness : WholeFigures, optional
        Of the sheetness by which scores are gated.
    """

    setting: Setting | None = None
    intensities: IntensityExtent | None = None
    alone: Mapping[str, WholeFigures] = field(default_factory=dict)
    ranks: Mapping[str, Ranks] = field(default_factory=dict)
    score: WholeFigures | None = None
    sheetness: WholeFigures | None = None

    def figures(self, key: ScoreKey) -> WholeFigures | None:
        """Return the figures of the smoothing of a score, if they are known."""
        if self.setting is None:
            return None
        if self.score is not None and key == ScoreKey.of(self.setting):
            return self.score
        is_sheetness = key == ScoreKey.of(sheetness_alone(self.setting))
        return self.sheetness if is_sheetness else None

    def of_volume(self, key: PathKey, name: str) -> tuple[WholeFigures | None, Ranks | None]:
        """Return the figures of the smoothing of one volume, and its ranks, if they are known."""
        if self.setting is None or key != PathKey.of(self.setting):
            return None, None
        return self.alone.get(name), self.ranks.get(name)


NOT_MEASURED = Measured()
