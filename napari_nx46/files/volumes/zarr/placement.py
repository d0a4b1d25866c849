"""The voxel size and place that an OME-Zarr image gives its resolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_nx46.files.volumes.placement import PIXEL, Placement

_SPACE = ("z", "y", "x")


def placement_of_image(image: Mapping[str, object], level: int = 0) -> Placement | None:
    """Return size and place of the voxels; None where there are none that make sense.

    Parameters
    ----------
    image : mapping
        An entry of ``multiscales``; its first dataset is the full resolution.
    level : int, optional
        Which of its datasets.
    """
    axes, datasets = _mappings(image.get("axes")), _mappings(image.get("datasets"))
    places = {str(axis.get("name")).lower(): place for place, axis in enumerate(axes)}
    if "y" in places:
        places.setdefault("z", places["y"])  # a single slice has no distance
    if level >= len(datasets) or not places.keys() >= set(_SPACE):
        return None
    try:
        # What belongs to the dataset comes first, then what is common to all of them.
        steps = [step for holder in (datasets[level], image) for step in _steps(holder)]
        if not any("scale" in step for step in steps):
            return None
        scale, translate = _composed(steps, len(axes))
        chosen = [places[name] for name in _SPACE]
        return Placement.of(
            [scale[place] for place in chosen],
            [translate[place] for place in chosen],
            [str(axes[place].get("unit") or PIXEL) for place in chosen],
        )
    except (TypeError, ValueError):
        return None  # what is no number is as good as none


def _composed(steps: Sequence[Mapping[str, object]], count: int) -> tuple[list[float], list[float]]:
    """Return scale and translation of transformations one after the other."""
    scale, translate = [1.0] * count, [0.0] * count
    for step in steps:
        factors = _numbers(step.get("scale"), 1.0, count)
        shifts = _numbers(step.get("translation"), 0.0, count)
        scale = [old * factor for old, factor in zip(scale, factors, strict=True)]
        translate = [
            old * factor + shift
            for old, factor, shift in zip(translate, factors, shifts, strict=True)
        ]
    return scale, translate


def _numbers(value: object, default: float, count: int) -> list[float]:
    if not isinstance(value, list):
        return [default] * count
    if len(value) != count:
        raise ValueError(f"{len(value)} numbers for {count} axes")
    return [float(number) for number in value]


def _steps(holder: Mapping[str, object]) -> list[Mapping[str, object]]:
    return _mappings(holder.get("coordinateTransformations"))


def _mappings(value: object) -> list[Mapping[str, object]]:
    """Return a list of mappings; an empty one where it is anything else."""
    entries = value if isinstance(value, list) else []
    return entries if all(isinstance(entry, Mapping) for entry in entries) else []
