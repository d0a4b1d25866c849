"""Surface masks from a script or a notebook: computed, scored, exported, and tuned in napari.

Examples
--------
>>> import numpy as np
>>> from napari_nx46 import SAMPLES, Setting, make_mask, make_sample
>>> sample = make_sample(SAMPLES[0])
>>> mask = make_mask(sample.p3d, sample.p2d, setting=Setting(quantile=0.9))
>>> mask.shape, mask.dtype, float(mask.mean().round(2))
((48, 128, 144), dtype('uint8'), 0.1)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_nx46.data.fragments import DataSet
from napari_nx46.leaderboard import COMPETITION, LeaderboardScore, Parameters
from napari_nx46.setting import Setting

if TYPE_CHECKING:
    import napari

    from napari_nx46.files.volumes.reading import Logits
    from napari_nx46.run.export.export import RunResult
    from napari_nx46.viewer.window.tuning import Tuning
    from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["export", "make_mask", "score", "tune"]

_THREADS = 2
_DEFAULT = Setting()
_MASK = "mask"
"""What a fragment without a name is called in messages."""


def make_mask(
    p3d: Any = None,
    p2d: Any = None,
    *,
    setting: Setting = _DEFAULT,
    image: Any = None,
    models: Mapping[str, Any] | None = None,
    channel: int | None = None,
    channel_axis: int | str | None = None,
    logits: Logits | None = None,
    corrections: Any = None,
) -> npt.NDArray[np.uint8]:
    """Return the surface mask of a fragment, bit for bit that of ``nx46 run`` and of an export.

    Parameters
    ----------
    p3d, p2d : array-like, optional
        Probability volumes (Z, Y, X) of the 3D and the 2D path, of float16, float32 or float64 in
        [0, 1], or uint8 / uint16 for p * 255 / p * 65535; see `DataSet.from_arrays`. With one of
        them alone both paths read it.
    setting : Setting, optional
    image : array-like, optional
        The CT image, for settings that make their score from it.
    models : mapping of str to array-like, optional
        Further probability volumes by name, for settings that weigh them.
    channel : int, optional
        Of probability volumes that have several; the last by default.
    channel_axis : int or str, optional
        Which axis of probability volumes of four axes is of channels: its number, negative ones
        counted from the last, or its name, where they have names. By default a leading one, or
        one at the end that is clearly smaller than the others.
    logits : Logits, optional
        How the values of probability volumes become probabilities, if they are logits.
    corrections : (Z, Y, X) array-like of int, or Corrections, optional
        What was corrected by hand, applied after clean-up: 0 as computed, 1 add, 2 erase.

    Returns
    -------
    (Z, Y, X) array of uint8
        0 and 1.

    Raises
    ------
    FragmentError
        If arrays are missing that the setting reads, or their shapes differ.
    VolumeError
        If an array holds what a probability cannot be.
    CorrectionsError
        If corrections hold other values than 0, 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_nx46 import Setting, make_mask
    >>> surface = np.linspace(0, 1, 4 * 8 * 8, dtype=np.float32).reshape(4, 8, 8)
    >>> int(make_mask(surface, setting=Setting(quantile=0.75, z_radius=0)).sum())
    64
    """
    from napari_nx46.run.whole_mask import mask_of_fragment

    arrays = {"p3d": p3d, "p2d": p2d, "image": image, "models": models}
    dataset = DataSet.from_arrays(
        {_MASK: arrays}, channel=channel, channel_axis=channel_axis, logits=logits
    )
    corrected = _corrections_of(corrections)
    return mask_of_fragment(dataset, _MASK, setting, corrections=corrected, threads=_THREADS)


def score(
    mask: npt.ArrayLike, label: npt.ArrayLike, *, parameters: Parameters = COMPETITION
) -> LeaderboardScore:
    """Return the competition's score of a mask against its label.

    Parameters
    ----------
    mask : array-like
        (Z, Y, X); what is not 0 is foreground.
    label : array-like
        Of the same shape: 0 background, 1 surface, 2 ignore.
    parameters : Parameters, optional
        The competition's by default.

    Returns
    -------
    LeaderboardScore

    Raises
    ------
    ValueError
        If an array is not three-dimensional, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_nx46 import score
    >>> label = np.zeros((8, 8, 8), np.uint8)
    >>> label[3:5] = 1
    >>> round(score(label, label).value, 6)
    1.0
    """
    from napari_nx46 import leaderboard

    return leaderboard.score(mask, label, parameters=parameters, workers=_THREADS)


def export(
    dataset: DataSet,
    settings: Setting | Mapping[str, Setting],
    path: str | os.PathLike[str],
    *,
    tag: str = "",
    corrections: Mapping[str, Any] | None = None,
) -> RunResult:
    """Write the masks of fragments into a submission archive, validated, with manifest and metrics.

    Parameters
    ----------
    dataset : DataSet
        Of `open_data` or `DataSet.from_arrays`.
    settings : Setting, or mapping of str to Setting
        One for all fragments, or by image_id those of the fragments that are written.
    path : str or path-like
        The archive, e.g. ``submission.zip``. A whole, validated one replaces it, or it stays as it
        was. Beside it ``submission.manifest.json`` and ``metrics.csv`` are written.
    tag : str, optional
        Names the run in its manifest.
    corrections : mapping of str to array-like or Corrections, optional
        By image_id, what was corrected by hand; see `make_mask`. It is written beside the archive
        too.

    Returns
    -------
    RunResult
        What was written: members, records and the report of the validation.

    Raises
    ------
    FragmentError
        If a setting, or corrections, do not fit their fragment.
    CorrectionsError
        If corrections hold other values than 0, 1 and 2.
    VolumeError
        If a source is damaged or holds what a probability cannot be.
    WriteError
        If a target cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from napari_nx46 import SAMPLES, DataSet, Setting, export, make_sample
    >>> sample = make_sample(SAMPLES[0])
    >>> data = DataSet.from_arrays({"101": {"p3d": sample.p3d, "p2d": sample.p2d}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = export(data, Setting(quantile=0.9), f"{folder}/submission.zip")
    >>> [member.name for member in result.members]
    ['101.tif']
    """
    from napari_nx46.run.export.export import export as run_export
    from napari_nx46.run.export.export import same_setting
    from napari_nx46.run.export.manifest import RunOptions
    from napari_nx46.run.pipelines import PipelineSet
    from napari_nx46.scale.by_slabs import mask_by_slabs
    from napari_nx46.voxels.workers import Workers

    chosen = same_setting(dataset, settings) if isinstance(settings, Setting) else dict(settings)
    workers = Workers(_THREADS)
    try:
        pipelines = PipelineSet(dataset, workers=workers, by_slabs=mask_by_slabs)
        corrected = {
            image_id: fixed
            for image_id, given in (corrections or {}).items()
            if (fixed := _corrections_of(given)) is not None
        }
        options = RunOptions(tag=tag)
        return run_export(pipelines, chosen, Path(path), options, corrections=corrected)
    finally:
        workers.close()


def tune(
    viewer: napari.Viewer,
    p3d: Any = None,
    p2d: Any = None,
    *,
    image: Any = None,
    label: Any = None,
    models: Mapping[str, Any] | None = None,
    name: str | None = None,
    channel: int | None = None,
    channel_axis: int | str | None = None,
    logits: Logits | None = None,
    workspace: str | os.PathLike[str] | None = None,
) -> Tuning:
    """Tune the surface mask of layers or arrays in a napari window.

    Parameters
    ----------
    viewer : napari.Viewer
        Its window gets the dock "Tune surface mask", where it has none yet.
    p3d, p2d : layer or array-like, optional
        Probability volumes of the 3D and the 2D path; see `make_mask`. An array is added to the
        viewer as a layer, without a copy; a layer stays as it is.
    image, label : layer or array-like, optional
        The CT image; the label, 0 background, 1 surface, 2 ignore.
    models : mapping of str to layer or array-like, optional
        Further probability volumes by name.
    name : str, optional
        The image_id, which names the fragment in exports; by default that of the 3D path's layer.
    channel : int, optional
        Of probability volumes that have several; the last by default.
    channel_axis : int or str, optional
        Which axis of probability volumes of four axes is of channels: its number, negative ones
        counted from the last, or its name among the axis labels of the layer. By default a leading
        one, or one at the end that is clearly smaller than the others.
    logits : Logits, optional
        How the values of probability volumes become probabilities, if they are logits.
    workspace : str or path-like, optional
        The file in which history, accepted settings, corrections and bookmarks are kept, and found
        again. By default one in the folder of workspaces, which is known by the file that the layer
        was read from, or by the content of a NumPy array; Dask arrays have none.

    Returns
    -------
    Tuning
        The session: `change` moves sliders, `mask` returns the exact mask, `accept` keeps the
        setting. The mask's layer is called "surface mask".

    Raises
    ------
    FragmentError
        If there is nothing to make a score from, or shapes or grids differ.
    VolumeError
        If an array or layer is no volume of a type that its place allows.

    Examples
    --------
    >>> import napari
    >>> from napari_nx46 import SAMPLES, make_sample, tune
    >>> sample = make_sample(SAMPLES[0])
    >>> viewer = napari.Viewer(show=False)
    >>> session = tune(viewer, sample.p3d, sample.p2d, label=sample.label)
    >>> session.change(quantile=0.9)
    >>> session.mask().shape, viewer.layers["surface mask"].data.shape
    ((48, 128, 144), (48, 128, 144))
    >>> session.accept()
    >>> viewer.close()
    """
    from napari_nx46.viewer.window.tuning import tune_layers

    arrays = {"p3d": p3d, "p2d": p2d, "image": image, "label": label}
    return tune_layers(
        viewer,
        arrays,
        models or {},
        name=name,
        channel=channel,
        channel_axis=channel_axis,
        logits=logits,
        workspace=workspace,
    )


def _corrections_of(given: Any) -> Corrections | None:
    """Return corrections from what a caller gives for them."""
    from napari_nx46.voxels.corrections.corrections import Corrections

    return given if given is None or isinstance(given, Corrections) else Corrections.of(given)
