"""The masks of others, from archives, folders and files: checked and read in a worker thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.data.fragments import DataSet
from napari_nx46.files.naming import first_few
from napari_nx46.live.derived.comparison import LIVE, packed_mask_of
from napari_nx46.live.derived.graph import Value
from napari_nx46.live.masks.memory import MaskMemory
from napari_nx46.live.masks.pins import packed_bytes
from napari_nx46.live.session import Session
from napari_nx46.run.compare.mask_sets import MaskSet, open_masks
from napari_nx46.run.compare.pairing import Party, masks_of, pair
from napari_nx46.run.compare.stored_mask import StoredMask
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["DEFAULT_MEMORY_BYTES", "ForeignMasks", "open_foreign"]

DEFAULT_MEMORY_BYTES = 128 << 20
"""Bytes that the masks may take together: 32 of 320 x 320 x 320."""
_MOST_NAMES = 10
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


@dataclass(frozen=True)
class ReadTask:
    """A mask to read; equal only where it is that of the same opening."""

    name: str
    image_id: str
    mask: StoredMask

    @property
    def title(self) -> str:
        """What goes on meanwhile."""
        return f"reading {self.image_id} of {self.name}"


Task = OpenTask | ReadTask


class ForeignMasks(Value[Task, MaskSet | MaskStage]):
    """Keeps the masks of others that belong to a session's fragments, by the names of their files.

    What is opened is checked as a whole; of its masks, those of the fragment that is shown are
    read, one after the other, and kept within a bound of memory, the least recently used being
    dropped first.

    Parameters
    ----------
    session : Session
    memory_bytes : int
        What the masks may take together.

    Attributes
    ----------
    masks_changed : Signal()
        A name, or a mask, has come or gone.
    busy_changed : Signal(str)
        What goes on in the background; empty when nothing does.
    failed : Signal(BaseException)
        Something cannot be opened or read.
    """

    masks_changed = Signal()
    busy_changed = Signal(str)

    def __init__(self, session: Session, *, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        super().__init__(keep=0, priority=-1)
        self.session = session
        self._pending: list[Path] = []
        self._sides: dict[str, MaskSet] = {}
        self._paths: dict[str, Path] = {}
        self._masks: MaskMemory[tuple[str, str]] = MaskMemory(memory_bytes)
        self._given_up: set[tuple[str, str]] = set()
        self._was_busy = ""
        session.graph.add(self)
        session.fragment_changed.connect(self._show_fragment)

    # ---- what is there ---------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """What is open, in the order in which it was opened."""
        return tuple(self._sides)

    @property
    def busy(self) -> str:
        """What goes on in the background; empty when nothing does."""
        return self.wanted.title if self.state.busy and self.wanted is not None else ""

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

        What is open already is opened again. What cannot be opened is emitted by `failed`.
        """
        self._pending += [path for path in paths if path not in self._pending]
        self.touch()

    def cancel(self) -> None:
        """Give up what goes on, and what waits; masks that were not read are not read later."""
        self._pending.clear()
        self._given_up.update((task.name, task.image_id) for task in self._missing())
        self.touch()

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
        self.touch()
        self.masks_changed.emit()

    def close(self) -> None:
        """Open and read nothing any more."""
        self.session.graph.remove(self)

    # ---- what is to be done ----------------------------------------------------------------

    def touch(self) -> None:
        """Have the next thing done, unless it is being done."""
        super().touch()
        if self.busy != self._was_busy:
            self._was_busy = self.busy
            self.busy_changed.emit(self.busy)

    def clear(self) -> None:
        """Go on: what is opened belongs to no single fragment."""

    def key(self) -> Task | None:
        """Return what to open or to read next."""
        return OpenTask(self._pending[0]) if self._pending else next(self._missing(), None)

    def prepare(self, key: Task) -> Callable[[CancelCheck], MaskSet | MaskStage]:
        """Return the function that opens or reads."""
        if isinstance(key, OpenTask):
            return lambda cancelled: open_foreign(key.path, self.session.dataset, cancelled)
        return lambda cancelled: packed_mask_of(key.mask.read(cancelled))

    def on_result(self, key: Task, result: MaskSet | MaskStage) -> None:
        """Keep what was opened or read."""
        if isinstance(key, OpenTask) and isinstance(result, MaskSet):
            self._pending = [path for path in self._pending if path != key.path]
            self._add(key.path, result)
        elif isinstance(key, ReadTask) and isinstance(result, MaskStage):
            self._masks.keep((key.name, key.image_id), result)
        super().on_result(key, result)
        self.masks_changed.emit()

    def on_error(self, key: Task, error: BaseException) -> None:
        """Go on with the next thing."""
        if isinstance(key, OpenTask):
            self._pending = [path for path in self._pending if path != key.path]
        else:
            self._given_up.add((key.name, key.image_id))
        super().on_error(key, error)

    def _show_fragment(self) -> None:
        self._given_up.clear()
        self.touch()

    def _missing(self) -> Iterator[ReadTask]:
        """Go through the masks of the fragment that are not there, as many as may be kept."""
        fragment = self.session.fragment
        room = self.memory_bytes // packed_bytes(fragment.shape)
        sides = {name: s for name, s in self._sides.items() if fragment.image_id in s.masks}
        for name, side in islice(sides.items(), room):
            key = (name, fragment.image_id)
            if self._masks.get(key) is None and key not in self._given_up:
                yield ReadTask(name, fragment.image_id, side.masks[fragment.image_id])

    def _add(self, path: Path, side: MaskSet) -> None:
        """Take what was opened, in place of what the same file was before."""
        old = next((name for name, known in self._paths.items() if known == path), None)
        name = old or free_name(path.name, self.names)
        if old is not None:
            self._masks.drop(lambda key: key[0] == old)
        self._sides[name], self._paths[name] = side, path


def open_foreign(path: Path, dataset: DataSet, cancelled: CancelCheck) -> MaskSet:
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
    MaskSet
        With at least one mask of the data set's fragments, each of its fragment's shape.

    Raises
    ------
    FragmentError
        If there is no mask of these fragments, or one of another shape.
    VolumeError, OSError
        If it is not sound, or cannot be read.
    """
    ids = dataset.image_ids
    opened = open_masks(
        path,
        image_id=ids[0] if len(ids) == 1 else None,
        with_record=True,
        keep_bytes=0,  # the session keeps those that are shown
        cancelled=cancelled,
    )
    fragments = Party("fragment", "the data", dataset.by_id)
    there = f"; there are masks of {first_few(list(opened.masks), _MOST_NAMES)}"
    paired = pair(masks_of(opened), fragments, every="none", hint=there)
    return replace(opened, masks={image_id: mask for image_id, (mask, _) in paired.items()})


def free_name(name: str, taken: tuple[str, ...]) -> str:
    """Return a name that is not taken, and is none of a pin or of the session's own mask."""
    numbered = (name if number == 1 else f"{name} ({number})" for number in count(1))
    return next(
        one for one in numbered if one not in taken and one != LIVE and len(one) > TAKEN_LENGTH
    )
