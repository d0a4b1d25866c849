"""Two masks that are compared: where requests are equal, so are the comparisons."""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.live.derived.mask_bits import MaskBits
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.overlap import Bits
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["ComparisonRequest", "KeptMask"]


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
    first, second : KeptMask or MaskBits
    """

    image_id: str
    first: KeptMask | MaskBits
    second: KeptMask | MaskBits

    @property
    def setting(self) -> Setting | None:
        """The session's setting, if its own mask takes part."""
        own = (one for one in (self.first, self.second) if isinstance(one, MaskBits))
        return next((one.setting for one in own), None)
