"""A user's own presets: setting files in a folder, one a preset."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from napari_nx46.files.atomic import write_beside
from napari_nx46.files.naming import folded, printable
from napari_nx46.files.settings import read_setting
from napari_nx46.setting import Setting, SettingError, all_presets

PRESETS_VARIABLE = "NX46_PRESETS_DIR"
"""Environment variable that gives the folder."""

LONGEST_PRESET_NAME = 64
MOST_FILES = 1000
"""Files that a folder of presets may hold; more are no presets that a person saved."""

_SUFFIX = ".json"
_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{LONGEST_PRESET_NAME - 1}}}")


@dataclass(frozen=True, slots=True)
class PresetStore:
    """The presets that a user has saved.

    Parameters
    ----------
    folder : Path
        Holds one setting file a preset, ``NAME.json``; made with the first preset that is saved.
    """

    folder: Path

    def names(self) -> tuple[str, ...]:
        """Return the names of the presets, ascending.

        Files whose name no preset can have are left out, and so is one that is named like a
        published preset: that name means the published one.

        Raises
        ------
        SettingError
            If the folder holds more than `MOST_FILES` files.
        OSError
            If the folder cannot be listed; one that is missing has no presets.
        """
        try:
            with os.scandir(self.folder) as entries:
                files = [(entry.name, entry.is_file()) for entry in islice(entries, MOST_FILES + 1)]
        except FileNotFoundError:
            return ()
        if len(files) > MOST_FILES:
            raise SettingError(
                f"{self.folder}: found more than {MOST_FILES} files, expected a folder of presets"
            )
        names = [
            name.removesuffix(_SUFFIX)
            for name, is_file in files
            if is_file and name.endswith(_SUFFIX)
        ]
        return tuple(sorted(name for name in names if _may_be_saved(name)))

    def has(self, name: str) -> bool:
        """Return whether there is a preset of that name."""
        return _may_be_saved(name) and self._path(name).is_file()

    def read(self, name: str) -> Setting:
        """Return a preset.

        Raises
        ------
        SettingError
            If there is none of that name, or its file is damaged; names the file then.
        """
        if not self.has(name):
            raise self._missing(name)
        return read_setting(self._path(name))

    def save(self, name: str, setting: Setting, *, replace: bool = False) -> Path:
        """Save a preset; it appears whole or not at all.

        Parameters
        ----------
        name : str
            Letters, digits, ``.``, ``_`` and ``-``, at most `LONGEST_PRESET_NAME`, no dot first.
        setting : Setting
        replace : bool
            Whether a preset of that name may be there already.

        Returns
        -------
        Path
            Its file.

        Raises
        ------
        SettingError
            If the name cannot be one of a user's preset, if there is one of that name and
            `replace` is False, or if the folder is full.
        WriteError, OSError
            If the file cannot be written; what was there before is unchanged.
        """
        _check_name(name)
        target = self._path(name)
        if target.exists():
            if not replace:
                raise SettingError(f"there is a preset {name!r} already ({target})")
        elif len(self.names()) >= MOST_FILES:
            raise SettingError(f"{self.folder}: holds {MOST_FILES} presets already")
        self.folder.mkdir(parents=True, exist_ok=True)
        with write_beside(target) as partial:
            partial.write_text(setting.to_json(), encoding="utf-8")
        return target

    def delete(self, name: str) -> None:
        """Delete a preset.

        Raises
        ------
        SettingError
            If it is a published one, or there is none of that name.
        OSError
            If its file cannot be removed.
        """
        if _is_published(name):
            raise SettingError(f"the preset {name!r} is a published one, which stays")
        if not self.has(name):
            raise self._missing(name)
        self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self.folder / (name + _SUFFIX)

    def _missing(self, name: str) -> SettingError:
        names = ", ".join(self.names()) or "none"
        return SettingError(
            f"no preset {printable(name)!r} among those saved in {self.folder}; there are: {names}"
        )


def default_store(environment: Mapping[str, str] | None = None) -> PresetStore:
    """Return the store of this user's presets.

    Parameters
    ----------
    environment : mapping, optional
        Its `PRESETS_VARIABLE` gives the folder; by default ``os.environ``. Without it the presets
        are kept among the user's configuration.
    """
    folder = (os.environ if environment is None else environment).get(PRESETS_VARIABLE)
    if folder:
        return PresetStore(Path(folder))
    from platformdirs import user_config_path

    return PresetStore(user_config_path("napari-nx46", appauthor=False) / "presets")


def find_preset(name: str, store: PresetStore) -> Setting:
    """Return a preset by its name: a published one, else one of the user's.

    Raises
    ------
    SettingError
        If there is none of that name; the message lists all there are. If its file is damaged.
    OSError
        If the user's presets cannot be listed.
    """
    published = all_presets()
    if name in published:
        return published[name]
    if store.has(name):
        return store.read(name)
    yours = store.names()
    raise SettingError(
        f"no preset {printable(name)!r}; there are: {', '.join(published)}"
        + (f"; and yours: {', '.join(yours)}" if yours else "")
    )


def _check_name(name: str) -> None:
    if not _PLAIN_NAME.fullmatch(name):
        raise SettingError(
            f"found {printable(name)!r} as the name of a preset, expected at most "
            f"{LONGEST_PRESET_NAME} letters, digits, '.', '_' and '-', no dot first"
        )
    if _is_published(name):
        raise SettingError(f"{name!r} is the name of a published preset; expected another name")


def _may_be_saved(name: str) -> bool:
    return _PLAIN_NAME.fullmatch(name) is not None and not _is_published(name)


def _is_published(name: str) -> bool:
    # Some file systems and many readers take names that differ in case for one.
    return folded(name) in {folded(published) for published in all_presets()}
