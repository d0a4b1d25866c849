"""A session's mask as a volume that computes the slice asked for."""

from __future__ import annotations

from typing import Protocol

from napari_nx46.live.arrays.volume import LazyVolume
from napari_nx46.live.session import Session
from napari_nx46.voxels.blocks import Block, Mask


class ShownSource(Protocol):
    """Gives the mask of a session's current fragment, as it is shown."""

    def mask_block(self, block: Block, /) -> Mask:
        """Return a block of it, uint8 {0, 1}."""

    def whole_mask(self) -> Mask:
        """Return all of it, exactly."""


def lazy_mask(session: Session, source: ShownSource | None = None) -> LazyVolume:
    """Return the mask of a session's current fragment, {0, 1}.

    Parameters
    ----------
    session : Session
    source : ShownSource, optional
        Gives the mask in place of the session.
    """
    source = source or session
    return LazyVolume(session.fragment.shape, source.mask_block, source.whole_mask)
