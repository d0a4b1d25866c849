"""The component of a session's mask that a user pointed at, to be kept or removed whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal

from napari_nx46.live.derived.mask_bits import MaskBits, mask_bits_of
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.session import Session
from napari_nx46.voxels.corrections.component import component_at
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Pick", "PickedComponent", "Voxel"]

Voxel = tuple[int, int, int]


@dataclass(frozen=True)
class Pick:
    """A voxel that was pointed at, and what is to become of its component.

    Parameters
    ----------
    bits : MaskBits
        The mask that the component is of.
    voxel : tuple of int
        Along z, y and x.
    value : int
        1 to keep the component, 2 to remove it.
    """

    bits: MaskBits
    voxel: Voxel
    value: int


class PickedComponent(SessionValue[Pick, Corrections]):
    """Finds components in the exact mask of the whole fragment, once that is known.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    found : Signal(str, Corrections)
        Carries the image_id, and the component as corrections; none where the voxel that was
        pointed at is background.
    """

    found = Signal(str, Corrections)

    def __init__(self, session: Session) -> None:
        super().__init__(session, keep=0, rest_seconds=0.0, priority=-1)
        self._asked: tuple[str, Voxel, int] | None = None

    def pick(self, voxel: Voxel, value: int) -> None:
        """Find the component of the fragment that is shown, in place of one asked for before.

        Parameters
        ----------
        voxel : tuple of int
            Along z, y and x, within the fragment.
        value : int
            1 to keep the component, 2 to remove it.
        """
        self._asked = (self.session.fragment.image_id, voxel, value)
        self.touch()

    def key(self) -> Pick | None:
        """Return what was pointed at, once the mask is exact; None if nothing was."""
        bits = mask_bits_of(self.session)
        if self._asked is None or bits is None or bits.image_id != self._asked[0]:
            return None
        return Pick(bits, *self._asked[1:])

    def prepare(self, key: Pick) -> Callable[[CancelCheck], Corrections]:
        """Return the function that finds the component."""

        def find(cancelled: CancelCheck) -> Corrections:
            workers = key.bits.pipeline.workers
            return component_at(key.bits.mask(cancelled), key.voxel, key.value, workers=workers)

        return find

    def on_result(self, key: Pick, result: Corrections) -> None:
        """Report the component, unless another one was asked for meanwhile."""
        is_wanted = key == self.wanted
        super().on_result(key, result)
        if is_wanted:
            self._asked = None
            self.touch()
            self.found.emit(key.bits.image_id, result)

    def on_error(self, key: Pick, error: BaseException) -> None:
        """Do not try again."""
        self._asked = None
        super().on_error(key, error)
