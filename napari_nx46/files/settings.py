"""Reading a setting from a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from napari_nx46.files.regular import open_regular
from napari_nx46.setting.errors import SettingError, faults_of
from napari_nx46.setting.model import Setting

MAXIMUM_SETTING_FILE_BYTES = 16_000_000
"""Some kilobytes, in a manifest for each fragment; anything beyond this is neither."""


def read_setting(path: str | Path) -> Setting:
    """Read a setting from a JSON file: one of knobs by name, or the manifest of an export.

    Raises
    ------
    SettingError
        If the file cannot be read, is no JSON object of knobs, or has a knob out of range; if it is
        a manifest whose fragments have different settings.
    """
    path = Path(path)
    try:
        with open_regular(path) as stream:
            content = stream.read(MAXIMUM_SETTING_FILE_BYTES + 1)
        if len(content) > MAXIMUM_SETTING_FILE_BYTES:
            raise SettingError(
                f"{path}: too large for a setting, expected at most "
                f"{MAXIMUM_SETTING_FILE_BYTES} bytes"
            )
        return _setting_in(content, path)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise SettingError(f"{path}: {faults_of(error)}") from error


class _Entry(BaseModel):
    """The setting of a fragment, as a manifest has it."""

    setting: Setting


class _Manifest(BaseModel):
    """The settings in a manifest."""

    fragments: list[_Entry] = Field(min_length=1)


def _setting_in(content: bytes, path: Path) -> Setting:
    try:
        return Setting.model_validate_json(content)
    except ValidationError as error:
        try:
            manifest = _Manifest.model_validate_json(content)
        except ValidationError:
            raise error from None
    first, *others = (entry.setting for entry in manifest.fragments)
    if any(other != first for other in others):
        raise SettingError(
            f"{path}: found a manifest whose fragments have different settings, expected one for "
            "all; 'Save as…' in the window keeps a setting as a preset"
        )
    return first
