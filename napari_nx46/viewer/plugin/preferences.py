"""The plugin's page of napari's Preferences, which the manifest's `configurations` describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from napari.settings import get_plugin_settings
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtGui import QColor

from napari_nx46.data.fragments import DataSet
from napari_nx46.files.workspace import WORKSPACES_VARIABLE
from napari_nx46.run.pipelines import DEFAULT_MEMORY_BUDGET, PipelineSet
from napari_nx46.setting import DEFAULT_BAND
from napari_nx46.viewer.messages.notices import notify_warning

__all__ = ["DEFAULT_MASK_COLOR", "Preferences", "PreferencesFollower", "read_preferences"]

Value = TypeVar("Value")

PLUGIN = "napari-nx46"
WHERE = "Preferences ▸ NX46"
GIB = 2**30
PERCENT = 100
DEFAULT_THREADS = 2
DEFAULT_MASK_COLOR = "#ff9f1c"

REST_MILLISECONDS = 1000
"""Texts are read once nobody types any more: half of a word is no mistake."""


@dataclass(frozen=True)
class Preferences:
    """What a user prefers, valid throughout.

    Parameters
    ----------
    memory : int, optional
        Bytes for one fragment's volumes and score; None leaves it to the program.
    threads : int
        That compute at a time.
    workspaces : Path, optional
        The folder in which the workspaces of all data are kept; None is the usual one.
    band : tuple of float
        Density aimed at: lowest and highest.
    mask_color : str
        ``#rrggbb``.
    outline : bool
        Whether a line is drawn around the mask.
    problems : tuple of str
        What cannot be used, in words; the default is there instead.
    """

    memory: int | None = None
    threads: int = DEFAULT_THREADS
    workspaces: Path | None = None
    band: tuple[float, float] = DEFAULT_BAND
    mask_color: str = DEFAULT_MASK_COLOR
    outline: bool = False
    problems: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """All that cannot be used, in one message; empty where there is nothing."""
        return f"{WHERE}: {'; '.join(self.problems)}." if self.problems else ""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment with the preferred folder of workspaces, unless it names another one."""
        preferred = {} if self.workspaces is None else {WORKSPACES_VARIABLE: str(self.workspaces)}
        return {**preferred, **os.environ}

    def check(self, dataset: DataSet) -> None:
        """Check that data can be read with the memory that is preferred.

        Raises
        ------
        VolumeError
            If they cannot.
        """
        if self.memory is not None:
            PipelineSet(dataset, memory_budget=self.memory)


def read_preferences() -> Preferences:
    """Return what the user prefers, with the defaults where napari does not know the plugin."""
    settings = plugin_settings()
    if settings is None:
        return Preferences()
    problems: list[str] = []

    def valid(parse: Callable[[Any], Value], default: Value) -> Value:
        try:
            return parse(settings)
        except ValueError as error:
            problems.append(str(error))
            return default

    computing = settings.computing
    memory = round(computing.memory * GIB)
    return Preferences(
        memory=None if memory == DEFAULT_MEMORY_BUDGET else memory,
        threads=computing.threads,
        workspaces=valid(_workspaces, None),
        band=valid(_band, DEFAULT_BAND),
        mask_color=valid(_mask_color, DEFAULT_MASK_COLOR),
        outline=settings.mask.outline,
        problems=tuple(problems),
    )


def plugin_settings() -> Any:
    """Return napari's settings of this plugin; None where the plugin is disabled or not found."""
    try:
        return get_plugin_settings(PLUGIN)
    except KeyError:
        return None


def _workspaces(settings: Any) -> Path | None:
    text = settings.computing.workspace_folder.strip()
    if not text:
        return None
    folder = Path(text).expanduser()
    if not folder.is_absolute():
        raise ValueError(f"the workspace folder is {text!r}, expected a full path, or nothing")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"the workspace folder {text!r} is a file, expected a folder")
    return folder


def _band(settings: Any) -> tuple[float, float]:
    low, high = settings.mask.lowest_density, settings.mask.highest_density
    if not low < high:
        raise ValueError(
            f"the target band is {low:g} % to {high:g} %, expected the lowest density first"
        )
    return low / PERCENT, high / PERCENT


def _mask_color(settings: Any) -> str:
    text = settings.mask.color.strip()
    color = QColor(text)
    if not color.isValid():
        raise ValueError(f"the mask colour is {text!r}, expected a name such as orange, or #rrggbb")
    return str(color.name())


class PreferencesFollower(QObject):
    """Reads the preferences of a session, and reads those of the mask again when they are changed.

    Attributes
    ----------
    now : Preferences
        Those that were read last.
    mask_changed : Signal(object)
        Carries the `Preferences` after one of the mask's has changed.
    """

    mask_changed = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.now = read_preferences()
        self._reported = ""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MILLISECONDS)
        self._rest.timeout.connect(self._read_again)
        self._settings = plugin_settings()
        if self._settings is not None:
            self._settings.events.changed.connect(self._touch)
        self._report()

    def close(self) -> None:
        """Follow the preferences no longer."""
        self._rest.stop()
        settings, self._settings = self._settings, None
        if settings is not None:
            settings.events.changed.disconnect(self._touch)

    def _touch(self, event: object = None) -> None:
        self._rest.start()

    def _read_again(self) -> None:
        before, self.now = self.now, read_preferences()
        self._report()
        if _of_mask(before) != _of_mask(self.now):
            self.mask_changed.emit(self.now)

    def _report(self) -> None:
        """Notify of what cannot be used, but once of the same."""
        message, reported = self.now.message, self._reported
        self._reported = message
        if message and message != reported:
            notify_warning(message)


def _of_mask(preferences: Preferences) -> tuple[object, ...]:
    return preferences.band, preferences.mask_color, preferences.outline
