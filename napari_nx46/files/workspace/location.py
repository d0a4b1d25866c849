"""Where the workspace of a data folder is kept: among the user's data, never among the data set."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

WORKSPACES_VARIABLE = "NX46_WORKSPACES_DIR"
"""Environment variable that gives the folder of all workspaces."""

WORKSPACE_FILE = "runs.sqlite"

_LONGEST_NAME = 64
_DIGEST_CHARACTERS = 12
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def default_workspace(data: Path | str, environment: Mapping[str, str] | None = None) -> Path:
    """Return the workspace file of a data folder; nothing is made or opened.

    Parameters
    ----------
    data : Path or str
        The data folder or the volume that is calibrated; or the address of a store, with the level
        that is read.
    environment : mapping, optional
        Its `WORKSPACES_VARIABLE` gives the folder of all workspaces; by default ``os.environ``.
        Without it they are kept among the user's data.

    Returns
    -------
    Path
        ``FOLDER/NAME-DIGEST/runs.sqlite``: the data folder's name, and the first twelve
        hexadecimal digits of the SHA-256 of its resolved path, or of the address.
    """
    if isinstance(data, str):
        return _workspace(data.rstrip("/").rpartition("/")[2], data.encode(), environment)
    resolved = data.expanduser().resolve()
    return _workspace(resolved.name, os.fsencode(resolved), environment)


def workspace_of_content(fingerprint: str, environment: Mapping[str, str] | None = None) -> Path:
    """Return the workspace file of data that have no path; nothing is made or opened.

    Parameters
    ----------
    fingerprint : str
        Equal where the data are.
    environment : mapping, optional
        See `default_workspace`.
    """
    return _workspace("array", fingerprint.encode(), environment)


def _workspace(name: str, identity: bytes, environment: Mapping[str, str] | None) -> Path:
    digest = hashlib.sha256(identity).hexdigest()[:_DIGEST_CHARACTERS]
    plain = _NOT_PLAIN.sub("_", name)[:_LONGEST_NAME].lstrip(".") or "data"
    return _workspaces_folder(environment) / f"{plain}-{digest}" / WORKSPACE_FILE


def _workspaces_folder(environment: Mapping[str, str] | None) -> Path:
    folder = (os.environ if environment is None else environment).get(WORKSPACES_VARIABLE)
    if folder:
        return Path(folder).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("napari-nx46", appauthor=False) / "workspaces"
