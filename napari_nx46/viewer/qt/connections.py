"""Signals of objects that outlive a widget, connected to it for as long as it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import SignalInstance
from qtpy.QtWidgets import QWidget


class Connections:
    """Connects signals to the methods of a widget until Qt deletes it.

    psygnal drops a method only when Python has collected its object, which may be long after Qt
    has deleted the widget.

    Parameters
    ----------
    widget : QWidget
        Is to keep this object in an attribute.
    """

    def __init__(self, widget: QWidget) -> None:
        self._connected: list[tuple[SignalInstance, Callable[..., Any]]] = []
        widget.destroyed.connect(self.end)

    def follow(self, signal: SignalInstance, method: Callable[..., Any]) -> None:
        """Call a method when a signal is emitted."""
        signal.connect(method)
        self._connected.append((signal, method))

    def end(self) -> None:
        """Call nothing any more."""
        connected, self._connected = self._connected, []
        for signal, method in connected:
            signal.disconnect(method, missing_ok=True)
