"""Masks of fragments against their labels: which belong together, and their leaderboard scores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_nx46.data.fragments import Place
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.submission.writing import Progress
from napari_nx46.files.volumes.opening import Role, Volume
from napari_nx46.leaderboard import (
    COMPETITION,
    Explanation,
    LeaderboardScore,
    Parameters,
    explain,
    score,
)
from napari_nx46.run.compare.mask_sets import open_masks
from napari_nx46.run.compare.pairing import masks_of, open_labels, pair
from napari_nx46.run.compare.stored_mask import StoredMask, read_once
from napari_nx46.run.csv_text import csv_bytes
from napari_nx46.voxels.blocks import octants_of
from napari_nx46.voxels.corrections.corrections import Corrections
from napari_nx46.voxels.workers import never

__all__ = [
    "SCORE_COLUMNS",
    "ScoringPair",
    "check_score_target",
    "explain_pairs",
    "pair_up",
    "parts_of",
    "score_pairs",
    "scores_csv",
]

SCORE_COLUMNS = (
    "fragment",
    *("score", "topo", "surface_dice", "voi_score", "voi_split", "voi_merge"),
    *(f"dim{k}_{count}" for k in range(3) for count in ("matched", "predicted", "true")),
    *("voxel_precision", "voxel_recall", "voxel_dice"),
)
_OTHER_PARTS = 2  # SurfaceDice and VOI, besides the octants
_USUAL_LABELS = (0, 1, 2, None)


@dataclass(frozen=True, slots=True)
class ScoringPair:
    """A predicted mask and its label, of one shape; neither has been read.

    Parameters
    ----------
    image_id : str
        The fragment.
    prediction : StoredMask
    label : Volume
    """

    image_id: str
    prediction: StoredMask
    label: Volume


def pair_up(
    prediction: Place,
    label: Place,
    *,
    ignore_label: int | None = COMPETITION.ignore_label,
    channel: int | None = None,
    corrections: Mapping[str, Corrections] | None = None,
    cancelled: Callable[[], bool] = never,
) -> tuple[ScoringPair, ...]:
    """Find which prediction belongs to which label, and check that their shapes are the same.

    Parameters
    ----------
    prediction : Path or StorePlace
        A volume; a folder of volumes, or one whose ``masks`` is; a submission archive; or a store.
    label : Path or StorePlace
        A volume; a folder of volumes, or a data folder; or a store. Boxes of two stores belong
        together if they are the same.
    ignore_label : int or None
        What labels may hold besides 0, 1 and 2.
    channel : int, optional
        Of volumes that have several.
    corrections : mapping of str to Corrections, optional
        By image_id: what is corrected by hand in the predictions.
    cancelled : callable
        Asked while an archive is validated.

    Returns
    -------
    tuple of ScoringPair
        At least one, in the order of their image_ids. A single prediction belongs to a single
        label whatever its name, and the label gives the image_id.

    Raises
    ------
    FragmentError
        If fragments do not pair up, or shapes differ.
    VolumeError
        If a volume cannot be opened, or an archive is not valid.
    OSError
        If a folder cannot be listed or an archive cannot be opened.
    Cancelled
        If ``cancelled()`` became True.
    """
    role = Role.LABEL if ignore_label in _USUAL_LABELS else Role.IMAGE
    labels = open_labels(label, role=role, channel=channel)
    # A single label belongs to a single prediction of any name; one in a folder has a name.
    name = next(iter(labels.items)) if labels.any_name else None
    masks = open_masks(prediction, image_id=name, channel=channel, cancelled=cancelled)
    if corrections is not None:
        masks = masks.corrected(corrections)
    predictions = replace(masks_of(masks, "prediction"), any_name=False)
    paired = pair(predictions, replace(labels, any_name=False))
    return tuple(ScoringPair(image_id, *both) for image_id, both in paired.items())


def parts_of(pair: ScoringPair, parameters: Parameters = COMPETITION) -> int:
    """Return in how many parts the score of a pair is computed, reading being one."""
    return 1 + len(octants_of(pair.label.shape, parameters.octants)) + _OTHER_PARTS


def score_pairs(
    pairs: Sequence[ScoringPair],
    parameters: Parameters = COMPETITION,
    *,
    workers: int = 2,
    progress: Progress = lambda _image_id, _done, _of: None,
    cancelled: Callable[[], bool] = never,
    notify: Callable[[str], None] = lambda _note: None,
) -> dict[str, LeaderboardScore]:
    """Compute the leaderboard scores of pairs, one after the other.

    Parameters
    ----------
    pairs : sequence of ScoringPair
    parameters : Parameters
        The competition's by default.
    workers : int
        Threads to compute with.
    progress : callable
        Called with image_id, parts done and `parts_of` the pair, from any thread.
    cancelled : callable
        Asked between parts.
    notify : callable
        Called with a line of text for every prediction that is no binary mask: all of it that is
        not 0 is foreground, which is hardly meant for probabilities.

    Returns
    -------
    dict
        Score by image_id, in the order of `pairs`.

    Raises
    ------
    VolumeError
        If a volume cannot be read.
    Cancelled
        If ``cancelled()`` became True; the one of the files or of the leaderboard.
    """
    return {
        one.image_id: score(
            *one.masks, parameters=parameters, cancelled=one.cancelled, workers=workers
        )
        for one in _read_pairs(pairs, parameters, progress, cancelled, notify)
    }


def explain_pairs(
    pairs: Sequence[ScoringPair],
    parameters: Parameters = COMPETITION,
    *,
    workers: int = 2,
    progress: Progress = lambda _image_id, _done, _of: None,
    cancelled: Callable[[], bool] = never,
    notify: Callable[[str], None] = lambda _note: None,
) -> Iterator[tuple[str, Explanation]]:
    """Compute the leaderboard scores of pairs with all that they lost, one when it is asked for.

    Parameters
    ----------
    pairs, parameters, workers, progress, cancelled, notify
        As for `score_pairs`.

    Yields
    ------
    tuple
        image_id and explanation, in the order of `pairs`.

    Raises
    ------
    VolumeError, Cancelled
        As `score_pairs`.
    """
    for one in _read_pairs(pairs, parameters, progress, cancelled, notify):
        found = explain(*one.masks, parameters=parameters, cancelled=one.cancelled, workers=workers)
        yield one.image_id, found


@dataclass(frozen=True, slots=True, eq=False)
class _ReadPair:
    """A pair in memory.

    Parameters
    ----------
    image_id : str
    masks : tuple of ndarray
        Prediction and label, as stored.
    cancelled : callable
        To be asked before each part of the score.
    """

    image_id: str
    masks: tuple[np.ndarray, np.ndarray]
    cancelled: Callable[[], bool]


def _read_pairs(
    pairs: Sequence[ScoringPair],
    parameters: Parameters,
    progress: Progress,
    cancelled: Callable[[], bool],
    notify: Callable[[str], None],
) -> Iterator[_ReadPair]:
    """Read one pair after the other; what counts its parts is at the end when the next is asked."""
    for scored in pairs:
        prediction = scored.prediction.voxels(cancelled)
        label = read_once(scored.label)
        note = _note_on_values(scored, prediction)
        if note is not None:
            notify(note)
        counted = _PartCounter(scored.image_id, parts_of(scored, parameters), progress, cancelled)
        yield _ReadPair(scored.image_id, (prediction, label), counted)
        counted.finish()


def scores_csv(scores: Mapping[str, LeaderboardScore]) -> bytes:
    """Return the scores as CSV, `SCORE_COLUMNS`: one row a fragment, figures in full."""
    return csv_bytes(SCORE_COLUMNS, (_score_row(*scored) for scored in scores.items()))


def _score_row(image_id: str, result: LeaderboardScore) -> list[str | int | float]:
    counts = [dimension.counts for dimension in result.topo.dimensions]
    voi, voxels = result.voi, result.voxels
    return [
        image_id,
        *(result.value, result.topo.value, result.surface_dice),
        *(voi.value, voi.split, voi.merge),
        *(n for count in counts for n in (count.matched, count.predicted, count.true)),
        *(voxels.precision, voxels.recall, voxels.dice),
    ]


def check_score_target(target: Path, pairs: Iterable[ScoringPair]) -> None:
    """Check that writing to a file would destroy no prediction and no label.

    Parameters
    ----------
    target : Path
    pairs : iterable of ScoringPair

    Raises
    ------
    WriteError
        If the target is, or lies in, one of them.
    """
    paths = (path for scored in pairs for path in (scored.prediction.path, scored.label.path))
    sources = {path.resolve() for path in paths if path is not None}
    resolved = target.resolve()
    if not sources.isdisjoint((resolved, *resolved.parents)):
        raise WriteError(target, "a prediction or label is there; choose another place")


class _PartCounter:
    """Asks whether to go on before each part of a score, and counts the parts.

    Parameters
    ----------
    image_id : str
    parts : int
        All parts; reading, the first one, is done.
    progress, cancelled : callable
    """

    def __init__(
        self, image_id: str, parts: int, progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self._image_id = image_id
        self._parts = parts
        self._progress = progress
        self._cancelled = cancelled
        self._begun = 0
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            self._begun += 1
            self._progress(self._image_id, self._begun, self._parts)
        return self._cancelled()

    def finish(self) -> None:
        self._progress(self._image_id, self._parts, self._parts)


def _note_on_values(pair: ScoringPair, prediction: np.ndarray) -> str | None:
    """Return a note if the foreground of a prediction has more than one value."""
    foreground = prediction[prediction != 0]
    if foreground.size == 0:
        return None
    lowest, highest = np.fmin.reduce(foreground), np.fmax.reduce(foreground)  # pass over NaN
    if not lowest < highest:
        return None
    return (
        f"note: fragment {pair.image_id}: found values from {lowest} to {highest} in "
        f"{pair.prediction.place}; all that is not 0 counts as foreground"
    )
