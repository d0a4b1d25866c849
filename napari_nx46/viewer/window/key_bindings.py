"""The keys of the actions, kept where napari keeps those of its own.

Every action is registered with napari's action manager, so that Preferences ▸ Shortcuts lists it
among the keys of the viewer, changes its key, and keeps it in napari's settings. napari 0.9.2 reads
no keys from a plugin's manifest; the action manager is what it offers. It has these limits:

- The actions are listed once a dock of this plugin was opened, or ``nx46 tune`` was run.
- A window that napari opens before that warns of kept keys whose actions it does not know yet; they
  work all the same as soon as the dock is there.

A key is bound to a window as long as its dock is there; what was bound to the key before is put
back with the dock's end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app_model.types import KeyBinding
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeymapProvider, coerce_keybinding

from napari_nx46.viewer.window.actions import ACTIONS, Action

RunAction = Callable[[Action], None]


class PluginKeys(KeymapProvider):
    """What the action manager binds the keys to; windows follow it by `CanvasKeys`.

    Bound to napari's own class of viewers, they would replace keys there for good.
    """


def action_id(action: Action) -> str:
    """Return the name of an action in napari's action manager and settings."""
    return f"napari-nx46:{action.name}"


OWN_NAMES = frozenset(map(action_id, ACTIONS))
"""What the actions of this plugin are called there."""


def register_actions() -> None:
    """Have napari list the actions, with the keys of the user's settings or else their own."""
    kept = get_settings().shortcuts.shortcuts
    for action in ACTIONS:
        name = action_id(action)
        if name in action_manager._actions:
            continue
        action_manager.register_action(name, _nothing, f"NX46: {action.title}", PluginKeys)
        for key in kept.get(name, [coerce_keybinding(action.key)]):
            action_manager.bind_shortcut(name, key)


def keys_of(action: Action) -> list[KeyBinding]:
    """Return the keys of an action as the user has set them; there may be none."""
    return [coerce_keybinding(key) for key in action_manager._shortcuts.get(action_id(action), [])]


def follow_keys(changed: Callable[[], None], until: Any = None) -> None:
    """Have a function called whenever a key of an action is changed, until a signal is emitted."""
    action_manager.events.shortcut_changed.connect(
        lambda event: changed() if event.name in OWN_NAMES else None, until=until
    )


class CanvasKeys:
    """Keys on the canvas of a window.

    Parameters
    ----------
    viewer : napari.Viewer
    run : callable
        Runs an action.
    """

    def __init__(self, viewer: Any, run: RunAction) -> None:
        register_actions()
        self._viewer = viewer
        self._run = run
        self._bound: dict[KeyBinding, tuple[Any, Any]] = {}
        """By key: what is bound, and what was before, if there was anything."""
        self._bind()
        action_manager.events.shortcut_changed.connect(self._changed)

    def end(self) -> None:
        """Put back what was bound before."""
        action_manager.events.shortcut_changed.disconnect(self._changed)
        self._put_back()

    def _changed(self, event: Any) -> None:
        # napari says so for each of its own keys too, whenever a window is opened.
        if event.name in OWN_NAMES:
            self._put_back()
            self._bind()

    def _bind(self) -> None:
        keymap = self._viewer.keymap
        for action in ACTIONS:
            for key in keys_of(action) if action.on_canvas else ():
                if key not in self._bound:
                    handler = self._handler(action)
                    self._bound[key] = handler, keymap.get(key)
                    keymap[key] = handler

    def _put_back(self) -> None:
        """Put back what was there, but leave keys that someone else has bound since."""
        keymap = self._viewer.keymap
        bound, self._bound = self._bound, {}
        for key, (handler, before) in bound.items():
            if keymap.get(key) is not handler:
                continue
            if before is None:
                del keymap[key]
            else:
                keymap[key] = before

    def _handler(self, action: Action) -> Callable[[Any], None]:
        def handle(viewer: Any) -> None:
            self._run(action)

        return handle


def _nothing() -> None:
    """Do nothing: the keys are bound in the windows."""
