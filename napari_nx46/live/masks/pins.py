"""Pinned settings, known by letters, and their masks, a bit a voxel, within a bound of memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from psygnal import Signal

from napari_nx46.core.mask_chain import MaskStage
from napari_nx46.live.masks.memory import MaskMemory
from napari_nx46.setting import Setting, described_knobs
from napari_nx46.voxels.blocks import Block, Mask
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = [
    "DEFAULT_LETTERS",
    "DEFAULT_MEMORY_BYTES",
    "Metrics",
    "Pin",
    "PinRow",
    "Pins",
    "packed_bytes",
]

DEFAULT_MEMORY_BYTES = 256 << 20
"""Bytes that the masks of all pins may take together: 64 fragments of 320 x 320 x 320."""
DEFAULT_LETTERS = ("A", "B", "C")

Metrics = Mapping[str, float]
"""Figures of one mask by name; those that are not known are left out."""


@dataclass(frozen=True)
class MaskKey:
    """What a mask follows from: where these are equal, so are the masks.

    Parameters
    ----------
    image_id : str
    setting : Setting
    corrections : Corrections, optional
        None where nothing is corrected; see `mask_key`.
    """

    image_id: str
    setting: Setting
    corrections: Corrections | None = None


def mask_key(image_id: str, setting: Setting, corrections: Corrections | None) -> MaskKey:
    """Return what a mask follows from."""
    corrects = corrections is not None and not corrections.is_empty
    return MaskKey(image_id, setting, corrections if corrects else None)


@dataclass(frozen=True)
class Pin:
    """A pinned setting.

    Parameters
    ----------
    letter : str
    setting : Setting
    metrics : mapping
        What its mask amounts to, by image_id; grows as fragments are looked at.
    corrections : mapping of str to Corrections
        What was corrected by hand when it was pinned, by image_id.
    """

    letter: str
    setting: Setting
    metrics: Mapping[str, Metrics] = field(default_factory=dict)
    corrections: Mapping[str, Corrections] = field(default_factory=dict)

    def mask_key(self, image_id: str) -> MaskKey:
        """Return what its mask of a fragment follows from."""
        return mask_key(image_id, self.setting, self.corrections.get(image_id))


@dataclass(frozen=True)
class PinRow:
    """One pin in a table of all.

    Parameters
    ----------
    letter : str
    knobs : mapping
        Value by field name of every knob in which the pins are not all alike.
    metrics : mapping
        Of the fragment that was asked for.
    deltas : mapping
        By how much the metrics are above those of the reference; those alone that both have.
    """

    letter: str
    knobs: Mapping[str, Any]
    metrics: Metrics
    deltas: Metrics


class Pins:
    """Settings pinned to letters. Masks are dropped, the least recently used first; pins stay.

    Masks are kept by fragment, setting and corrections: two letters of the same share them. All
    methods may be called from any thread; `changed` is emitted in the one that changes something.

    Parameters
    ----------
    memory_bytes : int
        What the masks may take together. A mask that is larger alone is never kept.

    Attributes
    ----------
    changed : Signal()
        A pin, its metrics, or a mask has come or gone.
    """

    changed = Signal()

    def __init__(self, memory_bytes: int = DEFAULT_MEMORY_BYTES) -> None:
        self._pins: dict[str, Pin] = {}
        self._masks: MaskMemory[MaskKey] = MaskMemory(memory_bytes)
        self._lock = Lock()

    # ---- pins ------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Pin]:
        """Go through the pins in the order of their letters."""
        with self._lock:
            return iter([self._pins[letter] for letter in sorted(self._pins)])

    def __len__(self) -> int:
        return len(self._pins)

    def __contains__(self, letter: object) -> bool:
        return letter in self._pins

    def __getitem__(self, letter: str) -> Pin:
        """Return the pin of a letter.

        Raises
        ------
        KeyError
            If nothing is pinned to it.
        """
        return self._pins[letter]

    def free_letter(self) -> str | None:
        """Return the first of `DEFAULT_LETTERS` that is free; None if none is."""
        return next((letter for letter in DEFAULT_LETTERS if letter not in self._pins), None)

    def pin(
        self,
        letter: str,
        setting: Setting,
        image_id: str | None = None,
        packed_mask: MaskStage | None = None,
        metrics: Metrics | None = None,
        corrections: Mapping[str, Corrections] | None = None,
    ) -> Pin:
        """Pin a setting to a letter, in place of what was pinned there.

        Parameters
        ----------
        letter : str
            A single upper-case letter.
        setting : Setting
        image_id : str, optional
            The fragment that mask and metrics belong to; needed with either.
        packed_mask : MaskStage, optional
            The setting's mask of the whole fragment, with the corrections.
        metrics : mapping, optional
        corrections : mapping of str to Corrections, optional
            By image_id; they are pinned with the setting.

        Returns
        -------
        Pin

        Raises
        ------
        ValueError
            If the letter is none, or a mask or metrics come without an image_id.
        """
        if not (len(letter) == 1 and letter.isalpha() and letter.isupper()):
            raise ValueError(f"expected a single upper-case letter, found {letter!r}")
        if image_id is None and not (packed_mask is None and metrics is None):
            raise ValueError("expected the image_id that the mask and the metrics belong to")
        with self._lock:
            pin = Pin(letter, setting, corrections=dict(corrections or {}))
            known = _metrics_that_stand(self._pins.get(letter), pin)
            if image_id is not None and metrics is not None:
                known = {**known, image_id: dict(metrics)}
            self._pins[letter] = pin = replace(pin, metrics=known)
            self._drop_unpinned()
            if image_id is not None and packed_mask is not None:
                self._masks.keep(pin.mask_key(image_id), packed_mask)
        self.changed.emit()
        return pin

    def unpin(self, letter: str) -> None:
        """Free a letter; the masks that no other letter needs are dropped.

        Raises
        ------
        KeyError
            If nothing is pinned to it.
        """
        with self._lock:
            del self._pins[letter]
            self._drop_unpinned()
        self.changed.emit()

    def note_metrics(
        self,
        setting: Setting,
        image_id: str,
        metrics: Metrics,
        corrections: Corrections | None = None,
    ) -> None:
        """Note what a setting's mask amounts to, for all letters that it is pinned to."""
        noted, key = dict(metrics), mask_key(image_id, setting, corrections)
        with self._lock:
            stale = [
                pin
                for pin in self._pins.values()
                if pin.mask_key(image_id) == key and pin.metrics.get(image_id) != noted
            ]
            for pin in stale:
                with_noted = {**pin.metrics, image_id: noted}
                self._pins[pin.letter] = replace(pin, metrics=with_noted)
        if stale:
            self.changed.emit()

    # ---- masks -----------------------------------------------------------------------------

    @property
    def memory_used(self) -> int:
        """Bytes that the masks take now."""
        return self._masks.used

    @property
    def memory_bytes(self) -> int:
        """Bytes that the masks may take together."""
        return self._masks.memory_bytes

    def keep_mask(
        self,
        setting: Setting,
        image_id: str,
        packed_mask: MaskStage,
        corrections: Corrections | None = None,
    ) -> bool:
        """Keep a mask that was computed for a pinned setting and its corrections.

        Returns
        -------
        bool
            Whether it is kept: not if the setting is pinned no more, or the mask is too large.
        """
        key = mask_key(image_id, setting, corrections)
        with self._lock:
            if all(pin.mask_key(image_id) != key for pin in self._pins.values()):
                return False
            kept = self._masks.keep(key, packed_mask)
        if kept:
            self.changed.emit()
        return kept

    def has_mask(self, letter: str, image_id: str) -> bool:
        """Return whether the mask of a pin is there for a fragment."""
        pin = self._pins.get(letter)
        return pin is not None and pin.mask_key(image_id) in self._masks

    def packed_mask(self, letter: str, image_id: str) -> MaskStage | None:
        """Return the mask of a pin for a fragment, a bit a voxel; None if it is not there."""
        with self._lock:
            pin = self._pins.get(letter)
            if pin is None:
                return None
            return self._masks.get(pin.mask_key(image_id))

    def mask_block(self, letter: str, image_id: str, block: Block) -> Mask | None:
        """Return a block of a pin's mask, unpacked; nothing is computed.

        Parameters
        ----------
        letter : str
        image_id : str
        block : Block
            Within the fragment.

        Returns
        -------
        array of uint8, {0, 1}, optional
            Of the block's shape; None if nothing is pinned there or the mask is not there.
        """
        packed = self.packed_mask(letter, image_id)
        return None if packed is None else packed.mask(block)

    # ---- comparing -------------------------------------------------------------------------

    def table(self, image_id: str, reference: str = "A") -> list[PinRow]:
        """Return the pins side by side.

        Parameters
        ----------
        image_id : str
            The fragment whose metrics are compared.
        reference : str
            The letter that the deltas are taken to; without such a pin there are none.

        Returns
        -------
        list of PinRow
            In the order of the letters.
        """
        pins = list(self)
        names = differing_knobs([pin.setting for pin in pins])
        base = next((pin.metrics.get(image_id, {}) for pin in pins if pin.letter == reference), {})
        rows = []
        for pin in pins:
            metrics = pin.metrics.get(image_id, {})
            deltas = {name: metrics[name] - base[name] for name in metrics if name in base}
            knobs = {name: getattr(pin.setting, name) for name in names}
            rows.append(PinRow(pin.letter, knobs, metrics, deltas))
        return rows

    # ---- inside, with the lock held --------------------------------------------------------

    def _drop_unpinned(self) -> None:
        pins = tuple(self._pins.values())
        self._masks.drop(lambda key: all(pin.mask_key(key.image_id) != key for pin in pins))


def _metrics_that_stand(old: Pin | None, new: Pin) -> Mapping[str, Metrics]:
    """Return the metrics of what was pinned before that are those of the new pin too."""
    if old is None:
        return {}
    return {
        image_id: metrics
        for image_id, metrics in old.metrics.items()
        if old.mask_key(image_id) == new.mask_key(image_id)
    }


def differing_knobs(settings: list[Setting]) -> list[str]:
    """Return the names of the knobs in which settings are not all alike, in the model's order."""
    names = [*described_knobs(Setting), "block"]
    return [name for name in names if len({getattr(one, name) for one in settings}) > 1]


def packed_bytes(shape: tuple[int, int, int]) -> int:
    """Return the bytes of a packed mask of this shape (Z, Y, X)."""
    depth, height, width = shape
    return math.prod((depth, height, -(-width // 8)))
