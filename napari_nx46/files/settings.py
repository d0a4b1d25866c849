"""Reading a setting from a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from napari_nx46.files.regular import open_regular
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
        with open_regular(path) as stream:
            content = stream.read(MAXIMUM_SETTING_FILE_BYTES + 1)
        if len(content) > MAXIMUM_SETTING_FILE_BYTES:
            raise SettingError(
                f"{path}: too large for a setting, expected at most "
                f"{MAXIMUM_SETTING_FILE_BYTES} bytes"
            )
        return Setting.model_validate_json(content)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise SettingError(f"{path}: {faults_of(error)}") from error
