"""Writing a kit: wheels, the setting, and a script and notebook that make the submission."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from napari_nx46.files.mask_store.writing import replace_folder
from napari_nx46.files.staging import staging_folder
from napari_nx46.run.kit.timing import SHAPE, compile_seconds, volume_seconds
from napari_nx46.run.kit.wheels import NAME, KitError, download_wheels, write_own_wheel
from napari_nx46.run.pages import render_page
from napari_nx46.setting import Setting

__all__ = ["LIMIT_SECONDS", "Kit", "KitError", "write_kit"]

LIMIT_SECONDS = 9 * 3600
"""For which a notebook of the competition may run."""


@dataclass(frozen=True, slots=True)
class Kit:
    """A kit that was written.

    Parameters
    ----------
    folder : Path
    wheels : tuple of str
        Names of the wheels, this package's own among them.
    bytes : int
        Of the wheels together.
    volume_seconds, compile_seconds : float
        For a volume of 320 x 320 x 320 voxels, and once to compile, on this machine.
    """

    folder: Path
    wheels: tuple[str, ...]
    bytes: int
    volume_seconds: float
    compile_seconds: float

    @property
    def most_volumes(self) -> int:
        """How many volumes there is time for within the limit."""
        return int((LIMIT_SECONDS - self.compile_seconds) / self.volume_seconds)


def write_kit(folder: Path, setting: Setting, python: str) -> Kit:
    """Write a folder with which masks are made where there is no network.

    Parameters
    ----------
    folder : Path
        Must not be there, or be empty.
    setting : Setting
    python : str
        Version of the interpreter that will be used, such as ``3.12``.

    Returns
    -------
    Kit

    Raises
    ------
    KitError
        If there is something in the folder, or no wheel for that Python.
    WriteError
        If it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KitError(f"{folder}: found something there; expected a folder that is new or empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staging_folder(folder.parent) as staging:
        made = staging / "kit"
        wheels = made / "wheels"
        wheels.mkdir(parents=True)
        own = write_own_wheel(wheels)
        download_wheels(own, wheels, python)
        kit = Kit(
            folder,
            tuple(sorted(path.name for path in wheels.iterdir())),
            sum(path.stat().st_size for path in wheels.iterdir()),
            volume_seconds(setting),
            compile_seconds(),
        )
        script = _script(kit)
        (made / "setting.json").write_text(setting.to_json(), encoding="utf-8")
        (made / "submit.py").write_bytes(script)
        (made / "submit.ipynb").write_text(_notebook(script.decode(), python), encoding="utf-8")
        replace_folder(made, folder)
    return kit


def _script(kit: Kit) -> bytes:
    values = {
        "shape": " x ".join(map(str, SHAPE)),
        "volume_seconds": round(kit.volume_seconds, 1),
        "compile_seconds": round(kit.compile_seconds),
        "limit": LIMIT_SECONDS,
        "version": version(NAME),
    }
    return render_page("napari_nx46.run.kit", "submit.py", values)


def _notebook(script: str, python: str) -> str:
    """Return a notebook of one cell, in version 4.5 of the format."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "submit",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": script.splitlines(keepends=True),
    }
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python", "version": python}}
    notebook = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1) + "\n"
