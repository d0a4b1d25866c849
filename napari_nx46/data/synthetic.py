"""Scroll-like sample fragments, made from a seed.

A fragment is cut from a papyrus roll: one sheet wound in a spiral about an axis (the umbilicus)
that lies outside the volume. The sheet is warped, pressed together in places, torn and frayed.
From that geometry four volumes follow: the CT image, the label, and the probabilities that two
networks might give. The two networks err differently, so that blending them pays:

* ``p3d`` is smooth along z. It bridges touching sheets and small gaps, fades where the surface is
  thin, and takes a part of the back of the sheet for its front.
* ``p2d`` is sharp, but noisy from slice to slice. It loses whole slices and sees false blobs.

The same spec gives the same voxels: every random field has a stream of its own, the arithmetic is
float64 in a fixed order, and the results are rounded to few levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["SAMPLES", "SampleFragment", "SampleSpec", "make_sample"]

Shape = tuple[int, int, int]
Field = NDArray[np.float64]

BACKGROUND: Final = 0
SURFACE: Final = 1
IGNORE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSpec:
    """What a sample fragment is to look like.

    Attributes
    ----------
    image_id
        Name of the fragment.
    description
        One line for menus and listings.
    shape
        Shape of the volumes, (Z, Y, X), in voxels.
    seed
        Seed of every random field.
    umbilicus
        (y, x) of the roll's axis in the middle slice, in voxels; outside the volume.
    umbilicus_tilt
        (dy, dx) by which the axis moves from one slice to the next, in voxels.
    pitch
        Mean distance between two windings, in voxels.
    press
        How uneven the distance is, in [0, 1): the closest windings are ``(1 - press) * pitch``
        apart, the widest ``(1 + press) * pitch``.
    press_period
        Number of windings from one pressed place to the next.
    waviness
        Standard deviation of the sheet's displacement, in voxels.
    wavelength
        Length over which the displacement changes, (Z, Y, X), in voxels.
    surface_thickness
        Mean thickness of the labelled surface, in voxels.
    papyrus_thickness
        Thickness of the papyrus in the image, in voxels.
    gap_share
        Share of the sheet that is torn away, in [0, 1).
    fraying
        Depth in voxels to which the sheet is frayed, from the first slice on; 0 for a clean edge.
    noise
        Strength of the image's noise and of the per-slice noise of ``p2d``; 1 is usual.
    """

    image_id: str
    description: str
    shape: Shape
    seed: int
    umbilicus: tuple[float, float]
    umbilicus_tilt: tuple[float, float]
    pitch: float
    press: float
    press_period: float
    waviness: float
    wavelength: tuple[float, float, float]
    surface_thickness: float
    papyrus_thickness: float
    gap_share: float
    fraying: float
    noise: float


@dataclass(frozen=True, slots=True, eq=False)
class SampleFragment:
    """The volumes of one sample fragment.

    Attributes
    ----------
    image_id
        Name of the fragment.
    image
        CT image, uint8 (Z, Y, X).
    p3d, p2d
        Probability of surface times 255, uint8 (Z, Y, X).
    label
        uint8 (Z, Y, X): 0 background, 1 surface, 2 ignore.
    """

    image_id: str
    image: NDArray[np.uint8]
    p3d: NDArray[np.uint8]
    p2d: NDArray[np.uint8]
    label: NDArray[np.uint8]


SAMPLES: Final[tuple[SampleSpec, ...]] = (
    SampleSpec(
        image_id="sample-wound",
        description="Wound: a tight, regular spiral with few gaps",
        shape=(48, 128, 144),
        seed=46,
        umbilicus=(-46.0, 52.0),
        umbilicus_tilt=(0.10, 0.22),
        pitch=17.5,
        press=0.40,
        press_period=4.3,
        waviness=2.2,
        wavelength=(22.0, 20.0, 20.0),
        surface_thickness=2.1,
        papyrus_thickness=6.5,
        gap_share=0.05,
        fraying=0.0,
        noise=0.9,
    ),
    SampleSpec(
        image_id="sample-pressed",
        description="Pressed: wavy sheets that touch where the roll was compressed",
        shape=(56, 144, 128),
        seed=147,
        umbilicus=(78.0, -120.0),
        umbilicus_tilt=(-0.25, 0.15),
        pitch=16.0,
        press=0.80,
        press_period=3.6,
        waviness=4.4,
        wavelength=(18.0, 13.0, 15.0),
        surface_thickness=2.0,
        papyrus_thickness=7.0,
        gap_share=0.06,
        fraying=0.0,
        noise=1.0,
    ),
    SampleSpec(
        image_id="sample-torn",
        description="Torn: gaps, a frayed edge and a noisy scan",
        shape=(52, 132, 152),
        seed=2046,
        umbilicus=(190.0, 205.0),
        umbilicus_tilt=(0.30, -0.30),
        pitch=16.0,
        press=0.50,
        press_period=5.2,
        waviness=3.2,
        wavelength=(20.0, 17.0, 15.0),
        surface_thickness=2.4,
        papyrus_thickness=6.5,
        gap_share=0.17,
        fraying=20.0,
        noise=1.3,
    ),
)
"""The sample fragments that the program offers."""


class _Stream(IntEnum):
    """The independent random streams of a spec, so that a change of one leaves the others."""

    WARP = 0
    THICKNESS = 1
    GAPS = 2
    FIBRES = 3
    IMAGE_NOISE = 4
    IGNORE_REGION = 5
    P3D_ATTENTION = 6
    P3D_BACK = 7
    P3D_NOISE = 8
    P2D_NOISE = 9
    P2D_SLICES = 10
    P2D_BLOBS = 11
    PRESS_PHASE = 12
    P2D_ATTENTION = 13


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """The wound sheet, sampled on the voxels.

    ``offset`` is the distance to the nearest winding's surface in voxels, positive outwards (away
    from the umbilicus). ``intact`` says where the sheet is not torn, ``surface`` is the truth.
    """

    offset: Field
    intact: NDArray[np.bool_]
    surface: NDArray[np.bool_]


def make_sample(spec: SampleSpec) -> SampleFragment:
    """Make one sample fragment.

    Parameters
    ----------
    spec
        What the fragment is to look like.

    Returns
    -------
    SampleFragment
        uint8 volumes of shape ``spec.shape``; equal specs give equal volumes.

    Examples
    --------
    >>> from napari_nx46.data.synthetic import SAMPLES, make_sample
    >>> fragment = make_sample(SAMPLES[0])
    >>> fragment.image.shape == SAMPLES[0].shape
    True
    """
    sheet = _wind_sheet(spec)
    return SampleFragment(
        image_id=spec.image_id,
        image=_scan(spec, sheet),
        p3d=_predict_3d(spec, sheet),
        p2d=_predict_2d(spec, sheet),
        label=_annotate(spec, sheet),
    )


def _random(spec: SampleSpec, stream: _Stream) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([spec.seed, int(stream)]))


def _smooth_noise(
    random: np.random.Generator, shape: Shape, sigma: float | tuple[float, float, float]
) -> Field:
    """Return Gaussian noise of mean 0 and standard deviation 1, smooth over `sigma` voxels."""
    noise = ndimage.gaussian_filter(random.standard_normal(shape), sigma, truncate=3.0)
    noise -= noise.mean()
    return np.asarray(noise / noise.std(), dtype=np.float64)


def _wind_sheet(spec: SampleSpec) -> _Sheet:
    winding = _winding_number(spec)
    gradient = np.sqrt(sum(np.square(part) for part in np.gradient(winding)))
    offset = (winding - np.rint(winding)) / gradient
    intact = _intact(spec)
    return _Sheet(offset=offset, intact=intact, surface=_surface(spec, offset, intact))


def _winding_number(spec: SampleSpec) -> Field:
    """Return the winding that a voxel lies on: whole numbers are on the sheet."""
    z, y, x = np.indices(spec.shape, dtype=np.float64)
    random = _random(spec, _Stream.WARP)
    y += spec.waviness * _smooth_noise(random, spec.shape, spec.wavelength)
    x += spec.waviness * _smooth_noise(random, spec.shape, spec.wavelength)
    z -= spec.shape[0] / 2
    dy = y - spec.umbilicus[0] - spec.umbilicus_tilt[0] * z
    dx = x - spec.umbilicus[1] - spec.umbilicus_tilt[1] * z
    # The angle is taken from the direction of the volume's centre, so that its jump by a full
    # turn, where the number of the winding jumps too, lies outside the volume.
    centre_y = spec.shape[1] / 2 - spec.umbilicus[0]
    centre_x = spec.shape[2] / 2 - spec.umbilicus[1]
    angle = np.arctan2(dy * centre_x - dx * centre_y, dy * centre_y + dx * centre_x)
    turns = np.hypot(dy, dx) / spec.pitch - angle / (2 * np.pi)
    return _press(spec, turns)


def _press(spec: SampleSpec, turns: Field) -> Field:
    """Move the windings together and apart: radius in mean pitches to number of the winding."""
    phase = _random(spec, _Stream.PRESS_PHASE).uniform(0, 2 * np.pi)
    first, last = np.floor(turns.min()) - 4, np.ceil(turns.max()) + 4
    number = np.linspace(first, last, round((last - first) * 256) + 1)
    rate = 2 * np.pi / spec.press_period
    radius = number + spec.press / rate * np.sin(rate * number + phase)
    return np.asarray(np.interp(turns, radius, number), dtype=np.float64)


def _intact(spec: SampleSpec) -> NDArray[np.bool_]:
    """Return where the sheet is not torn away and not frayed."""
    random = _random(spec, _Stream.GAPS)
    tears = _smooth_noise(random, spec.shape, (6.0, 8.0, 8.0))
    intact = tears <= np.quantile(tears, 1 - spec.gap_share)
    if spec.fraying > 0:
        fibre_ends = _smooth_noise(random, spec.shape, (6.0, 2.5, 2.5))
        depth = np.arange(spec.shape[0], dtype=np.float64)[:, None, None]
        intact &= depth >= spec.fraying * (0.35 + 0.3 * fibre_ends)
    return np.asarray(intact, dtype=np.bool_)


def _surface(spec: SampleSpec, offset: Field, intact: NDArray[np.bool_]) -> NDArray[np.bool_]:
    random = _random(spec, _Stream.THICKNESS)
    thickness = spec.surface_thickness * (
        1 + 0.22 * _smooth_noise(random, spec.shape, (5.0, 6.0, 6.0))
    )
    return np.asarray((np.abs(offset) <= thickness / 2) & intact, dtype=np.bool_)


def _scan(spec: SampleSpec, sheet: _Sheet) -> NDArray[np.uint8]:
    """Return the CT image: papyrus lies inwards of the surface, with fibres along z and around."""
    random = _random(spec, _Stream.FIBRES)
    along = _smooth_noise(random, spec.shape, (6.0, 0.8, 0.8))
    around = _smooth_noise(random, spec.shape, (0.8, 3.0, 3.0))
    inside = (sheet.offset <= 1.0) & (sheet.offset >= 1.0 - spec.papyrus_thickness) & sheet.intact
    front = np.where(sheet.offset > 1.0 - spec.papyrus_thickness / 2, along, around)
    papyrus = np.where(inside, 146.0 + 30.0 * front, 0.0)
    papyrus += np.where(sheet.surface, 26.0, 0.0)
    image = 46.0 + ndimage.gaussian_filter(papyrus, 0.9) * 0.8
    noise = _smooth_noise(_random(spec, _Stream.IMAGE_NOISE), spec.shape, 0.7)
    return _to_uint8(image + 9.0 * spec.noise * noise, step=16)


def _annotate(spec: SampleSpec, sheet: _Sheet) -> NDArray[np.uint8]:
    """Return the label; the border and one irregular region are left to ignore."""
    label = np.where(sheet.surface, SURFACE, BACKGROUND).astype(np.uint8)
    field = _smooth_noise(_random(spec, _Stream.IGNORE_REGION), spec.shape, (9.0, 12.0, 12.0))
    label[field > np.quantile(field, 0.94)] = IGNORE
    inner = np.zeros(spec.shape, dtype=np.bool_)
    inner[2:-2, 4:-4, 4:-4] = True
    label[~inner] = IGNORE
    return label


def _predict_3d(spec: SampleSpec, sheet: _Sheet) -> NDArray[np.uint8]:
    """Return the probabilities of a network that sees context, and blurs what it sees."""
    attention = _attention(spec, _Stream.P3D_ATTENTION, (9.0, 9.0, 9.0), floor=0.25)
    seen = ndimage.gaussian_filter(sheet.surface * attention, (2.4, 1.35, 1.35))
    believes_back = _smooth_noise(_random(spec, _Stream.P3D_BACK), spec.shape, (8.0, 8.0, 8.0))
    back = np.abs(sheet.offset + spec.papyrus_thickness - 1.0) <= spec.surface_thickness / 2
    back &= (believes_back > 0.6) & sheet.intact
    seen += 0.75 * ndimage.gaussian_filter(back.astype(np.float64), (2.4, 1.35, 1.35))
    noise = _smooth_noise(_random(spec, _Stream.P3D_NOISE), spec.shape, (3.0, 2.0, 2.0))
    evidence = seen / seen[sheet.surface].mean() + 0.10 * noise
    return _to_probability(evidence, centre=0.62, slope=6.0, step=8)


def _predict_2d(spec: SampleSpec, sheet: _Sheet) -> NDArray[np.uint8]:
    """Return the probabilities of a slice-wise network: sharp, and different in each slice."""
    attention = _attention(spec, _Stream.P2D_ATTENTION, (0.0, 7.0, 7.0), floor=0.3)
    seen = ndimage.gaussian_filter(sheet.surface * attention, (0.0, 0.75, 0.75))
    noise = _smooth_noise(_random(spec, _Stream.P2D_NOISE), spec.shape, (0.0, 1.4, 1.4))
    evidence = seen / seen[sheet.surface].mean() + 0.26 * spec.noise * noise
    evidence += _false_blobs(spec)
    evidence *= _slice_gain(spec)[:, None, None]
    return _to_probability(evidence, centre=0.62, slope=6.0, step=16)


def _attention(
    spec: SampleSpec, stream: _Stream, sigma: tuple[float, float, float], floor: float
) -> Field:
    """Return how well a network sees each place, in [floor, 1]; about a sixth is seen badly."""
    field = _smooth_noise(_random(spec, stream), spec.shape, sigma)
    return np.asarray(np.clip(1.0 + 1.2 * (field + 1.0), floor, 1.0), dtype=np.float64)


def _slice_gain(spec: SampleSpec) -> Field:
    """Return one factor a slice; about one slice in nine is all but lost."""
    random = _random(spec, _Stream.P2D_SLICES)
    gain = random.uniform(0.9, 1.1, spec.shape[0])
    lost = random.choice(spec.shape[0], size=max(1, spec.shape[0] // 9), replace=False)
    gain[lost] *= random.uniform(0.35, 0.6, lost.size)
    return gain


def _false_blobs(spec: SampleSpec) -> Field:
    """Return round spots that appear in one slice only, at about three a slice."""
    random = _random(spec, _Stream.P2D_BLOBS)
    count = 3 * spec.shape[0]
    seeds = np.zeros(spec.shape, dtype=np.float64)
    places = tuple(random.integers(0, length, count) for length in spec.shape)
    seeds[places] = random.uniform(0.6, 1.1, count)
    sigma = 2.2
    return np.asarray(
        ndimage.gaussian_filter(seeds, (0.0, sigma, sigma)) * (2 * np.pi * sigma**2),
        dtype=np.float64,
    )


def _to_probability(
    evidence: Field, *, centre: float, slope: float, step: int
) -> NDArray[np.uint8]:
    """Return the logistic of the evidence times 255, the unlikely set to 0."""
    probability = 1.0 / (1.0 + np.exp(-slope * (evidence - centre)))
    probability[probability < 0.07] = 0.0
    return _to_uint8(255.0 * probability, step=step)


def _to_uint8(values: Field, *, step: int) -> NDArray[np.uint8]:
    """Round to multiples of `step`, at most 255: few levels keep the files small."""
    levels: Field = np.clip(np.rint(values / step) * step, 0, 255)
    return levels.astype(np.uint8)
