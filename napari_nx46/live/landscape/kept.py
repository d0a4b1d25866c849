"""The landscapes of a sitting: the newest of each fragment and choice of knobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from psygnal import Signal

from napari_nx46.run.landscape.landscape import Landscape

__all__ = ["Landscapes"]

Key = tuple[str, tuple[str, ...]]


class Landscapes:
    """Landscapes by fragment and knobs.

    Attributes
    ----------
    changed : Signal(Landscape)
        It has more points, or is there in place of an older one.
    came : Signal()
        Those of an earlier sitting were taken up.
    """

    changed = Signal(Landscape)
    came = Signal()

    def __init__(self) -> None:
        self._landscapes: dict[Key, Landscape] = {}

    def __iter__(self) -> Iterator[Landscape]:
        """Go through all of them, those that were put last at the end."""
        return iter(tuple(self._landscapes.values()))

    def get(self, image_id: str, names: tuple[str, ...]) -> Landscape | None:
        """Return the landscape of a fragment over these knobs, if there is one."""
        return self._landscapes.get((image_id, names))

    def newest(self, image_id: str) -> Landscape | None:
        """Return what was put last for a fragment."""
        of_fragment = [one for one in self if one.request.image_id == image_id]
        return of_fragment[-1] if of_fragment else None

    def put(self, landscape: Landscape) -> None:
        """Keep a landscape in place of that of the same fragment and knobs."""
        key = landscape.request.image_id, landscape.request.names
        self._landscapes.pop(key, None)
        self._landscapes[key] = landscape
        self.changed.emit(landscape)

    def take_up(self, landscapes: Iterable[Landscape]) -> None:
        """Have those of an earlier sitting, oldest first, where there is no newer one."""
        earlier = {(one.request.image_id, one.request.names): one for one in landscapes}
        self._landscapes = {
            **{key: one for key, one in earlier.items() if key not in self._landscapes},
            **self._landscapes,
        }
        self.came.emit()
