"""The bits of the session's exact mask: assembled once, for all that measure, score or compare it.

Whoever reads them first has them computed, in its own worker; the others wait for that and share
the result. The session's pipeline keeps them, within its memory, until another mask is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Mask
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.overlap import Bits
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["MaskBits", "mask_bits_of"]


@dataclass(frozen=True)
class MaskBits:
    """The session's exact mask, which is computed when it is first read.

    Where two of them are equal, so are the masks.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections
    threshold : Threshold
        The exact one, which follows from the setting.
    pipeline : FragmentPipeline
    """

    image_id: str
    setting: Setting
    corrections: Corrections
    threshold: Threshold = field(compare=False)
    pipeline: FragmentPipeline = field(compare=False)

    def stage(self, cancelled: CancelCheck) -> MaskStage:
        """Return the mask of the whole fragment, a bit a voxel.

        Raises
        ------
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        Cancelled
            If `cancelled` returned True.
        """
        return self.pipeline.whole_mask(self.setting, self.threshold, cancelled, self.corrections)

    def mask(self, cancelled: CancelCheck) -> Mask:
        """Return the mask of the whole fragment, uint8 {0, 1}."""
        return self.stage(cancelled).mask()

    def bits(self, cancelled: CancelCheck) -> Bits:
        """Return the mask a bit a voxel, as masks are compared."""
        return self.stage(cancelled).bits


def mask_bits_of(session: Session) -> MaskBits | None:
    """Return the session's exact mask; None while its threshold is not known."""
    threshold = session.exact_threshold
    if threshold is None or not session.settled:
        return None
    image_id = session.fragment.image_id
    return MaskBits(
        image_id,
        session.setting,
        session.present_corrections,
        threshold,
        session.pipelines[image_id],
    )
