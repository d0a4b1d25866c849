"""Keys that work wherever in a dock the focus is, but for fields that text is typed into."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app_model.backends.qt import QKeyBindingSequence
from app_model.types import KeyBinding
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget

from napari_nx46.viewer.window.actions import ACTIONS, Action
from napari_nx46.viewer.window.key_bindings import follow_keys, keys_of, register_actions

RunAction = Callable[[Action], None]


class ActionShortcut(QShortcut):
    """Runs an action by its key while the focus is in a widget, or in one within it.

    Text fields get what is typed into them first: there letters stay letters. Number fields take no
    letters; in both, Ctrl+Z takes typing back.

    Parameters
    ----------
    action : Action
    run : callable
        Runs it.
    widget : QWidget
    """

    def __init__(self, action: Action, run: RunAction, widget: QWidget) -> None:
        super().__init__(widget)
        self.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._action = action
        self._run = run
        self.activated.connect(self._activate)
        self._take_keys()
        follow_keys(self._take_keys, until=self.destroyed)

    def _take_keys(self) -> None:
        self.setKeys([sequence_of(key) for key in keys_of(self._action)])

    def _activate(self) -> None:
        self._run(self._action)


def add_shortcuts(widget: QWidget, run: RunAction, actions: Iterable[Action] = ACTIONS) -> None:
    """Have the keys of actions work in a widget.

    Parameters
    ----------
    widget : QWidget
        Deletes the shortcuts with itself.
    run : callable
        Runs an action.
    actions : iterable of Action
    """
    register_actions()
    for action in actions:
        ActionShortcut(action, run, widget)


def key_sequence(key: str) -> QKeySequence:
    """Return a key in napari's notation as Qt knows it."""
    return sequence_of(KeyBinding.from_str(key))


def sequence_of(key: KeyBinding) -> QKeySequence:
    """Return a key as Qt knows it."""
    return QKeySequence(QKeyBindingSequence(key))


def keys_text(action: Action) -> str:
    """Return the keys of an action as this platform writes them, e.g. ``Shift+N``."""
    keys = map(sequence_of, keys_of(action))
    return " or ".join(str(key.toString(QKeySequence.SequenceFormat.NativeText)) for key in keys)


def key_text(key: str) -> str:
    """Return a key as this platform writes it, e.g. ``Shift+N``."""
    return str(key_sequence(key).toString(QKeySequence.SequenceFormat.NativeText))
