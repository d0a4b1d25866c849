"""Reading a setting from a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from napari_nx46.setting.errors import SettingError, faults_of
from napari_nx46.setting.model import Setting

MAXIMUM_SETTING_FILE_BYTES = 1_000_000
"""A setting file is a few kilobytes; anything beyond this is not one."""


def read_setting(path: str | Path) -> Setting:
    """Read a setting from a JSON file.

    Raises
    ------
    SettingError
        If the file cannot be read, is no JSON object of knobs, or has a knob out of range.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAXIMUM_SETTING_FILE_BYTES:
            raise SettingError(f"{path}: too large for a setting ({path.stat().st_size} bytes)")
        return Setting.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise SettingError(f"{path}: {faults_of(error)}") from error
