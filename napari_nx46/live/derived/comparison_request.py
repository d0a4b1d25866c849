"""Two masks that are compared: where requests are equal, so are the comparisons."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask, whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.overlap import Bits, bits_of
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["ComparisonRequest", "KeptMask", "OwnMask"]


@dataclass(frozen=True)
class OwnMask:
    """The session's own mask, which is yet to be computed.

    Parameters
    ----------
    setting : Setting
    threshold : Threshold
        The exact one, which follows from the setting.
    pipeline : FragmentPipeline
    corrections : Corrections
    """

    setting: Setting
    threshold: Threshold = field(compare=False)
    pipeline: FragmentPipeline = field(compare=False)
    corrections: Corrections

    def mask(self, cancelled: CancelCheck) -> Mask:
        """Return the mask of the whole fragment, uint8 {0, 1}."""
        whole = whole_block(self.pipeline.shape)
        return self.pipeline.mask(self.setting, self.threshold, whole, cancelled, self.corrections)

    def bits(self, cancelled: CancelCheck) -> Bits:
        """Return the mask a bit a voxel."""
        return bits_of(self.mask(cancelled))


@dataclass(frozen=True)
class KeptMask:
    """A mask that is kept.

    Parameters
    ----------
    stage : MaskStage
    """

    stage: MaskStage

    def mask(self, _cancelled: CancelCheck) -> Mask:
        """Return the mask of the whole fragment, uint8 {0, 1}."""
        return self.stage.mask()

    def bits(self, _cancelled: CancelCheck) -> Bits:
        """Return the mask a bit a voxel."""
        return self.stage.bits


@dataclass(frozen=True)
class ComparisonRequest:
    """Two masks of a fragment.

    Parameters
    ----------
    image_id : str
    first, second : KeptMask or OwnMask
    """

    image_id: str
    first: KeptMask | OwnMask
    second: KeptMask | OwnMask

    @property
    def setting(self) -> Setting | None:
        """The session's setting, if its own mask takes part."""
        own = (one for one in (self.first, self.second) if isinstance(one, OwnMask))
        return next((one.setting for one in own), None)
