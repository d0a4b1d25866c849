"""The masks of others, from archives, folders and files: checked and read in a worker thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.data.fragments import DataSet, FragmentError
from napari_nx46.files.naming import ARCHIVE_SUFFIX, few
from napari_nx46.live.derived.comparison import LIVE, packed_mask_of
from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.masks.memory import MaskMemory
from napari_nx46.live.masks.pins import packed_bytes
from napari_nx46.live.session import Post, Session
from napari_nx46.run.compare.mask_files import MOST_NAMES_TOLD
from napari_nx46.run.compare.mask_sides import Side, SideMask, archive_side, file_side, folder_side
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["DEFAULT_MEMORY_BYTES", "ForeignMasks", "open_foreign"]

DEFAULT_MEMORY_BYTES = 128 << 20
"""Bytes that the masks may take together: 32 of 320 x 320 x 320."""
TAKEN_LENGTH = 1
"""Names of one letter are those of pins."""


@dataclass(frozen=True)
class OpenTask:
    """Something to check before anything of it is shown."""

    path: Path

    @property
    def title(self) -> str:
        """What goes on meanwhile."""
        return f"checking {self.path.name}"


@dataclass(frozen=True, eq=False)
class ReadTask:
    """A mask to read."""

    name: str
    image_id: str
    mask: SideMask

    @property
    def title(self) -> str:
        """What goes on meanwhile."""
        return f"reading {self.image_id} of {self.name}"


@dataclass(frozen=True, eq=False)
class OpenedSide:
    """What was found to be sound."""

    task: OpenTask
    side: Side


@dataclass(frozen=True, eq=False)
class ReadMask:
    """A mask that was read."""

    task: ReadTask
    mask: MaskStage


class ForeignMasks:
    """Keeps the masks of others that belong to a session's fragments, by the names of their files.

    What is opened is checked as a whole; of its masks, those of the fragment that is shown are
    read, one after the other, and kept within a bound of memory, the least recently used being
    dropped first.

    Parameters
    ----------
    session : Session
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    memory_bytes : int
        What the masks may take together.

    Attributes
    ----------
    changed : Signal()
        A name, or a mask, has come or gone.
    busy_changed : Signal(str)
        What goes on in the background; empty when nothing does.
    failed : Signal(BaseException)
        Something cannot be opened or read.
    """

    changed = Signal()
    busy_changed = Signal(str)
    failed = Signal(BaseException)

    def __init__(
        self, session: Session, post: Post, *, memory_bytes: int = DEFAULT_MEMORY_BYTES
    ) -> None:
        self.session = session
        self._pending: list[Path] = []
        self._sides: dict[str, Side] = {}
        self._paths: dict[str, Path] = {}
        self._masks: MaskMemory[tuple[str, str]] = MaskMemory(memory_bytes)
        self._given_up: set[tuple[str, str]] = set()
        self._doing: OpenTask | ReadTask | None = None
        self._closed = False
        self._worker: LatestWins[OpenTask | ReadTask, OpenedSide | ReadMask] = LatestWins(
            self._work,
            lambda done: post(lambda: self._take(done)),
            lambda error: post(lambda: self._give_up(error)),
        )
        session.fragment_changed.connect(self._show_fragment)

    # ---- what is there ---------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """What is open, in the order in which it was opened."""
        return tuple(self._sides)

    @property
    def busy(self) -> str:
        """What goes on in the background; empty when nothing does."""
        return "" if self._doing is None else self._doing.title

    @property
    def memory_bytes(self) -> int:
        """Bytes that the masks may take together."""
        return self._masks.memory_bytes

    @property
    def memory_used(self) -> int:
        """Bytes that the masks take now."""
        return self._masks.used

    def __contains__(self, name: object) -> bool:
        return name in self._sides

    def path(self, name: str) -> Path:
        """Return what was opened."""
        return self._paths[name]

    def notes(self, name: str) -> tuple[str, ...]:
        """Return what a reader should know of something that is open."""
        return self._sides[name].notes

    def has_fragment(self, name: str, image_id: str) -> bool:
        """Return whether there is a mask of a fragment, read or not."""
        return name in self._sides and image_id in self._sides[name].masks

    def packed_mask(self, name: str, image_id: str) -> MaskStage | None:
        """Return a mask, a bit a voxel; None if it is not there, or has not been read."""
        return self._masks.get((name, image_id))

    # ---- what a user does ------------------------------------------------------------------

    def open(self, *paths: Path) -> None:
        """Check archives, folders and files, and read their masks of the fragment shown.

        What is open already is opened anew. What cannot be opened is told by `failed`.
        """
        self._pending += [path for path in paths if path not in self._pending]
        self._follow()

    def cancel(self) -> None:
        """Give up what goes on, and what waits; masks that were not read are not read later."""
        self._pending.clear()
        self._given_up.update((task.name, task.image_id) for task in self._missing())
        self._follow()

    def close_file(self, name: str) -> None:
        """Forget an archive, folder or file, and give the memory of its masks back.

        Raises
        ------
        KeyError
            If nothing of this name is open.
        """
        del self._sides[name], self._paths[name]
        self._masks.drop(lambda key: key[0] == name)
        self._given_up = {key for key in self._given_up if key[0] != name}
        self._follow()
        self.changed.emit()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`, and then it goes on with the next.
        """
        return self._worker.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the thread, without waiting for it."""
        if self._closed:
            return
        self._closed = True
        self._worker.close(wait=False)

    # ---- what is to be done ----------------------------------------------------------------

    def _show_fragment(self) -> None:
        self._given_up.clear()
        self._follow()

    def _follow(self) -> None:
        """Have the next thing done, unless it is being done."""
        if self._closed:
            return
        task, doing = self._next_task(), self._doing
        if _same(task, doing):
            return
        self._doing = task
        if task is None:
            self._worker.cancel()
        else:
            self._worker.submit(task)
        self.busy_changed.emit(self.busy)

    def _next_task(self) -> OpenTask | ReadTask | None:
        if self._pending:
            return OpenTask(self._pending[0])
        return next(self._missing(), None)

    def _missing(self) -> Iterator[ReadTask]:
        """Go through the masks of the fragment that are not there, as many as may be kept."""
        fragment = self.session.fragment
        room = self.memory_bytes // packed_bytes(fragment.shape)
        sides = {name: s for name, s in self._sides.items() if fragment.image_id in s.masks}
        for name, side in islice(sides.items(), room):
            key = (name, fragment.image_id)
            if self._masks.get(key) is None and key not in self._given_up:
                yield ReadTask(name, fragment.image_id, side.masks[fragment.image_id])

    # ---- the worker ------------------------------------------------------------------------

    def _work(self, task: OpenTask | ReadTask, cancelled: CancelCheck) -> OpenedSide | ReadMask:
        if isinstance(task, OpenTask):
            return OpenedSide(task, open_foreign(task.path, self.session.dataset, cancelled))
        return ReadMask(task, packed_mask_of(task.mask.read(cancelled)))

    # ---- back in the owner's thread --------------------------------------------------------

    def _take(self, done: OpenedSide | ReadMask) -> None:
        if self._closed or done.task is not self._doing:
            return
        self._doing = None
        if isinstance(done, OpenedSide):
            self._pending = [path for path in self._pending if path != done.task.path]
            self._add(done.task.path, done.side)
        else:
            self._masks.keep((done.task.name, done.task.image_id), done.mask)
        self.changed.emit()
        self._follow_on()

    def _add(self, path: Path, side: Side) -> None:
        """Take what was opened, in place of what the same file was before."""
        old = next((name for name, known in self._paths.items() if known == path), None)
        name = old or free_name(path.name, self.names)
        if old is not None:
            self._masks.drop(lambda key: key[0] == old)
        self._sides[name], self._paths[name] = side, path

    def _give_up(self, error: BaseException) -> None:
        if self._closed:
            return
        task, self._doing = self._doing, None
        if isinstance(task, OpenTask):
            self._pending = [path for path in self._pending if path != task.path]
        elif task is not None:
            self._given_up.add((task.name, task.image_id))
        self.failed.emit(error)
        self._follow_on()

    def _follow_on(self) -> None:
        self._follow()
        if self._doing is None:
            self.busy_changed.emit("")


def open_foreign(path: Path, dataset: DataSet, cancelled: CancelCheck) -> Side:
    """Check the masks of others, so that those of a data set's fragments can be read.

    Parameters
    ----------
    path : Path
        An archive, a folder of masks, or the mask of one fragment, by whose name it is called; in
        a data set of one fragment it may have any name.
    dataset : DataSet
    cancelled : callable
        Asked before every slice of an archive.

    Returns
    -------
    Side
        With at least one mask of the data set's fragments, each of its fragment's shape.

    Raises
    ------
    FragmentError
        If there is no mask of these fragments, or one of another shape.
    VolumeError, OSError
        If it is not sound, or cannot be read.
    """
    if path.is_dir() and path.suffix != ".zarr":
        side = folder_side(path)
    elif path.name.lower().endswith(ARCHIVE_SUFFIX):
        side = archive_side(path, cancelled)
    else:
        side = _for_only_fragment(file_side(path), dataset)
    common = [image_id for image_id in side.masks if image_id in dataset.image_ids]
    if not common:
        raise FragmentError(
            f"{path}: found masks of {few(list(side.masks), MOST_NAMES_TOLD)}; "
            f"expected some of {few(dataset.image_ids, MOST_NAMES_TOLD)}"
        )
    for image_id in common:
        found, expected = side.masks[image_id].shape, dataset[image_id].shape
        if found != expected:
            raise FragmentError(
                f"fragment {image_id}: found shape {found} in {path}; expected {expected} (Z, Y, X)"
            )
    return side


def free_name(name: str, taken: tuple[str, ...]) -> str:
    """Return a name that is not taken, and is none of a pin or of the session's own mask."""
    numbered = (name if number == 1 else f"{name} ({number})" for number in count(1))
    return next(
        one for one in numbered if one not in taken and one != LIVE and len(one) > TAKEN_LENGTH
    )


def _for_only_fragment(side: Side, dataset: DataSet) -> Side:
    """Return a single mask as that of the data set's fragment, if there is but one."""
    (mask,) = side.masks.values()
    image_ids = dataset.image_ids
    return side if len(image_ids) > 1 else replace(side, masks={image_ids[0]: mask})


def _same(task: OpenTask | ReadTask | None, other: OpenTask | ReadTask | None) -> bool:
    if isinstance(task, ReadTask) and isinstance(other, ReadTask):
        return task.mask is other.mask
    return task == other
