"""Another way to look at a session, which a viewer is switched to and back from."""

from __future__ import annotations

from napari.layers import Layer
from psygnal import Signal
from qtpy.QtCore import QObject


class ViewMode(QObject):
    """Layers and a view of their own in place of what the viewer shows, until it is switched off.

    Attributes
    ----------
    shown_changed : Signal(bool)
    """

    shown_changed = Signal(bool)

    @property
    def shown(self) -> bool:
        """Whether it is on."""
        raise NotImplementedError

    @property
    def can_be_shown(self) -> bool:
        """Whether there is what it shows."""
        raise NotImplementedError

    def show(self, shown: bool) -> None:
        """Switch on or off; it stays off where it cannot be shown."""
        if shown == self.shown or (shown and not self.can_be_shown):
            return
        if shown:
            self._switch_on()
        else:
            self._switch_off()
        self.shown_changed.emit(self.shown)

    def toggle(self) -> None:
        """Switch on if it is off, off if it is on."""
        self.show(not self.shown)

    def drop(self, layer: Layer) -> None:
        """Switch off when a user has deleted one of its layers."""
        self.show(False)

    def close(self) -> None:
        """Leave the viewer as it was."""
        if self.shown:
            self._switch_off()

    def _switch_on(self) -> None:
        raise NotImplementedError

    def _switch_off(self) -> None:
        raise NotImplementedError
