"""What the canvas shows, and the figures that are reported about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_nx46.core.measure.slices import density
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, Mask, whole_block

Extents = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class View:
    """What the canvas shows of a fragment.

    Parameters
    ----------
    plane : Block
        The whole slice that is displayed; in 3D the whole volume.
    block : Block
        The visible part of it.
    three_d : bool
        Whether the volume is rendered as a whole.
    """

    plane: Block
    block: Block
    three_d: bool = False

    @property
    def extents(self) -> Extents:
        """Start and stop of the visible block along z, y and x."""
        return extents_of(self.block)

    @property
    def slice_index(self) -> int:
        """The displayed slice along z; the first one where several are displayed."""
        return int(self.plane[0].start)


def extents_of(block: Block) -> Extents:
    """Return start and stop of a block along z, y and x."""
    z, y, x = ((extent.start, extent.stop) for extent in block)
    return z, y, x


def slice_view(shape: tuple[int, int, int], z: int) -> View:
    """Return the view that shows one slice as a whole."""
    plane = (slice(z, z + 1), *whole_block(shape)[1:])
    return View(plane, plane)


def volume_view(shape: tuple[int, int, int]) -> View:
    """Return the view that renders the whole volume."""
    whole = whole_block(shape)
    return View(whole, whole, three_d=True)


def within_plane(view: View) -> Block:
    """Return the visible block as a block of an array that holds just the plane."""
    z, y, x = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(view.block, view.plane, strict=True)
    )
    return z, y, x


def fits_view(view: View, shape: tuple[int, int, int]) -> bool:
    """Return whether a view lies within a volume of this shape, and its block in its plane."""
    return all(
        0 <= plane.start <= block.start < block.stop <= plane.stop <= length
        for plane, block, length in zip(view.plane, view.block, shape, strict=True)
    )


@dataclass(frozen=True)
class Figures:
    """The read-outs; a density that is not exact yet is marked so where it is shown.

    Parameters
    ----------
    threshold, low_threshold : float, optional
        At the displayed slice, in units of probability; the low one of a pair only.
    slice_density, block_density, fragment_density : float, optional
        Share of foreground voxels in the displayed slice, in its visible part and in the whole
        fragment; None where it is not known yet.
    exact : bool
        Whether threshold, slice and block belong to the sliders' setting exactly, not to a preview.
    fragment_exact : bool
        The same of the fragment's density, and of the notes.
    notes : tuple of str
        What is odd about the fragment's threshold, in words.
    """

    threshold: float | None = None
    low_threshold: float | None = None
    slice_density: float | None = None
    block_density: float | None = None
    fragment_density: float | None = None
    exact: bool = False
    fragment_exact: bool = False
    notes: tuple[str, ...] = ()


def beyond(figures: Figures) -> Figures:
    """Return the read-outs where the canvas shows nothing of the fragment: those of all of it."""
    return replace(
        figures, threshold=None, low_threshold=None, slice_density=None, block_density=None
    )


@dataclass(frozen=True, eq=False)
class ShownMask:
    """The mask of the displayed plane, as the session hands it to whoever draws or measures it.

    Parameters
    ----------
    setting : Setting
        What it was computed from.
    threshold : Threshold, optional
        What it was computed from; without it nothing is known yet, and the mask is empty.
    plane : Block
        Where it lies in the fragment: one slice, or in 3D the whole.
    mask : array of uint8, {0, 1}
        Of the plane's shape; it cannot be written to.
    exact : bool
        Whether it is the exact mask, not a preview.
    """

    setting: Setting
    threshold: Threshold | None
    plane: Block
    mask: Mask
    exact: bool

    def __post_init__(self) -> None:
        self.mask.setflags(write=False)

    def threshold_at(self, z: int) -> float | None:
        """Return the (high) threshold of a slice."""
        return None if self.threshold is None else self.threshold.at(z)

    def low_threshold_at(self, z: int) -> float | None:
        """Return the low threshold of a slice, of a pair only."""
        if self.threshold is None or self.threshold.low is None:
            return None
        return self.threshold.lower.at(z)


def figures_of(shown: ShownMask, view: View, known: Figures, fragment_exact: bool) -> Figures:
    """Return the read-outs of the mask that a view shows.

    Parameters
    ----------
    shown : ShownMask
        Of the view's plane.
    view : View
    known : Figures
        Those before, whose density and notes of the fragment are taken over.
    fragment_exact : bool
        Whether these belong to the sliders' setting.
    """
    return Figures(
        threshold=shown.threshold_at(view.slice_index),
        low_threshold=shown.low_threshold_at(view.slice_index),
        slice_density=density(shown.mask),
        block_density=density(shown.mask[within_plane(view)]),
        fragment_density=known.fragment_density,
        exact=shown.exact,
        fragment_exact=fragment_exact,
        notes=known.notes,
    )


def volume_figures(threshold: Threshold, density: float, notes: tuple[str, ...]) -> Figures:
    """Return the read-outs of a whole volume, which is shown once it is exact.

    Parameters
    ----------
    threshold : Threshold
    density : float
        Of the whole fragment.
    notes : tuple of str
        What is odd about the threshold, in words.
    """
    return Figures(
        threshold=threshold.at(0),
        block_density=density,
        fragment_density=density,
        exact=True,
        fragment_exact=True,
        notes=notes,
    )
