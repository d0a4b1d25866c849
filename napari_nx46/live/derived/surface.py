"""What is shown of a session in 3D: the surface of its exact mask, and a plane of the CT image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_nx46.core.measure.surface import SurfaceMesh, surface_of
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.live.derived.measured import MeasuredValue
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.session import Session
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import whole_block
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["Picture", "Plane", "PlaneKey", "PlanePicture", "Surface", "SurfaceKey"]

REST_SECONDS = 0.4
"""For how long the sliders must have rested: a surface takes the cores for a second or two."""

MOST_KNOWN_SURFACES = 4
LAST = 9
"""Its priority: figures come first."""

Picture = npt.NDArray[np.uint8]
"""``(rows, columns)`` from black to white."""

DARKEST, BRIGHTEST = 1.0, 99.8
"""Percentiles that are drawn black and white, where voxels are no bytes."""


@dataclass(frozen=True)
class SurfaceKey:
    """What a surface belongs to: where these are equal, so are the surfaces.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections
    """

    image_id: str
    setting: Setting
    corrections: Corrections


class Surface(MeasuredValue[SurfaceKey, SurfaceMesh]):
    """The surface of the session's exact mask, while it is asked for.

    Parameters
    ----------
    session : Session
    rest_seconds : float
        See `SessionValue`.

    Attributes
    ----------
    is_asked_for : bool
        Nothing is computed otherwise; `touch` must follow when this changes.
    """

    def __init__(self, session: Session, *, rest_seconds: float = REST_SECONDS) -> None:
        super().__init__(
            session, None, keep=MOST_KNOWN_SURFACES, rest_seconds=rest_seconds, priority=LAST
        )
        self.is_asked_for = False

    def key(self) -> SurfaceKey | None:
        """Return the mask that is shown, once it is exact."""
        session = self.session
        if not self.is_asked_for or not session.settled or session.exact_threshold is None:
            return None
        return SurfaceKey(session.fragment.image_id, session.setting, session.present_corrections)

    def prepare(self, key: SurfaceKey) -> Callable[[CancelCheck], SurfaceMesh]:
        """Return the function that computes the surface."""
        threshold = self.session.exact_threshold
        assert threshold is not None  # `key` returned one
        return partial(self._compute, key, threshold, self.session.pipelines[key.image_id])

    def _compute(
        self,
        key: SurfaceKey,
        threshold: Threshold,
        pipeline: FragmentPipeline,
        cancelled: CancelCheck,
    ) -> SurfaceMesh:
        whole = whole_block(pipeline.shape)
        mask = pipeline.mask(key.setting, threshold, whole, cancelled, key.corrections)
        return surface_of(mask, workers=self.workers, cancelled=cancelled)


@dataclass(frozen=True)
class PlaneKey:
    """A plane of a fragment.

    Parameters
    ----------
    image_id : str
    axis : int
        Across which it lies.
    position : int
        Along that axis.
    """

    image_id: str
    axis: int
    position: int


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane of a fragment with its picture.

    Parameters
    ----------
    axis, position : int
        Across which axis it lies, and where.
    picture : (rows, columns) array of uint8
        From black to white, along the other two axes in their order.
    """

    axis: int
    position: int
    picture: Picture


class PlanePicture(SessionValue[PlaneKey, Plane]):
    """A plane of the CT image, or else of the first probability volume, read in a worker.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    place : tuple of int, optional
        Axis and position of the plane that is asked for; `touch` must follow when this changes.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, keep=2, rest_seconds=0.0, priority=LAST)
        self.place: tuple[int, int] | None = None

    def key(self) -> PlaneKey | None:
        """Return the plane that is asked for, if it lies in the fragment."""
        fragment = self.session.fragment
        if self.place is None or not 0 <= self.place[1] < fragment.shape[self.place[0]]:
            return None
        return PlaneKey(fragment.image_id, *self.place)

    def prepare(self, key: PlaneKey) -> Callable[[CancelCheck], Plane]:
        """Return the function that reads the plane."""
        fragment = self.session.fragment
        volume = fragment.image or next(iter(fragment.sources.values()))
        axis, position = key.axis, key.position
        return lambda cancelled: Plane(axis, position, picture_of(volume, axis, position))

    def is_ready(self) -> bool:
        """Return True: reading needs no kernel."""
        return True


def picture_of(volume: Volume, axis: int, position: int) -> Picture:
    """Return a plane of a volume, from black to white.

    Parameters
    ----------
    volume : Volume
    axis, position : int
        Across which axis it lies, and where.

    Returns
    -------
    (rows, columns) array of uint8
        Along the other two axes, in their order.
    """
    index: list[slice | int] = [slice(None)] * 3
    index[axis] = position
    plane = np.asarray(volume[tuple(index)])
    if plane.dtype == np.uint8:
        return plane
    values = np.nan_to_num(plane.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = np.percentile(values, (DARKEST, BRIGHTEST))
    scaled = (values - low) / max(float(high - low), np.finfo(np.float32).tiny)
    picture: Picture = (255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    return picture
